"""Group metrics: how well the people of each group are served, and who pays for equality."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.blocks import Block, Column, Paragraph, Table
from dpaudit.training.data import Split
from dpaudit.training.excess_risk import wilson
from dpaudit.training.group_estimates import largest_difference, of_runs
from dpaudit.training.group_metrics import calibration, levelled_down, shares
from dpaudit.training.runs import Arm, Runs
from dpaudit_plugins.audits._learning import (
    AT_ONCE,
    in_words,
    made,
    percent,
    predictions,
    signed,
    start_of,
)

_TWO = 2


@attrs.frozen(kw_only=True)
class GroupMetrics(dpaudit.Audit):
    """Measure shares of people in each group that are classed rightly, selected, and wronged.

    Accuracy; with two classes also the share selected (class 1), the share selected of those
    with label 1 (true positive rate) and with label 0 (false positive rate); how far stated
    chances are from what happens; the accuracy of the worst-served group; and of every share the
    largest difference of two groups. On the people learnt from and on those held out.

    **Levelling down** is flagged: where the accuracy gap is smaller than it is without
    protection, or than that of the learner which this one mitigates, and a group is served worse
    than there, ``levelled-down`` says by how much.

    Two errors are told apart: intervals of shares are those of the mean over runs, and
    ``accuracy-of-people`` has Wilson's interval, as if the people were drawn at random.

    References
    ----------
    Hardt, Price and Srebro (2016), Equality of opportunity in supervised learning, NeurIPS; Wilson
    (1927), Journal of the American Statistical Association 22(158); Mittelstadt, Wachter and
    Russell (2023), The unfairness of fair machine learning, Michigan Technology Law Review 30.
    """

    name: ClassVar[str] = "group-metrics"
    of: ClassVar = "learners"
    arms: ClassVar[frozenset[Arm]] = frozenset({"made", "plain"})

    def measure(
        self, subject: dpaudit.LearnerSubject, rng: np.random.Generator
    ) -> Sequence[dpaudit.Measurement]:
        """Return shares, gaps and changes, on every split; nothing where labels are numbers."""
        if not subject.data.classes:
            return ()
        return [one for split in subject.data.splits for one in self._split(subject, split)]

    def _split(
        self, subject: dpaudit.LearnerSubject, split: Split
    ) -> Iterator[dpaudit.Measurement]:
        level, start = subject.confidence, start_of(split)
        runs, records = subject.runs(), subject.data.records(split)
        said = predictions(runs, split)
        if said is None:
            return
        for name, share in shares(said, records, len(subject.data.classes)).items():
            inside = np.flatnonzero(share.known)
            if not inside.size:
                continue  # no group has anybody of whom it could be said
            labels = tuple(subject.data.names[a] for a in inside)
            rows = share.runs[:, inside]
            yield made(subject, self.name, start + name, of_runs(rows, level), labels=labels)
            if len(inside) > 1:
                gap = largest_difference(rows, level)
                yield made(subject, self.name, f"{start}{name}-gap", gap)
            if name == "accuracy":
                yield from self._accuracy(subject, split, rows)
        for name, rows in _calibration(runs, split).items():
            yield made(subject, self.name, start + name, of_runs(rows, level))

    def _accuracy(
        self, subject: dpaudit.LearnerSubject, split: Split, rows: FloatArray
    ) -> Iterator[dpaudit.Measurement]:
        start, records, level = start_of(split), subject.data.records(split), subject.confidence
        overall = of_runs(rows @ records.shares, level)
        yield made(subject, self.name, f"{start}accuracy", overall)
        people = _of_people(rows, records.sizes, level)
        yield made(subject, self.name, f"{start}accuracy-of-people", people)
        each = of_runs(rows, level)
        worst = dpaudit.Estimate(
            value=each.value.min(), low=each.low.min(), high=each.high.min(), level=each.level,
            method=each.method, draws=each.draws,
        )  # fmt: skip
        yield made(subject, self.name, f"{start}minimum-group-accuracy", worst)
        for what, other in (("", _reference(subject)), ("-against", _baseline(subject))):
            before = None if other is None else predictions(other, split)
            if before is None:
                continue
            then = shares(before, records, len(subject.data.classes))["accuracy"].runs
            change = of_runs(rows - then, level)
            yield made(subject, self.name, f"{start}accuracy-change{what}", change)
            lost = levelled_down(then.mean(axis=0), rows.mean(axis=0))
            if lost.any():
                yield made(subject, self.name, f"{start}levelled-down{what}", _losses(change, lost))


def _reference(subject: dpaudit.LearnerSubject) -> Runs | None:
    """Return the same learner without protection, on the same random numbers where it has that."""
    return subject.runs("plain") if "plain" in subject.arms else subject.reference_runs()


def _baseline(subject: dpaudit.LearnerSubject) -> Runs | None:
    return None if subject.baseline is None else subject.baseline.runs()


def _losses(change: dpaudit.Estimate, lost: FloatArray) -> dpaudit.Estimate:
    """Return what groups lost, with the interval of the change; 0 of those that lost nothing."""
    hurt = lost > 0
    return attrs.evolve(
        change,
        value=lost,
        low=np.where(hurt, np.minimum(lost, np.maximum(0.0, -change.high)), 0.0),
        high=np.where(hurt, np.maximum(lost, -change.low), 0.0),
    )


def _of_people(rows: FloatArray, sizes: Any, level: float) -> dpaudit.Estimate:
    """Return Wilson's intervals for all groups at once, of the share over runs and people."""
    mean = rows.mean(axis=0)
    each = 1.0 - (1.0 - level) / len(mean)
    low, high = wilson(mean * sizes, sizes.astype(np.float64), each)
    return dpaudit.Estimate(
        value=mean, low=np.minimum(low, mean), high=np.maximum(high, mean), level=level,
        method="asymptotic", draws=0,
    )  # fmt: skip


