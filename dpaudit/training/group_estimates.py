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
        Student's intervals with Bonferroni's division; of a single row exact: that of a learner
        in which nothing is random, which alone is trained once.

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
    found = absolute(of_runs(_differences(rows), level))
    return Estimate(
        value=found.value.max(), low=found.low.max(), high=found.high.max(), level=found.level,
        method=found.method, draws=found.draws,
    )  # fmt: skip


def change_of_largest_difference(after: FloatArray, before: FloatArray, level: float) -> Estimate:
    """Return by how much max |mean_a - mean_b| over pairs of columns changes; below 0: narrower.

    Parameters
    ----------
    after, before
        Rows of runs that share their random numbers, shape (R, A); ``before`` may be one row that
        is known.
    level
        The probability that the interval holds the change.

    Notes
    -----
    Which pair is furthest apart is itself found from the runs, so no pair may be chosen and then
    compared on the same ones. With d the differences of pairs and e = |d after| - |d before|, the
    change lies between e of the pair that is furthest apart before and e of the pair that is
    furthest apart after. Half of the risk goes to intervals of all d, which leave some pairs that
    may be the furthest ones, tell most signs and bound both largest differences; half to those of
    d after -+ d before, run by run, which give e where the signs are known. (Derived for this
    project.)

    Examples
    --------
    >>> runs = np.array([[0.0, 1.0], [0.0, 3.0]])
    >>> change_of_largest_difference(runs, np.zeros((1, 2)), 0.95).value.tolist()
    2.0
    """
    quarter = 1.0 - 0.25 * (1.0 - level)
    new = _differences(after)
    old = _differences(np.broadcast_to(before, after.shape))
    ends = [of_runs(each, quarter) for each in (new, old)]
    sizes_new, sizes_old = (absolute(each) for each in ends)
    low, high = sizes_new.low - sizes_old.high, sizes_new.high - sizes_old.low
    for sign, each in ((1.0, of_runs(new - old, quarter)), (-1.0, of_runs(new + old, quarter))):
        same = _sign(ends[0]) * _sign(ends[1]) == sign
        rises, falls = _sign(ends[0]) > 0, _sign(ends[0]) < 0
        low = np.where(same & rises, np.maximum(low, each.low), low)
        high = np.where(same & rises, np.minimum(high, each.high), high)
        low = np.where(same & falls, np.maximum(low, -each.high), low)
        high = np.where(same & falls, np.minimum(high, -each.low), high)
    first = max(
        float(low[sizes_old.high >= sizes_old.low.max()].min()),
        float(sizes_new.low.max() - sizes_old.high.max()),
    )
    last = min(
        float(high[sizes_new.high >= sizes_new.low.max()].max()),
        float(sizes_new.high.max() - sizes_old.low.max()),
    )
    value = float(sizes_new.value.max() - sizes_old.value.max())
    return Estimate(
        value=np.asarray(value), low=np.asarray(min(first, value)),
        high=np.asarray(max(last, value)), level=level if len(after) > 1 else ends[0].level,
        method=ends[0].method, draws=ends[0].draws,
    )  # fmt: skip


def _differences(rows: FloatArray) -> FloatArray:
    """Return the differences of all pairs of columns (R, A), shape (R, A (A - 1) / 2)."""
    pairs = list(itertools.combinations(range(rows.shape[1]), 2))
    if not pairs:
        raise UsageError("there is one group: nobody is apart from it", hint="name more groups")
    left, right = (np.array(side) for side in zip(*pairs, strict=True))
    differences: FloatArray = rows[:, left] - rows[:, right]
    return differences


def _sign(estimate: Estimate) -> FloatArray:
    """Return 1 and -1 where the interval tells the sign, else 0."""
    return np.where(estimate.low > 0, 1.0, np.where(estimate.high < 0, -1.0, 0.0))


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
