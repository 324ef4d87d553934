"""Estimates of group values from independent runs, right for all groups at once."""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy import special

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.model.estimate import Estimate
from dpaudit.training.records import IntArray

_TWO = 2


def of_runs(rows: FloatArray, level: float) -> Estimate:
    """Return the mean of each column of independent rows, with intervals that hold together.

    Parameters
    ----------
    rows
        One row for each run, shape (R, A) or (R,).
    level
        The probability that the intervals hold the means of all A columns.

    Returns
    -------
    Estimate
        Student's intervals with Bonferroni's division; of a single run exact, for then nothing
        is random.

    Examples
    --------
    >>> of_runs(np.array([[1.0], [2.0], [3.0]]), 0.95).high.round(4).tolist()
    [4.4841]
    """
    if not len(rows):
        raise UsageError("there is no run", hint="make at least one")
    mean = rows.mean(axis=0)
    if len(rows) == 1:
        return Estimate.exact(mean)
    reach = quantile(len(rows), level, mean.size) * _error(rows)
    return Estimate(
        value=mean, low=mean - reach, high=mean + reach, level=level, method="simulated",
        draws=len(rows),
    )  # fmt: skip


def absolute(estimate: Estimate) -> Estimate:
    """Return the estimate of the sizes of what ``estimate`` is of.

    [max(0, |v| - reach), |v| + reach]: the size of a mean is biased upwards, so the interval and
    not the value is what to read.
    """
    reach = 0.5 * (estimate.high - estimate.low)
    size = np.abs(estimate.value)
    return Estimate(
        value=size, low=np.maximum(0.0, size - reach), high=size + reach, level=estimate.level,
        method=estimate.method, draws=estimate.draws,
    )  # fmt: skip


def largest_difference(rows: FloatArray, level: float) -> Estimate:
    """Return max |mean_a - mean_b| over pairs of columns, from rows of independent runs (R, A).

    Every pair's interval is that of differences within runs, with Bonferroni's division.
    """
    pairs = list(itertools.combinations(range(rows.shape[1]), 2))
    left, right = (np.array(side) for side in zip(*pairs, strict=True))
    found = absolute(of_runs(rows[:, left] - rows[:, right], level))
    return Estimate(
        value=found.value.max(), low=found.low.max(), high=found.high.max(), level=found.level,
        method=found.method, draws=found.draws,
    )  # fmt: skip


def of_people(values: FloatArray, groups: IntArray, count: int, level: float) -> Estimate | None:
    """Return the mean of ``values`` (n,) over each group, with the error of who is in it.

    The normal interval of the mean over people as if they were drawn at random; it does not shrink
    with more runs. ``None`` if a group has one record, whose spread nobody knows.
    """
    sizes = np.bincount(groups, minlength=count)
    if sizes.min() < _TWO:
        return None
    mean = np.bincount(groups, weights=values, minlength=count) / sizes
    squares = np.bincount(groups, weights=(values - mean[groups]) ** 2, minlength=count)
    error = np.sqrt(squares / (sizes - 1.0) / sizes)
    reach = float(special.ndtri(1.0 - 0.5 * (1.0 - level) / count)) * error
    return Estimate(
        value=mean, low=mean - reach, high=mean + reach, level=level, method="asymptotic", draws=0
    )


def quantile(runs: int, level: float, together: int) -> float:
    """Return Student's quantile for intervals of ``together`` means of ``runs`` runs."""
    return float(special.stdtrit(runs - 1, 1.0 - 0.5 * (1.0 - level) / max(1, together)))


def _error(rows: FloatArray) -> FloatArray:
    return np.asarray(rows.std(axis=0, ddof=1) / math.sqrt(len(rows)))
