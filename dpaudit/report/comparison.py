"""Tables that put releases side by side, and levels of a tree one below the other."""

from __future__ import annotations

import math

import numpy as np

from dpaudit.model.estimate import Estimate
from dpaudit.model.finding import Finding
from dpaudit.model.hierarchy import ROOT
from dpaudit.model.measurement import Measurement
from dpaudit.model.report import Column, Table
from dpaudit.report.amounts import Amounts, difference, percent
from dpaudit.report.cases import Case
from dpaudit.report.confidence import confidence, signed_verdict
from dpaudit.report.costs import COST
from dpaudit.report.tables import change, cut, ends, interval_label, limit
from dpaudit.report.wording import Context, evidence, first_upper

_MATERIAL = 0.005
"""A smaller share of the total is no inflation worth a headline."""

_FINEST = -6
"""Power of ten below which bounds are not told apart."""

_NAMED = 3
"""Releases that a headline names."""

_MOST = 5
"""Releases beside one another in a table."""


def by_release(context: Context, decision: str, grouping: str) -> tuple[Table, ...]:
    """Return the bias of every group under each release at its operating point."""
    cases = context.cases
    at = [cases.operating(decision, name) for name in cases.releases(decision)]
    at = [case for case in at if case.find("bias", over=grouping) is not None]
    if len(at) < 2:  # noqa: PLR2004 - one release is compared with nothing
        return ()
    return tuple(
        _side_by_side(context, at[start : start + _MOST], grouping)
        for start in range(0, len(at), _MOST)
    )


def _side_by_side(context: Context, at: list[Case], grouping: str) -> Table:
    _, words = context.prose, context.words
    found = [m for case in at if (m := case.find("bias", over=grouping)) is not None]
    order = np.argsort(found[0].estimate.value, kind="stable")
    shown = ends(order, limit(context))
    amounts = words.amounts(found[0].unit, bare=True)
    rows = tuple(
        (
            found[0].labels[i],
            *(amounts.value(m.estimate[m.labels.index(found[0].labels[i])], signed=True)
              for m in found),
        )
        for i in shown
    )  # fmt: skip
    return Table(
        caption=words.headed(
            _(
                "Average {change} by {grouping} under each release of {decision}",
                change=change(context, found[0].unit),
                grouping=words.over(grouping),
                decision=words.decision(at[0]),
            ),
            found[0].unit,
        ),
        columns=(
            Column(label=first_upper(words.over(grouping))),
            *(Column(label=_release(context, case), numeric=True) for case in at),
        ),
        rows=rows,
        note=cut(context, len(shown), len(order)),
    )


def inflation(context: Context, case: Case) -> Finding | None:
    """Return which release changes the total most, up and down, among all of a decision."""
    if case.result.unit != "persons":
        return None
    _, words, cases = context.prose, context.words, context.cases
    due = float(case.result.truth.sum())
    at = [cases.operating(case.task.decision, n) for n in cases.releases(case.task.decision)]
    found = [(c, m) for c in at if (m := c.find("bias")) is not None]
    up = [(c, m) for c, m in found if float(m.estimate.low) > _MATERIAL * due]
    down = [(c, m) for c, m in found if float(m.estimate.high) < -_MATERIAL * due]
    if due <= 0 or len(found) < 2 or not (up or down):  # noqa: PLR2004 - nothing to compare
        return None
    up.sort(key=lambda pair: -float(pair[1].estimate.value))
    down.sort(key=lambda pair: float(pair[1].estimate.value))

    def values(pair: tuple[Case, Measurement]) -> dict[str, str]:
        share = abs(float(pair[1].estimate.value)) / due
        amount = words.amounts("persons").value(pair[1].estimate).lstrip("\u2212")
        return {
            "release": pair[0].task.release,
            "amount": amount,
            "share": percent(_, round(share, 3)),
        }

    parts = [
        _("“{release}” adds {amount} ({share}) to the total", **values(pair)) for pair in up[:1]
    ]
    parts += [
        _("“{release}” takes {amount} ({share}) from the total", **values(pair))
        for pair in down[:1]
    ]
    first, measured = (up or down)[0]
    sure, reason = confidence(_, measured.estimate, first)
    listed = (
        _("“{release}” ({point}): {amount}", release=c.task.release, point=words.promise(c),
          amount=words.amounts("persons").value(m.estimate, signed=True))
        for c, m in found
    )  # fmt: skip
    return Finding(
        id=f"inflation/{case.task.decision}",
        verdict="higher" if up else "lower",
        statement=_.listing(tuple(parts)),
        detail=_(
            "The true total is {due}. Average change of the total: {listed}.",
            due=words.amounts("persons").size(due),
            listed="; ".join(listed),
        ),
        estimate=measured.estimate,
        unit="persons",
        confidence=sure,
        reason=reason,
        evidence=tuple(e for c, _m in (*up[:1], *down[:1]) for e in evidence(c, "bias")),
    )