def _calibration(runs: Runs, split: Split) -> Mapping[str, FloatArray]:
    parts = []
    for first in range(0, len(runs), AT_ONCE):
        part = runs[first : first + AT_ONCE]
        chances = part.chances(split)
        if chances is None:
            return {}
        parts.append(calibration(chances, part.data.records(split)))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (GroupMetrics,)


@dpaudit.hookimpl
def dpaudit_sections(results: Any) -> Mapping[str, Sequence[Block]]:
    """Say how many of each group are classed rightly, and where a gap closed by somebody's loss."""
    rows: list[tuple[str, ...]] = []
    flagged: list[Block] = []
    for one in results.learners:
        rows += _rows(results, one.task)
        flagged += _flags(results, one.task)
    if not rows:
        return {}
    said = Paragraph(
        text="In how many of 100 cases people of each group are classed rightly, on average over "
        "the runs, and by how many percentage points that is more or less than without protection. "
        "The interval is that of the people: what it would be for others drawn like them."
    )
    table = Table(
        caption="Accuracy of each group",
        columns=(
            Column(label="Learner"),
            Column(label="Group"),
            Column(label="Right, in 100", numeric=True),
            Column(label="Interval of the people", numeric=True),
            Column(label="Change, points", numeric=True),
            Column(label="Selected, in 100", numeric=True),
        ),
        rows=tuple(rows),
    )
    return {"Accuracy by group": (said, table, *flagged)}


def _rows(results: Any, task: Any) -> list[tuple[str, ...]]:
    start = "held-out-" if results.select(task=task.id, quantity="held-out-accuracy") else ""
    found = {
        name: next(
            (m for m in results.select(task=task.id, quantity=start + name) if m.labels), None
        )
        for name in ("accuracy", "accuracy-of-people", "accuracy-change", "selection-rate")
    }
    right, people = found["accuracy"], found["accuracy-of-people"]
    if right is None or people is None:
        return []
    change, selected = found["accuracy-change"], found["selection-rate"]
    return [
        (
            in_words(task),
            label,
            percent(right.estimate.value[a]),
            f"{percent(people.estimate.low[a])} to {percent(people.estimate.high[a])}",
            "" if change is None else signed(change.estimate.value[a]),
            "" if selected is None else percent(selected.estimate.value[a]),
        )
        for a, label in enumerate(right.labels)
    ]


def _flags(results: Any, task: Any) -> Iterator[Paragraph]:
    start = "held-out-" if results.select(task=task.id, quantity="held-out-accuracy") else ""
    for what, than in (("", "without protection"), ("-against", "with what it mitigates")):
        for found in results.select(task=task.id, quantity=f"{start}levelled-down{what}"):
            # A loss that may be chance is not told as one.
            hurt = [
                f"{label} ({percent(value)} points)"
                for label, value, low in zip(
                    found.labels, found.estimate.value, found.estimate.low, strict=True
                )
                if low > 0
            ]
            if hurt:
                yield Paragraph(
                    text=f"Levelling down: with {in_words(task)} the accuracy of groups lies "
                    f"closer together than {than}, because it fell for {', '.join(hurt)}.",
                    kind="note",
                )
