"""Tables of a report: six columns at most, the interval in its own column, full ones attached."""

from __future__ import annotations

import numpy as np

from dpaudit.model.measurement import Measurement
from dpaudit.model.report import Column, Table
from dpaudit.report.amounts import negligible, percent, rooted
from dpaudit.report.cases import Case
from dpaudit.report.costs import COST
from dpaudit.report.wording import Context, first_upper

MOST_ROWS = 200


def limit(context: Context) -> int:
    """Return the most rows of one table, as the audit file says and never over 200."""
    return max(2, min(MOST_ROWS, context.results.spec.report.rows_per_table))


def by_group(context: Context, case: Case, grouping: str) -> Table | None:
    """Return the bias of every group, biggest loss first: sum, interval, per entity, person."""
    measured = case.find("bias", over=grouping)
    if measured is None:
        return None
    _, words = context.prose, context.words
    order = np.argsort(measured.estimate.value, kind="stable")
    shown = ends(order, limit(context))
    members = context.results.data.groups.get(grouping, ())
    amounts = words.amounts(measured.unit, bare=True)
    single = case.find("bias", over=grouping, per="entity")
    per = measured.unit if single is None else single.unit
    rows = tuple(
        (
            measured.labels[i],
            _.whole(members.count(measured.labels[i])),
            amounts.value(measured.estimate[i], signed=True),
            amounts.ends(measured.estimate[i]),
            _mean(context, case, grouping, "entity", measured.labels[i]),
            _mean(context, case, grouping, "person", measured.labels[i]),
        )
        for i in shown
    )
    return Table(
        caption=words.headed(
            _(
                "Average {change} by {grouping}, {where}",
                change=change(context, measured.unit),
                grouping=words.over(grouping),
                where=words.where(case),
            ),
            measured.unit,
        ),
        columns=(
            Column(label=first_upper(words.over(grouping))),
            Column(label=first_upper(words.entities), numeric=True),
            Column(label=_("In all"), numeric=True),
            Column(label=interval_label(context, measured), numeric=True),
            *(
                Column(label=words.headed(label, per, under=measured.unit), numeric=True)
                for label in (_("Per {entity}", entity=words.entity), _("Per person counted"))
            ),
        ),
        rows=rows,
        note=cut(context, len(shown), len(order)),
    )


def extremes(context: Context, case: Case, count: int) -> Table | None:
    """Return the entities that lose and gain most, ``count`` each, with their intervals."""
    measured = case.find("bias", over="entity")
    if measured is None:
        return None
    _, words = context.prose, context.words
    amounts = words.amounts(measured.unit, bare=True)
    rows = extreme_rows(measured, min(2 * count, limit(context)))
    data, truth = context.results.data, case.result.truth
    return Table(
        caption=words.headed(
            _(
                "{entities} with the largest average losses and gains, {where}",
                entities=first_upper(words.entities),
                where=words.where(case),
            ),
            measured.unit,
        ),
        columns=(
            Column(label=first_upper(words.entity)),
            Column(label=first_upper(words.people), numeric=True),
            Column(label=_("Due by true counts"), numeric=True),
            Column(label=_("Average change"), numeric=True),
            Column(label=interval_label(context, measured), numeric=True),
        ),
        rows=tuple(
            (
                measured.labels[i],
                _.whole(float(data.counts[i])),
                amounts.size(float(truth[i])),
                amounts.value(measured.estimate[i], signed=True),
                amounts.ends(measured.estimate[i]),
            )
            for i in rows
        ),
        note=cut(context, len(rows), len(measured.labels)),
    )


def spread(context: Context, case: Case, grouping: str) -> Table | None:
    """Return how far one release typically is off, by group: shortfall and typical error."""
    short = case.find("expected-shortfall", over=grouping)
    error = case.find("mean-squared-error", over=grouping)
    if short is None:
        return None
    _, words = context.prose, context.words
    amounts = words.amounts(short.unit, bare=True)
    order = np.argsort(-short.estimate.value, kind="stable")[: limit(context)]
    columns = [
        Column(label=first_upper(words.over(grouping))),
        Column(label=_("Expected shortfall"), numeric=True),
        Column(label=interval_label(context, short), numeric=True),
    ]
    rows = [
        [short.labels[i], amounts.value(short.estimate[i]), amounts.ends(short.estimate[i])]
        for i in order
    ]
    if error is not None and error.labels == short.labels:
        columns.append(Column(label=_("Typical error"), numeric=True))
        typical = rooted(error.estimate)
        for row, i in zip(rows, order, strict=True):
            row.append(amounts.value(typical[i]))
    return Table(
        caption=words.headed(_("What one release may fall short, by {grouping}, {where}",
                               grouping=words.over(grouping), where=words.where(case)),
                             short.unit),
        columns=tuple(columns),
        rows=tuple(tuple(row) for row in rows),
        note=cut(context, len(order), len(short.labels)),
    )  # fmt: skip


