"""What mitigations were measured to do: before and after, who gains, who pays."""

from __future__ import annotations

import numpy as np

from dpaudit.model.measurement import Measurement
from dpaudit.model.report import Block, Column, DefinitionList, Figure, Paragraph, Section, Table
from dpaudit.report.amounts import Amounts, shown
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
        _costs(context, tried),
        *(_gainers(context, case, tried[0], name) for name in context.cases.groupings()[:1]),
    ):
        blocks += [block] if block is not None else []
    title = _("What would change it: {decision}, {where}",
              decision=words.decision(case), where=words.release(case))  # fmt: skip
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
    unit, single = options.before.case.unit, options.before.case.result.unit
    units = {COST: unit, ALPHA: single}
    amounts = {name: words.amounts(each) for name, each in units.items()}
    other = ALPHA if options.quantity == COST else COST
    rows = tuple(
        (
            _called(context, option),
            _value(context, amounts[options.quantity], option.measured(options.quantity)),
            _ends(context, amounts[options.quantity], option.measured(options.quantity)),
            _value(context, amounts[other], option.measured(other)),
            _value(context, amounts[COST], option.case.shortfall),
            words.promise(option.case),
        )
        for option in options.tried
    )
    return Table(
        caption=_("What each option was measured to do, the best first"),
        columns=(
            Column(label=_("Option")),
            Column(label=_named(context, options.quantity), numeric=True),
            Column(label=_("Interval"), numeric=True),
            Column(label=_named(context, other), numeric=True),
            Column(label=_("Shortfall in one release"), numeric=True),
            Column(label=_("Privacy")),
        ),
        rows=rows,
        note=_("The intervals of the other two numbers are in measurements.csv."),
    )


def _value(context: Context, amounts: Amounts, measured: Measurement | None) -> str:
    if measured is None:
        return context.prose("not measured")
    return amounts.value(measured.estimate)


def _ends(context: Context, amounts: Amounts, measured: Measurement | None) -> str:
    return context.prose("none") if measured is None else amounts.ends(measured.estimate)


def _costs(context: Context, tried: list[Option]) -> DefinitionList | None:
    """Return what options cost beside what is measured, where they say so."""
    _ = context.prose
    items = tuple(
        (_called(context, option), _("It costs {what}.", what=option.case.task.cost))
        for option in tried
        if option.case.task.cost
    )
    return DefinitionList(items=items) if items else None


def _chart(context: Context, options: Options) -> Figure | None:
    """Draw what options are ordered by, one below the other."""
    if len(options.found) < 2:  # noqa: PLR2004 - one number is compared with nothing
        return None
    _ = context.prose
    amounts = context.words.amounts(options.found[0][1].unit)
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
    values = {m.estimate.value.item(): amounts.value(m.estimate) for _o, m in options.found}
    before = options.before.measured(options.quantity)
    now = "" if before is None else amounts.value(before.estimate)
    if options.best.name is None:
        title = _("No option does better than doing nothing, with {now}", now=now)
    else:
        title = _(
            "“{best}” has {after} where doing nothing has {now}",
            best=options.best.name,
            after=min(values.items())[1],
            now=now,
        )
    desc = "; ".join(f"{dot.name}: {dot.label}" for dot in dots)
    return Figure(
        title=title,
        subtitle=_("{measure} of each option, drawn to the left of zero", measure=named),
        svg=dot_plot(dots, title=title, desc=desc, axis=named, amounts=amounts),
        alt=desc,
    )


def _gainers(context: Context, case: Case, best: Option, grouping: str) -> Table | None:
    """Return the average change of every group before an option, and what it moves."""
    before, moved = case.find("bias", over=grouping), best.case.find("gain", over=grouping)
    if before is None or moved is None:
        return None
    _, words = context.prose, context.words
    amounts = words.amounts(before.unit)
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
        caption=_("Who gains and who pays with “{name}”", name=_called(context, best)),
        columns=(
            Column(label=first_upper(words.over(grouping))),
            Column(label=_("Average change before"), numeric=True),
            Column(label=_("Moved by"), numeric=True),
            Column(label=_("Interval"), numeric=True),
        ),
        rows=rows,
        note=cut(context, len(kept), len(order)),
    )