def shortfalls(context: Context, case: Case) -> Finding | None:
    """Return what one release takes under each, where one that promises nothing is a yardstick.

    So it is of the error that a survey has anyway, and of suppression.
    """
    _, words, cases = context.prose, context.words, context.cases
    at = [cases.operating(case.task.decision, n) for n in cases.releases(case.task.decision)]
    found = [(c, m) for c in at if (m := c.shortfall) is not None and not c.result.is_given]
    promises = {c.is_private for c, _m in found}
    if len(promises) < 2:  # noqa: PLR2004 - all alike: the cost of each says enough
        return None
    found.sort(key=lambda pair: -float(pair[1].estimate.value))
    first, measured = found[0]
    sure, reason = confidence(_, measured.estimate, first)
    amounts = words.amounts(measured.unit)
    apart = difference(measured.estimate, found[-1][1].estimate)
    listed = [
        _("“{release}” ({point}): {amount} ({interval})", release=c.task.release,
          point=words.promise(c), amount=amounts.value(m.estimate),
          interval=amounts.interval(m.estimate))
        for c, m in found
    ]  # fmt: skip
    return Finding(
        id=f"shortfalls/{case.task.decision}",
        verdict=signed_verdict(apart, case.typical("total")),
        statement=_(
            "In one release of {decision}, shortfalls add up to {amounts}",
            decision=words.decision(case),
            amounts=_.listing(
                tuple(
                    _("{amount} under “{release}”", amount=amounts.value(m.estimate),
                      release=c.task.release)
                    for c, m in found[:_NAMED]
                )
            ),
        ),
        detail=_(
            "Expected shortfall of all together, bad luck included: {listed}.",
            listed="; ".join(listed),
        ),
        estimate=measured.estimate,
        unit=measured.unit,
        confidence=sure,
        reason=reason,
        evidence=tuple(e for c, m in found for e in evidence(c, m.quantity)),
    )  # fmt: skip


def totals(context: Context, decision: str) -> Table | None:
    """Return for each release what it does to the sum of all outcomes: inflation or deflation."""
    _, words, cases = context.prose, context.words, context.cases
    rows: list[list[str]] = []
    first, losses = None, []
    for name in cases.releases(decision):
        for _value, case in cases.sweep(cases.operating(decision, name)) or (
            (0.0, cases.operating(decision, name)),
        ):
            whole, lost = case.find("bias"), case.find(COST)
            if whole is None:
                continue
            first = first or whole
            amounts = words.amounts(whole.unit, bare=True)
            rows.append(
                [
                    _release(context, case),
                    words.promise(case),
                    amounts.value(whole.estimate, signed=True),
                    amounts.ends(whole.estimate),
                ]
            )
            losses.append(_("not measured") if lost is None else amounts.value(lost.estimate))
    if first is None or len(rows) < 2:  # noqa: PLR2004 - one release is compared with nothing
        return None
    columns = [
        Column(label=_("Release")),
        Column(label=_("Privacy")),
        Column(label=_("Change of the total"), numeric=True),
        Column(label=interval_label(context, first), numeric=True),
    ]
    said = _("A positive change inflates the total, a negative one deflates it.")
    if set(losses) != {_("not measured")}:
        columns.append(Column(label=_("Sum of all losses"), numeric=True))
        rows = [[*row, lost] for row, lost in zip(rows, losses, strict=True)]
        said += " " + _(
            "Losses of some may be hidden behind gains of others: the last column "
            "adds up the losses alone."
        )
    return Table(
        caption=words.headed(_("What each release does to the total"), first.unit),
        columns=tuple(columns),
        rows=tuple(tuple(row) for row in rows),
        note=said,
    )  # fmt: skip


