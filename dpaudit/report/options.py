"""The mitigations that were tried on a case, ordered by what they do, and the advice in them."""

from __future__ import annotations

import math

import attrs

from dpaudit.model.measurement import Measurement
from dpaudit.report.amounts import negligible
from dpaudit.report.cases import Case
from dpaudit.report.catalogues import first_paragraph
from dpaudit.report.costs import COST
from dpaudit.report.wording import Context

ALPHA = "alpha-fairness"

_ROUNDING = 1e-9

_MATERIAL = 0.0005
"""A smaller change of the sum, as a share of it, is not said."""


@attrs.frozen(eq=False)
class Option:
    """A case with the name of the mitigation that made it; doing nothing has none."""

    case: Case
    name: str | None

    def measured(self, quantity: str) -> Measurement | None:
        """Return the cost of privacy or the gap between entities, α."""
        return self.case.find(quantity, over="entity" if quantity == ALPHA else "total")


@attrs.frozen(eq=False)
class Options:
    """What was tried on a case and doing nothing, the best first.

    ``quantity`` is what they are ordered by: the cost of privacy, or α where nobody loses on
    average if nothing is done, or losses were not asked for. Options that hand out more than
    there is, or promise less, come after all others: what they achieve is paid for elsewhere.
    An option that does as well as doing nothing comes after it.
    """

    tried: tuple[Option, ...]
    quantity: str

    @classmethod
    def of(cls, context: Context, case: Case) -> Options | None:
        """Return the options of a case, or ``None`` where nothing was tried."""
        tried = [Option(each, each.task.mitigation) for each in context.cases.mitigated(case)]
        if not tried:
            return None
        tried.insert(0, Option(case, None))
        now = case.find(COST)
        loses = now is not None and float(now.estimate.value) > negligible(now.unit)
        quantity = COST if loses else ALPHA

        def effect(option: Option) -> tuple[bool, float]:
            measured = option.measured(quantity)
            size = math.inf if measured is None else float(measured.estimate.value)
            return _is_dearer(option.case, case), size

        return cls(tried=tuple(sorted(tried, key=effect)), quantity=quantity)

    @property
    def best(self) -> Option:
        """The best of all; it may be doing nothing."""
        return self.tried[0]

    @property
    def before(self) -> Option:
        """Doing nothing."""
        return next(option for option in self.tried if option.name is None)

    def unit(self, quantity: str) -> str:
        """Return the unit of a measured quantity, the same for all options."""
        found = (option.measured(quantity) for option in self.tried)
        return next((measured.unit for measured in found if measured is not None), "")

    @property
    def found(self) -> tuple[tuple[Option, Measurement], ...]:
        """Options with what they are ordered by, where it was measured."""
        pairs = ((option, option.measured(self.quantity)) for option in self.tried)
        return tuple((option, m) for option, m in pairs if m is not None)


def _is_dearer(option: Case, before: Case) -> bool:
    """Whether an option promises less than doing nothing, or dependably raises the sum."""
    if option.result.guarantee.epsilon > before.result.guarantee.epsilon * (1.0 + _ROUNDING):
        return True
    whole, now = option.find("bias"), before.find("bias")
    due = abs(float(before.result.truth.sum()))
    if whole is None or now is None:
        return False
    return float(whole.estimate.low) - float(now.estimate.high) > _MATERIAL * due


def advice(context: Context, case: Case) -> tuple[str, ...]:
    """Return the mitigations that dependably lower average losses, most effective first."""
    here = case.find(COST)
    if here is None:
        return ()
    _, amounts = context.prose, context.words.amounts(here.unit)
    said = []
    options = Options.of(context, case)
    for option in options.tried if options is not None else ():
        after = option.case.find(COST)
        if option.name is None or after is None:
            continue
        if float(after.estimate.high) >= float(here.estimate.low):
            continue
        text = _(
            "{what} (“{name}”). Measured on the same noise, average losses fall from {before} to "
            "{after} ({interval}).",
            what=_summary(context, option.case),
            name=option.name,
            before=amounts.value(here.estimate),
            after=amounts.value(after.estimate),
            interval=amounts.interval(after.estimate),
        )
        once, then = case.shortfall, option.case.shortfall
        if once is not None and then is not None:
            text += " " + _(
                "What one release takes changes from {before} to {after}.",
                before=amounts.value(once.estimate),
                after=amounts.value(then.estimate),
            )
        change = option.case.find("error-change")
        if change is not None:
            text += " " + _errors(context, change)
        if _is_dearer(option.case, case) and option.case.result.guarantee != case.result.guarantee:
            text += " " + _(
                "Its promise is weaker: {after} in place of {before}.",
                after=context.words.promise(option.case),
                before=context.words.promise(case),
            )
        text += _more(context, option.case)
        if option.case.task.cost:
            text += " " + _("Its price: {what}.", what=context.said(option.case.task.cost))
        said.append(text)
    return tuple(said)


def _summary(context: Context, case: Case) -> str:
    """Return what a mitigation does, as its plug-in says it, without the full stop."""
    results = context.results
    use = next((m.plugin.use for m in results.spec.mitigations if m.name == case.task.mitigation),
               case.task.mitigation)  # fmt: skip
    plugin = next((p for p in results.provenance.plugins
                   if (p.kind, p.name) == ("mitigation", use)), None)  # fmt: skip
    if plugin is None:
        return context.prose("Use the option that was tried")
    return context.said(first_paragraph(plugin.summary)).rstrip(".")


def _errors(context: Context, change: Measurement) -> str:
    """Say how the errors of all together change, good luck and bad."""
    _, amounts = context.prose, context.words.amounts(change.unit)
    ends = (float(change.estimate.low), float(change.estimate.high))
    if ends[0] <= 0.0 <= ends[1]:
        return _("No change of the errors of one release, added up, was found.")
    said = {
        "amount": amounts.size(abs(float(change.estimate.value))),
        "interval": amounts.interval(change.estimate, absolute=True),
    }
    if ends[1] < 0.0:
        return _("The errors of one release, added up, fall by {amount} ({interval}).", **said)
    return _("The errors of one release, added up, rise by {amount} ({interval}).", **said)


def _more(context: Context, case: Case) -> str:
    """Say by how much the sum of all outcomes changes, where that is worth a sentence."""
    whole = case.find("bias")
    due = abs(float(case.result.truth.sum()))
    if whole is None or abs(float(whole.estimate.value)) <= _MATERIAL * due:
        return ""
    amounts = context.words.amounts(whole.unit)
    changed = amounts.value(whole.estimate, signed=True)
    return " " + context.prose("The sum of all changes by {amount}.", amount=changed)