def every_release(context: Context, decision: str) -> Table | None:
    """Return cost and shortfall of every release at its operating point."""
    _, words, cases = context.prose, context.words, context.cases
    at = [cases.operating(decision, name) for name in cases.releases(decision)]
    rows, first = [], None
    for case in at:
        cost, short = case.find(COST), case.shortfall
        if cost is None or short is None:
            continue
        first = first or cost
        amounts = words.amounts(cost.unit, bare=True)
        rows.append(
            (
                case.task.release,
                case.result.mechanism,
                ", ".join(case.steps) or _("none"),
                amounts.value(cost.estimate),
                amounts.ends(cost.estimate),
                amounts.value(short.estimate),
            )
        )
    if first is None:
        return None
    return Table(
        caption=words.headed(
            _("Cost of privacy and expected shortfall of every release of {decision} at {at}",
              decision=words.decision(at[0]), at=words.point(at[0]))
            if at[0].is_private
            else _("Cost of privacy and expected shortfall of every release of {decision}",
                   decision=words.decision(at[0])),
            first.unit,
        ),
        columns=(
            Column(label=_("Release")),
            Column(label=_("Noise")),
            Column(label=_("Post-processing")),
            Column(label=_("Cost of privacy"), numeric=True),
            Column(label=interval_label(context, first), numeric=True),
            Column(label=_("Expected shortfall"), numeric=True),
        ),
        rows=tuple(rows),
    )  # fmt: skip


def along_sweep(context: Context, case: Case) -> Table | None:
    """Return gap, cost and shortfall of a release along its sweep."""
    _, words = context.prose, context.words
    parameter = context.cases.swept(case)
    if parameter is None:
        return None
    rows, level, apart = [], None, ""
    for value, at in context.cases.sweep(case):
        cost, short = at.find(COST), at.shortfall
        gap = at.find("alpha-fairness", over="entity")
        if cost is None or short is None:
            continue
        level = level or cost
        apart = apart or ("" if gap is None else gap.unit)
        amounts = words.amounts(cost.unit, bare=True)
        gaps = words.amounts(apart, bare=True)
        rows.append(
            (
                _.point(parameter, value),
                amounts.value(cost.estimate),
                amounts.ends(cost.estimate),
                amounts.value(short.estimate),
                gaps.value(gap.estimate) if gap is not None else _("not measured"),
                gaps.ends(gap.estimate) if gap is not None else "",
            )
        )
    if level is None:
        return None
    return Table(
        caption=words.headed(
            _("What more and less privacy does, {release}", release=words.release(case)),
            level.unit,
        ),
        columns=(
            Column(label=_("Privacy-loss budget")),
            Column(label=_("Cost of privacy"), numeric=True),
            Column(label=interval_label(context, level), numeric=True),
            Column(label=_("Expected shortfall"), numeric=True),
            Column(
                label=words.headed(
                    _("Gap between {entities}", entities=words.entities), apart, under=level.unit
                ),
                numeric=True,
            ),
            Column(label=_("Its interval"), numeric=True),
        ),
        rows=tuple(rows),
    )


def change(context: Context, unit: str) -> str:
    """Return what a bias is called in a unit: gain or loss, or over- or undercount."""
    _ = context.prose
    return _("over- or undercount") if unit == "persons" else _("gain or loss")


def interval_label(context: Context, measured: Measurement) -> str:
    """Return the heading of an interval column: its level, if there is one."""
    _ = context.prose
    if measured.estimate.is_deterministic:
        return _("Interval")
    return _("{level} interval", level=percent(_, measured.estimate.level))


def _mean(context: Context, case: Case, grouping: str, per: str, label: str) -> str:
    measured = case.find("bias", over=grouping, per=per)
    if measured is None or label not in measured.labels:
        return context.prose("not measured")
    index = measured.labels.index(label)
    amounts = context.words.amounts(measured.unit, bare=True)
    return amounts.value(measured.estimate[index], signed=True)


def ends(order: np.ndarray, most: int) -> tuple[int, ...]:
    """Return both ends of an order where it is too long to print whole."""
    if len(order) <= most:
        return tuple(int(i) for i in order)
    half = most // 2
    return tuple(int(i) for i in (*order[:half], *order[-half:]))


def extreme_rows(measured: Measurement, most: int) -> tuple[int, ...]:
    """Return the rows that lose and gain most, largest loss first: half of ``most`` for each.

    Where there are more rows, one that neither loses nor gains is no extreme.
    """
    value = measured.estimate.value
    rows = ends(np.argsort(value, kind="stable"), most)
    if len(rows) == len(value):
        return rows
    moved = tuple(i for i in rows if abs(value[i]) >= negligible(measured.unit))
    return moved or rows


def cut(context: Context, shown: int, total: int) -> str:
    """Return the note of a table that does not show every row."""
    if shown == total:
        return ""
    return context.prose(
        "{shown} of {total} rows: the rest is in measurements.csv, beside this report.",
        shown=context.prose.whole(shown),
        total=context.prose.whole(total),
    )
