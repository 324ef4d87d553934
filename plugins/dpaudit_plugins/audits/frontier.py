"""The frontier: accuracy against the gap between groups, over budgets, bounds and mitigations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.blocks import Block, Column, Curves, Paragraph, Series, Table
from dpaudit.training.data import Split
from dpaudit.training.group_estimates import (
    change_of_largest_difference,
    largest_difference,
    of_runs,
)
from dpaudit.training.group_metrics import shares
from dpaudit.training.runs import Arm, Runs
from dpaudit_plugins.audits._learning import in_words, made, percent, predictions, signed

_MOST_LINES = 4


@attrs.frozen(kw_only=True)
class Frontier(dpaudit.Audit):
    """Measure what a learner gains in accuracy and what groups are apart by, beside no protection.

    Of the people held out (those learnt from where nobody is): the accuracy of all, the largest
    difference in accuracy of two groups, and how much larger (above 0) or smaller that is than
    without protection. Privacy may also narrow a gap; the sign says which way it went. The
    report sets all learners side by side: a point that another beats in both is dominated.

    References
    ----------
    Bagdasaryan, Poursaeed and Shmatikov (2019), Differential privacy has disparate impact on model
    accuracy, NeurIPS.
    """

    name: ClassVar[str] = "frontier"
    of: ClassVar = "learners"
    arms: ClassVar[frozenset[Arm]] = frozenset({"made", "plain"})

    def measure(
        self, subject: dpaudit.LearnerSubject, rng: np.random.Generator
    ) -> Sequence[dpaudit.Measurement]:
        """Return accuracy, gap, and the change of the gap; nothing where labels are numbers."""
        split: Split = "train" if subject.data.held_out is None else "held-out"
        if not subject.data.classes or len(subject.data.names) == 1:
            return ()
        own = _accuracies(subject, subject.runs(), split)
        plain = subject.runs("plain") if "plain" in subject.arms else subject.reference_runs()
        other = _accuracies(subject, plain, split)
        if own is None or other is None:
            return ()
        level, weights = subject.confidence, subject.data.records(split).shares
        found = (
            ("frontier-accuracy", of_runs(own @ weights, level)),
            ("frontier-accuracy-change", of_runs(own @ weights - other @ weights, level)),
            ("frontier-gap", largest_difference(own, level)),
            ("frontier-gap-change", change_of_largest_difference(own, other, level)),
        )
        return [made(subject, self.name, name, estimate) for name, estimate in found]


def _accuracies(subject: dpaudit.LearnerSubject, runs: Runs, split: Split) -> FloatArray | None:
    said = predictions(runs, split)
    if said is None:
        return None
    records = subject.data.records(split)
    return shares(said, records, len(subject.data.classes))["accuracy"].runs


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (Frontier,)


@dpaudit.hookimpl
def dpaudit_sections(results: Any) -> Mapping[str, Sequence[Block]]:
    """Say which learners are worth a choice, and which way the gap went with each."""
    points = [point for one in results.learners if (point := _point(results, one.task))]
    if not points:
        return {}
    said = Paragraph(
        text="Each learner, by the share of people that it classes rightly and by the difference "
        "between the best and the worst served group. A learner is dominated if another is at "
        "least as accurate with no larger gap, and better in one of both."
    )
    table = Table(
        caption="Accuracy and the gap between groups",
        columns=(
            Column(label="Learner"),
            Column(label="Right, in 100", numeric=True),
            Column(label="Change, points", numeric=True),
            Column(label="Gap, points", numeric=True),
            Column(label="Change of the gap, points", numeric=True),
            Column(label="The gap"),
            Column(label="Choice"),
        ),
        rows=tuple(_row(point, points) for point in points),
    )
    return {"Accuracy against the gap": (said, *_curves(points, table), table)}


@attrs.frozen(kw_only=True)
class _Point:
    task: Any
    accuracy: dpaudit.Estimate
    lost: dpaudit.Estimate
    gap: dpaudit.Estimate
    change: dpaudit.Estimate


def _point(results: Any, task: Any) -> _Point | None:
    names = ("accuracy", "accuracy-change", "gap", "gap-change")
    found = [results.select(task=task.id, quantity=f"frontier-{name}") for name in names]
    if not all(found):
        return None
    accuracy, lost, gap, change = (each[0].estimate for each in found)
    return _Point(task=task, accuracy=accuracy, lost=lost, gap=gap, change=change)


def direction(change: dpaudit.Estimate) -> str:
    """Return which way a gap went, as far as its interval tells."""
    if change.low > 0:
        return "wider"
    if change.high < 0:
        return "narrower"
    return "cannot tell" if change.low < 0 < change.high else "the same"


def _row(point: _Point, points: Sequence[_Point]) -> tuple[str, ...]:
    beaten = [
        other
        for other in points
        if other.accuracy.value >= point.accuracy.value
        and other.gap.value <= point.gap.value
        and (other.accuracy.value > point.accuracy.value or other.gap.value < point.gap.value)
    ]
    return (
        in_words(point.task),
        percent(float(point.accuracy.value)),
        signed(float(point.lost.value)),
        percent(float(point.gap.value)),
        signed(float(point.change.value)),
        direction(point.change),
        "dominated" if beaten else "on the frontier",
    )


def _curves(points: Sequence[_Point], table: Table) -> Iterator[Curves]:
    """Yield the gap over the budget, a line for each learner that sweeps it."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for point in points:
        budget = point.task.point.get("epsilon")
        if isinstance(budget, int | float) and np.isfinite(budget):
            rest = {k: v for k, v in point.task.point.items() if k != "epsilon"}
            name = in_words(attrs.evolve(point.task, point=rest))
            lines.setdefault(name, []).append((float(budget), float(point.gap.value)))
    series = tuple(
        Series(name=name, points=tuple(sorted(line)))
        for name, line in lines.items()
        if len({x for x, _ in line}) == len(line) > 1
    )
    if series:
        first = series[0].points
        grew = first[0][1] > first[-1][1]
        yield Curves(
            title=f"With a smaller budget the gap of {series[0].name} is "
            f"{'larger' if grew else 'smaller'}",
            subtitle="Difference in accuracy between the best and the worst served group",
            across="Privacy-loss budget ε",
            along="Gap",
            unit="share",
            series=series[:_MOST_LINES],
            table=table,
        )
