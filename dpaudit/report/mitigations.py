"""What mitigations were measured to do: before and after, who gains, who pays."""

from __future__ import annotations

import numpy as np

from dpaudit.model.measurement import Measurement
from dpaudit.model.report import Block, Column, Figure, Paragraph, Section, Table
from dpaudit.report.amounts import shown
from dpaudit.report.cases import Case
from dpaudit.report.charts import Dot, dot_plot
from dpaudit.report.costs import COST
from dpaudit.report.findings import Found
from dpaudit.report.options import ALPHA, Option, Options
from dpaudit.report.tables import cut, ends, limit
from dpaudit.report.told import slug
from dpaudit.report.wording import Context, first_upper


def mitigation_sections(context: Context, found: Found) -> tuple[Section, ...]:
    """Return one section for each decision and release that something was tried on."""
    del found
    made = []
    for decision in context.cases.decisions():
        for release in context.cases.releases(decision):
            case = context.cases.operating(decision, release)
            options = Options.of(context, case)
            if options is not None:
                made.append(_section(context, case, options))
    return tuple(made)


def _section(context: Context, case: Case, options: Options) -> Section:
    _, words = context.prose, context.words
    blocks: list[Block] = [
        Paragraph(
            text=_(
                "Each option was run again on the same noise, and its outcomes compared with "
                "those of {decision} from the true counts, {where}.",
                decision=words.decision(case),
                where=words.where(case),
            )
        )
    ]
    tried = [option for option in options.tried if option.name is not None]
    for block in (
        _chart(context, options),
        _compared(context, options),
        _prices(context, options),
        *(_gainers(context, case, tried[0], name) for name in context.cases.groupings()[:1]),
    ):
        blocks += [block] if block is not None else []
    title = _("What would change {decision}, “{release}”",
              decision=words.decision(case), release=case.task.release)  # fmt: skip
    name = f"options-{slug(case.task.decision)}-{slug(case.task.release)}"
    return Section(name=name, title=title, blocks=tuple(blocks))


def _called(context: Context, option: Option) -> str:
    return context.prose("do nothing") if option.name is None else option.name


def _named(context: Context, quantity: str) -> str:
    _, words = context.prose, context.words
    if quantity == COST:
        return _("Average losses")
    return _("Gap between {entities}", entities=words.entities)


def _compared(context: Context, options: Options) -> Table:
    _, words = context.prose, context.words
    other = ALPHA if options.quantity == COST else COST
    headings = [
        words.headed(_named(context, quantity), options.unit(quantity))
        for quantity in (options.quantity, other)
    ]
    rows = []
    for option in options.tried:
        first, second = option.measured(options.quantity), option.measured(other)
        rows.append(
            (
                _called(context, option),
                _value(context, first),
                _ends(context, first),
                _value(context, second),
                _ends(context, second),
                words.promise(option.case),
            )
        )
    return Table(
        caption=_("What each option was measured to do, the best first"),
        note=_(
            "Options that hand out more than there is, or promise less, come last. Where "
            "intervals overlap the order is not certain."
        ),
        columns=(
            Column(label=_("Option")),
            Column(label=headings[0], numeric=True),
            Column(label=_("Interval"), numeric=True),
            Column(label=headings[1], numeric=True),
            Column(label=_("Interval"), numeric=True),
            Column(label=_("Privacy")),
        ),
        rows=tuple(rows),
    )


def _prices(context: Context, options: Options) -> Table:
    """Return what options do to one release and to the sum of all, and what else they cost."""
    _ = context.prose
    rows = tuple(
        (
            _called(context, option),
            _value(context, option.case.shortfall),
            _value(
                context,
                option.case.find("error-change"),
                signed=True,
                none=_("no change") if option.name is None else "",
            ),
            _value(context, option.case.find("bias"), signed=True),
            context.said(option.case.task.cost) or _("nothing"),
        )
        for option in options.tried
    )
    return Table(
        caption=context.words.headed(
            _("What each option does to one release and to the sum, and what else it costs"),
            options.before.case.unit,
        ),
        columns=(
            Column(label=_("Option")),
            Column(label=_("Shortfall in one release"), numeric=True),
            Column(label=_("Change of all errors"), numeric=True),
            Column(label=_("Change of the sum"), numeric=True),
            Column(label=_("What else it costs")),
        ),
        rows=rows,
        note=_("A sum above 0 is more than there is to hand out. The intervals of these numbers "
               "are in measurements.csv."),
    )  # fmt: skip


