"""Whose share of the release is not their share of the people, and who vanished from it."""

from __future__ import annotations

import numpy as np

from dpaudit.model.estimate import Estimate
from dpaudit.model.finding import Finding
from dpaudit.model.measurement import Measurement
from dpaudit.model.report import Column, Table
from dpaudit.report.cases import Case
from dpaudit.report.confidence import confidence
from dpaudit.report.differences import Extremes
from dpaudit.report.reach import beside
from dpaudit.report.tables import cut, ends, interval_label, limit
from dpaudit.report.wording import Context, evidence, first_upper


def representation(context: Context, case: Case) -> tuple[Finding, ...]:
    """Return whose share shrinks and grows most, by grouping, and how many cells vanish."""
    made = [
        finding
        for grouping in context.cases.groupings()
        if (finding := _shift(context, case, grouping)) is not None
    ]
    vanished = _vanished(context, case)
    return (*made, *((vanished,) if vanished is not None else ()))


def _shift(context: Context, case: Case, grouping: str) -> Finding | None:
    measured = case.find("share", over=grouping)
    if measured is None:
        return None
    extremes = Extremes.of(measured)
    if not extremes.losers or not extremes.gainers:
        return None
    if -float(measured.estimate.value[extremes.losers[0]]) < _IMMATERIAL:
        return None
    _, words = context.prose, context.words
    amounts = words.amounts("share")
    loser, gainer = extremes.losers[0], extremes.gainers[0]
    sure, reason = confidence(_, measured.estimate[loser], case)
    true = _true_shares(context, case, measured)
    return Finding(
        id=f"representation/{case.task.decision}/{case.task.release}/{grouping}",
        verdict="lower",
        statement=_(
            "The share of {loser} shrinks by {loss}, that of {gainer} grows by {gain}",
            loser=words.named(grouping, measured.labels[loser]),
            loss=amounts.value(measured.estimate[loser]).lstrip("\u2212"),
            gainer=words.named(grouping, measured.labels[gainer]),
            gain=amounts.value(measured.estimate[gainer]),
        ),
        detail=_(
            "Under {where}, {name} has {count}, {share} of all, and on average {change} "
            "({interval}) less of the release.",
            where=words.where(case),
            name=words.label(measured.labels[loser]),
            count=beside(context, grouping, (measured.labels[loser],)),
            share=_percentage(context, float(true[loser])),
            change=amounts.value(measured.estimate[loser]).lstrip("\u2212"),
            interval=amounts.interval(measured.estimate[loser], absolute=True),
        ),
        estimate=measured.estimate[loser],
        unit="share",
        confidence=sure,
        reason=reason,
        evidence=evidence(case, f"share over {grouping}"),
        entities=(measured.labels[loser], measured.labels[gainer]),
    )


def _vanished(context: Context, case: Case) -> Finding | None:
    """Return how many entities with people have none in the release, and the other way round."""
    erased, invented = case.find("erased"), case.find("invented")
    if erased is None or invented is None:
        return None
    _, words = context.prose, context.words
    amounts = words.amounts("entities")
    truth = case.result.truth
    peopled = int(np.count_nonzero(truth > 0))
    sure, reason = confidence(_, erased.estimate, case)
    values = {
        "erased": _number(context, erased.estimate),
        "invented": _number(context, invented.estimate),
        "entities": words.entities,
    }
    is_loss = float(erased.estimate.low) >= _FEW
    statement = (
        _("{erased} {entities} with people show nobody in the release", **values)
        if is_loss
        else _("{invented} {entities} without people show some in the release", **values)
    )
    if not is_loss and float(invented.estimate.low) < _FEW:
        return None
    return Finding(
        id=f"vanished/{case.task.decision}/{case.task.release}",
        verdict="higher",
        statement=statement,
        detail=_(
            "Under {where}, of {peopled} {entities} with people {erased} ({first}) have none in "
            "the release on average; of {empty} without, {invented} ({second}) have some.",
            where=words.where(case),
            peopled=_.whole(peopled),
            empty=_.whole(truth.size - peopled),
            first=amounts.interval(erased.estimate),
            second=amounts.interval(invented.estimate),
            **values,
        )
        + _missed(context, case),
        estimate=erased.estimate if is_loss else invented.estimate,
        unit="entities",
        confidence=sure,
        reason=reason,
        evidence=evidence(case, "erased" if is_loss else "invented"),
    )


def _missed(context: Context, case: Case) -> str:
    """Say how many people are in what vanishes, on average over the noise."""
    erased, counts = case.find("erased", over="entity"), context.results.data.counts
    if erased is None or len(erased.labels) != len(counts):
        return ""
    _ = context.prose
    return " " + _(
        "Of {every} {people}, {some} are in those that vanish, on average.",
        every=_.whole(float(counts.sum())),
        some=_.whole(float((counts * erased.estimate.value).sum())),
        people=context.words.people,
    )


_IMMATERIAL = 5e-5
"""A change of a share that prints as less than 0.01 percentage points is no headline."""

_FEW = 1.0
"""Fewer vanished entities than this are not worth a headline."""


def _number(context: Context, estimate: Estimate) -> str:
    """Return an expected number of entities, whole where it is large."""
    value = float(estimate.value)
    places = 0 if value >= 10 or value == round(value) else 1  # noqa: PLR2004
    return context.prose.decimal(value, places=places)


def by_share(context: Context, case: Case, grouping: str) -> Table | None:
    """Return every group's true share, its change, and its vanished and invented entities."""
    measured = case.find("share", over=grouping)
    erased, invented = (case.find(name, over=grouping) for name in ("erased", "invented"))
    if erased is None or invented is None:
        return None
    _, words = context.prose, context.words
    basis = measured if measured is not None else erased
    order = np.argsort(basis.estimate.value, kind="stable")
    shown = ends(order, limit(context))
    true = _true_shares(context, case, basis)
    columns = [
        Column(label=first_upper(words.over(grouping))),
        Column(label=_("True share"), numeric=True),
        Column(label=_("Vanished {entities}", entities=words.entities), numeric=True),
        Column(label=_("Invented {entities}", entities=words.entities), numeric=True),
    ]
    rows = [
        [
            basis.labels[i],
            _percentage(context, float(true[i])),
            _number(context, erased.estimate[i]),
            _number(context, invented.estimate[i]),
        ]
        for i in shown
    ]
    if measured is not None:
        amounts = words.amounts("share", bare=True)
        columns[2:2] = [
            Column(label=_("Change in percentage points"), numeric=True),
            Column(label=interval_label(context, measured), numeric=True),
        ]
        for row, i in zip(rows, shown, strict=True):
            one = measured.estimate[i]
            row[2:2] = [amounts.value(one, signed=True), amounts.ends(one)]
    return Table(
        caption=_("Whose share of the release changes, by {grouping}, {where}",
                  grouping=words.over(grouping), where=words.where(case)),
        columns=tuple(columns),
        rows=tuple(tuple(row) for row in rows),
        note=cut(context, len(shown), len(order)),
    )  # fmt: skip


def _true_shares(context: Context, case: Case, measured: Measurement) -> np.ndarray:
    truth = case.result.truth
    members = np.array(context.results.data.groups[measured.over])
    sums = np.array([truth[members == label].sum() for label in measured.labels])
    return sums / max(float(truth.sum()), 1e-300)


def _percentage(context: Context, share: float) -> str:
    _ = context.prose
    places = 1 if share >= 0.01 or share == 0 else 2  # noqa: PLR2004
    return _("{number}%", number=_.decimal(100 * share, places=places))