def by_level(context: Context, case: Case) -> Table | None:
    """Return how far counts are off at each level of the tree, from the whole to the entities."""
    tree = context.results.data.hierarchy
    if tree is None:
        return None
    _, words = context.prose, context.words
    rows = []
    for level, size in zip(tree.levels, tree.sizes, strict=True):
        over = {ROOT: "total", tree.levels[-1]: "entity"}.get(level, level)
        measured = case.find("bias", over=over)
        if measured is None:
            continue
        amounts = words.amounts(measured.unit)
        values = np.atleast_1d(measured.estimate.value)
        parts = [measured.estimate] if over == "total" else [
            measured.estimate[int(values.argmin())], measured.estimate[int(values.argmax())]
        ]  # fmt: skip
        rows.append(
            (
                words.over(over) if over != "total" else _("whole"),
                _.whole(size),
                amounts.value(parts[0], signed=True),
                amounts.value(parts[-1], signed=True),
                amounts.size(float(np.abs(values).mean())),
            )
        )
    if len(rows) < 2:  # noqa: PLR2004 - one level is no hierarchy
        return None
    counted = case.result.unit == "persons"
    return Table(
        caption=_("Average {change} level by level, {where}",
                  change=change(context, case.result.unit), where=words.where(case)),
        columns=(
            Column(label=_("Level")),
            Column(label=_("How many"), numeric=True),
            Column(label=_("Largest undercount") if counted else _("Largest loss"), numeric=True),
            Column(label=_("Largest overcount") if counted else _("Largest gain"), numeric=True),
            Column(label=_("Mean size"), numeric=True),
        ),
        rows=tuple(rows),
        note=_("The number of the whole is one number: it stands in both columns."),
    )  # fmt: skip


def bounds(context: Context, case: Case, over: str) -> Table | None:
    """Return the lower and upper bounds of a gap around what was measured, and their grounds.

    Between entities there may be proved bounds as well.
    """
    measured = case.find("alpha-fairness", over=over)
    proved = case.find("alpha-bounds", over=over)
    if measured is None:
        return None
    _, words = context.prose, context.words
    amounts = words.amounts(measured.unit, bare=True)
    own = measured.estimate
    method = {"exact": _("formula"), "quadrature": _("numerical integral")}.get(
        own.method, _("simulation")
    )
    grounds = (
        _("the formula and its numerical error")
        if own.is_deterministic
        else _("right for all pairs at once with probability {level}", level=percent(_, own.level))
    )
    rows = [_bound(amounts, own, method, grounds)]
    if proved is not None:
        statement = next((note.message for note in case.notes if note.kind == "bound"), "")
        rows.append(_bound(amounts, proved.estimate, _("proof"), context.said(statement)))
    return Table(
        caption=words.headed(
            _("Bounds of the gap, {where}", where=words.where(case)), measured.unit
        ),
        columns=(
            Column(label=_("Lower bound"), numeric=True),
            Column(label=_("Value"), numeric=True),
            Column(label=_("Upper bound"), numeric=True),
            Column(label=_("Method")),
            Column(label=_("What it rests on")),
        ),
        rows=tuple(rows),
    )


def _bound(
    amounts: Amounts, estimate: Estimate, method: str, grounds: str
) -> tuple[str, str, str, str, str]:
    place = amounts.precision(estimate)
    width = float(estimate.high - estimate.low)
    if width > 0 and estimate.method == "bound":  # as many digits as tell the bounds apart
        place = max(min(place, math.floor(math.log10(width))), _FINEST)
    low, value, high = (
        amounts.size(float(end), place=place)
        for end in (estimate.low, estimate.value, estimate.high)
    )
    return low, value, high, method, grounds


def _release(context: Context, case: Case) -> str:
    _ = context.prose
    if not case.task.point:
        return case.task.release
    return _("{release}, {point}", release=case.task.release, point=context.words.point(case))
