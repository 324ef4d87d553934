"""Figures of a report: which numbers are drawn, and the conclusion each title states."""

from __future__ import annotations

import math

from dpaudit.model.report import Figure
from dpaudit.report.amounts import shown
from dpaudit.report.cases import Case
from dpaudit.report.charts import Dot, Line, curve, dot_plot
from dpaudit.report.costs import COST
from dpaudit.report.differences import Extremes, group_sizes
from dpaudit.report.drawing import WIDTH
from dpaudit.report.tables import change, extreme_rows
from dpaudit.report.wording import Context, first_upper

MOST_DOTS, MOST_LINES = 24, 4


def source(context: Context) -> str:
    """Return where the numbers of every chart come from."""
    _, results = context.prose, context.results
    if all(task.is_given for task in results.tasks):
        return _("Source: {file}, and releases that were made elsewhere.", file=results.data.source)
    return _(
        "Source: {file}; {draws} simulated releases at most, seed {seed}.",
        file=results.data.source,
        draws=_.whole(results.provenance.draws),
        seed=str(results.provenance.seed),
    )


def bias_plot(
    context: Context, case: Case, axis: str, *, most: int = MOST_DOTS, width: float = WIDTH
) -> Figure | None:
    """Return the dot plot of the bias over entities or groups, largest loss first."""
    measured = case.find("bias", over=axis)
    if measured is None or not measured.labels:
        return None
    _, words = context.prose, context.words
    amounts = words.amounts(measured.unit)
    order = extreme_rows(measured, most)
    rows = tuple(
        Dot(
            name=measured.labels[i],
            value=shown(measured.estimate.value[i], measured.unit),
            low=shown(measured.estimate.low[i], measured.unit),
            high=shown(measured.estimate.high[i], measured.unit),
            label=amounts.value(measured.estimate[i], signed=True),
        )
        for i in order
    )
    title = _bias_title(context, axis, Extremes.of(measured, group_sizes(case, measured)))
    readings = "; ".join(
        f"{row.name}: {row.label} ({amounts.ends(measured.estimate[i])})"
        for row, i in zip(rows, order, strict=True)
    )
    subtitle = _("Average {change} by {axis}, {where}", change=change(context, measured.unit),
                 axis=words.over(axis), where=words.where(case))  # fmt: skip
    if len(order) < len(measured.labels):
        subtitle = (
            _("{subtitle}: the {count} at each end", subtitle=subtitle, count=_.whole(most // 2))
            if len(order) == 2 * (most // 2)
            else _("{subtitle}: the {count} that change most", subtitle=subtitle,
                   count=_.whole(len(order)))
        )  # fmt: skip
    if not measured.estimate.is_deterministic:
        subtitle = _("{subtitle}; hollow where the interval holds zero", subtitle=subtitle)
    alt = _("{title}. {first} {first_value}, {last} {last_value}.", title=title,
            first=rows[0].name, first_value=rows[0].label,
            last=rows[-1].name, last_value=rows[-1].label)  # fmt: skip
    drawn = dot_plot(rows, title=alt, desc=readings, axis=first_upper(words.unit(measured.unit)),
                     amounts=words.amounts(measured.unit, bare=True), width=width)  # fmt: skip
    return Figure(title=title, subtitle=subtitle, svg=drawn, alt=alt, source=source(context))


def _bias_title(context: Context, axis: str, extremes: Extremes) -> str:
    _, measured = context.prose, extremes.measurement
    words = context.words
    if extremes.losers and extremes.gainers:
        return _(
            "{loser} loses most, {gainer} gains most",
            loser=first_upper(words.named(axis, measured.labels[extremes.losers[0]])),
            gainer=words.named(axis, measured.labels[extremes.gainers[0]]),
        )
    if extremes.losers or extremes.gainers:
        first = (extremes.losers or extremes.gainers)[0]
        name = first_upper(words.named(axis, measured.labels[first]))
        if extremes.losers and extremes.sizes is not None:
            return _("{name} loses most for its size", name=name)
        if extremes.losers:
            return _("{name} loses most", name=name)
        return _("{name} gains most", name=name)
    return _("No dependable shift between {axes}", axes=words.overs(axis))


def tradeoff(context: Context, case: Case, quantity: str, over: str) -> Figure | None:
    """Return the curve of a scalar quantity over the sweep, one line for each sibling."""
    cases, _ = context.cases, context.prose
    parameter = cases.swept(case)
    first = case.find(quantity, over=over)
    if parameter is None or first is None:
        return None
    lines = tuple(
        line
        for sibling in cases.siblings(case)[:MOST_LINES]
        if len((line := _line(context, sibling, quantity, over)).points) > 1
    )
    if not lines:
        return None
    amounts = context.words.amounts(first.unit)
    own = _line(context, case, quantity, over)
    ends = [
        at.find(quantity, over=over) for _x, at in cases.sweep(case)
        if at.find(quantity, over=over) is not None
    ]  # fmt: skip
    start, stop = ends[0], ends[-1]
    if start is None or stop is None:
        return None
    what = _quantity(context, quantity, over)
    title = _(
        "{What}: {before} at {low}, {after} at {high}",
        What=first_upper(what),
        before=amounts.value(start.estimate),
        low=_.point(parameter, own.points[0][0]),
        after=amounts.value(stop.estimate),
        high=_.point(parameter, own.points[-1][0]),
    )
    readings = "; ".join(
        f"{line.name}: "
        + ", ".join(f"{_.point(parameter, p[0])} {amounts.size(p[1])}" for p in line.points)
        for line in lines
    )
    drawn = curve(
        lines,
        title=f"{title}. {readings}.",
        desc=readings,
        axes=(_axis(context, parameter), _("{what}, {unit}", what=first_upper(what),
                                           unit=context.words.unit(first.unit))),
        amounts=context.words.amounts(first.unit, bare=True),
        prose=_,
        marked=(float(case.task.point[parameter]), _("reported here")),
    )  # fmt: skip
    return Figure(
        title=first_upper(title),
        subtitle=_("One line for each release with {mechanism} noise; shaded intervals",
                   mechanism=case.result.mechanism),
        svg=drawn,
        alt=f"{title}. {readings}.",
        source=source(context),
    )  # fmt: skip


def tradeoffs(context: Context, case: Case) -> tuple[Figure, ...]:
    """Return the curves of the cost and of the gap between entities."""
    wanted = ((COST, "total"), ("alpha-fairness", "entity"))
    drawn = (tradeoff(context, case, quantity, over) for quantity, over in wanted)
    return tuple(figure for figure in drawn if figure is not None)


def _line(context: Context, case: Case, quantity: str, over: str) -> Line:
    measured = ((x, at.find(quantity, over=over)) for x, at in context.cases.sweep(case))
    return Line(
        name=case.task.release,
        points=tuple(
            (x, float(m.estimate.value), float(m.estimate.low), float(m.estimate.high))
            for x, m in measured
            if m is not None and math.isfinite(float(m.estimate.value))
        ),
    )


def _quantity(context: Context, quantity: str, over: str) -> str:
    _ = context.prose
    if quantity == "alpha-fairness":
        return _("gap between {axes}", axes=context.words.overs(over))
    return _("cost of privacy")


def _axis(context: Context, parameter: str) -> str:
    _ = context.prose
    if parameter == "epsilon":
        return _("Privacy-loss budget ε: more privacy to the left, more accuracy to the right")
    return parameter