def _value(
    context: Context, measured: Measurement | None, *, signed: bool = False, none: str = ""
) -> str:
    if measured is None:
        return none or context.prose("not measured")
    amounts = context.words.amounts(measured.unit, bare=True)
    return amounts.value(measured.estimate, signed=signed)


def _ends(context: Context, measured: Measurement | None) -> str:
    if measured is None:
        return context.prose("none")
    return context.words.amounts(measured.unit, bare=True).ends(measured.estimate)


def _chart(context: Context, options: Options) -> Figure | None:
    """Draw what options are ordered by, one below the other."""
    if len(options.found) < 2:  # noqa: PLR2004 - one number is compared with nothing
        return None
    _ = context.prose
    amounts = context.words.amounts(options.found[0][1].unit)
    if len({amounts.value(m.estimate) for _o, m in options.found}) == 1:
        return None
    dots = [
        Dot(
            name=_called(context, option),
            value=shown(-float(m.estimate.value), m.unit),
            low=shown(-float(m.estimate.high), m.unit),
            high=shown(-float(m.estimate.low), m.unit),
            label=amounts.value(m.estimate),
        )
        for option, m in options.found
    ]
    named = _named(context, options.quantity)
    best = options.best.measured(options.quantity)
    before = options.before.measured(options.quantity)
    now = "" if before is None else amounts.value(before.estimate)
    dearer = before is not None and any(
        float(m.estimate.value) < float(before.estimate.value) for _o, m in options.found
    )
    if options.best.name is None and dearer:
        title = _("No option without a higher price does better than doing nothing, with {now}",
                  now=now)  # fmt: skip
    elif options.best.name is None:
        title = _("No option does better than doing nothing, with {now}", now=now)
    else:
        title = _(
            "“{best}” has {after} where doing nothing has {now}",
            best=options.best.name,
            after="" if best is None else amounts.value(best.estimate),
            now=now,
        )
    desc = "; ".join(f"{dot.name}: {dot.label}" for dot in dots)
    return Figure(
        title=title,
        subtitle=_("{measure} of each option, drawn to the left of zero", measure=named),
        svg=dot_plot(
            dots,
            title=title,
            desc=desc,
            axis=context.words.headed(named, amounts.unit),
            amounts=context.words.amounts(amounts.unit, bare=True),
        ),
        alt=desc,
    )


def _gainers(context: Context, case: Case, best: Option, grouping: str) -> Table | None:
    """Return the average change of every group before an option, and what it moves."""
    before, moved = case.find("bias", over=grouping), best.case.find("gain", over=grouping)
    if before is None or moved is None:
        return None
    _, words = context.prose, context.words
    amounts = words.amounts(before.unit, bare=True)
    order = np.argsort(moved.estimate.value, kind="stable")
    kept = ends(order, limit(context))
    rows = tuple(
        (
            before.labels[i],
            amounts.value(before.estimate[i], signed=True),
            amounts.value(moved.estimate[i], signed=True),
            amounts.ends(moved.estimate[i]),
        )
        for i in kept
    )
    return Table(
        caption=words.headed(
            _("Who gains and who pays with “{name}”", name=_called(context, best)), before.unit
        ),
        columns=(
            Column(label=first_upper(words.over(grouping))),
            Column(label=_("Average change before"), numeric=True),
            Column(label=_("Moved by"), numeric=True),
            Column(label=_("Interval"), numeric=True),
        ),
        rows=rows,
        note=cut(context, len(kept), len(order)),
    )
