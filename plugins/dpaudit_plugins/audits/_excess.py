"""Excess losses of the runs of a learner, exactly where they are known."""

from __future__ import annotations

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.training.data import Split
from dpaudit.training.group_estimates import (
    change_of_largest_difference,
    largest_difference,
    of_runs,
)
from dpaudit.training.records import Records
from dpaudit.training.runs import Expected, Runs

_AT_ONCE = 25


@attrs.frozen(kw_only=True, eq=False)
class Excess:
    """Excess losses of one task on one split.

    Parameters
    ----------
    rows
        Of each group in each replicate, shape (R, A); a single row where it is known.
    people
        Mean over replicates of every record's excess, shape (n,).
    error
        What the row may be wrong by, where it is known.
    """

    rows: FloatArray
    people: FloatArray
    error: float | None = None

    def estimate(self, rows: FloatArray, level: float) -> dpaudit.Estimate:
        """Return the mean of rows of runs, or the row that is known."""
        if self.error is None:
            return of_runs(rows, level)
        return dpaudit.Estimate.exact(
            rows[0], error=2.0 * self.error, method="quadrature" if self.error else "exact"
        )

    def difference(self, level: float) -> dpaudit.Estimate:
        """Return the largest difference of two groups."""
        if self.error is None:
            return largest_difference(self.rows, level)
        return self.estimate(np.array([np.ptp(self.rows[0])]), level)


def excess_of(subject: dpaudit.LearnerSubject, split: Split) -> Excess:
    """Return the excess losses of a task, exactly where they are known."""
    records = subject.data.records(split)
    reference = subject.reference_runs()
    known = subject.learner.expected(subject.data, split) if len(reference) == 1 else None
    if known is not None:
        return _exact(known, reference.losses(split)[0], records)
    arms = [subject.runs(arm) for arm in ("made", "twin") if arm in subject.arms]
    count = len(arms[0])
    rows, people = np.zeros((count, len(records.names))), np.zeros(len(records))
    before = reference.losses(split) if len(reference) == 1 else None
    for first in range(0, count, _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        losses = sum(of_part(runs, part, split) for runs in arms) / len(arms)
        other = before if before is not None else of_part(reference, part, split)
        excess = losses - other
        rows[part] = records.means(excess.T).T
        people += excess.sum(axis=0)
    return Excess(rows=rows, people=people / count)


def of_part(runs: Runs, part: slice, split: Split) -> FloatArray:
    """Return the losses of some of the runs, shape (r, n)."""
    return runs[part].losses(split)


def _exact(known: Expected, before: FloatArray, records: Records) -> Excess:
    people = known.losses - before
    return Excess(rows=records.means(people)[None, :], people=people, error=known.error)


def group_rows(runs: Runs, split: Split) -> FloatArray:
    """Return the mean loss of each group under each run, shape (R, A)."""
    records = runs.data.records(split)
    parts = [
        records.means(of_part(runs, slice(first, first + _AT_ONCE), split).T).T
        for first in range(0, len(runs), _AT_ONCE)
    ]
    return np.concatenate(parts)


def change_of(after: Excess, before: Excess, level: float) -> dpaudit.Estimate:
    """Return by how much each group's excess risk changes, shape (A,)."""
    if after.error is None and len(after.rows) == len(before.rows):
        return of_runs(after.rows - before.rows, level)
    half = _half(level)
    return _between(after.estimate(after.rows, half), before.estimate(before.rows, half))


def gap_change(after: Excess, before: Excess, level: float) -> dpaudit.Estimate:
    """Return by how much the largest difference of two groups changes; below 0: it narrows."""
    if after.error is None and len(after.rows) == len(before.rows):
        return change_of_largest_difference(after.rows, before.rows, level)
    return _between(after.difference(_half(level)), before.difference(_half(level)))


def _half(level: float) -> float:
    """Return the level at which two intervals hold together at ``level``."""
    return 0.5 * (1.0 + level)


def _between(after: dpaudit.Estimate, before: dpaudit.Estimate) -> dpaudit.Estimate:
    """Return a difference whose interval holds wherever both are within theirs."""
    noisy = before if after.is_deterministic else after
    return dpaudit.Estimate(
        value=after.value - before.value, low=after.low - before.high, high=after.high - before.low,
        level=after.level + before.level - 1.0, method=noisy.method, draws=noisy.draws,
    )  # fmt: skip
