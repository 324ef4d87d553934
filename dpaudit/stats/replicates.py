"""Intervals over independent replicates: releases, or trained models.

Candidates of one release share its noise: an interval that counts them as independent covers a
quarter of what it says. The replicate is the unit of every interval here.

References
----------
METHODS-attacks 2 (measured for this project). Student (1908), The probable error of a mean,
Biometrika 6(1).
"""

from __future__ import annotations

import attrs
import numpy as np
from scipy import special

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.model.estimate import Estimate

FEWEST_REPLICATES = 10
"""Fewer releases give no interval."""


def over_replicates(
    values: FloatArray,
    confidence: float,
    *,
    limits: tuple[float, float] | None = None,
    is_random: bool = True,
    at_once: int = 1,
) -> Estimate:
    """Return the mean over replicates with Student's t interval.

    Parameters
    ----------
    values
        One row for each replicate, shape (R,) or (R, m), R at least 10, finite.
    confidence
        Of each interval; with ``at_once`` above 1 of all of them together (Bonferroni).
    limits
        Between which values lie; the interval is cut there.
    is_random
        Whether replicates may differ at all. If so and they do not, what R of them may all miss
        is allowed for, as far as ``limits`` say how far it can be.

    Raises
    ------
    UsageError
        If there are fewer than 10 replicates or a value is not finite.

    Examples
    --------
    >>> made = over_replicates(np.arange(10.0), 0.95)
    >>> float(made.value), round(float(made.low), 3), round(float(made.high), 3)
    (4.5, 2.334, 6.666)
    """
    rows = np.asarray(values, dtype=np.float64)
    if rows.shape[0] < FEWEST_REPLICATES or not np.isfinite(rows).all():
        raise UsageError(
            f"{rows.shape[0]} replicates give no interval, or a value is not finite",
            hint=f"make at least {FEWEST_REPLICATES} releases",
        )
    count, risk = rows.shape[0], (1.0 - confidence) / at_once
    mean = rows.mean(axis=0)
    half = -special.stdtrit(count - 1, 0.5 * risk) * rows.std(axis=0, ddof=1) / np.sqrt(count)
    still = (np.ptp(rows, axis=0) == 0) & is_random
    mean = np.where(np.ptp(rows, axis=0) == 0, rows[0], mean)
    low, high = mean - half, mean + half
    if limits is not None:
        unseen = 1.0 - (0.5 * risk) ** (1.0 / count)
        low = np.where(still, mean - unseen * (mean - limits[0]), np.maximum(low, limits[0]))
        high = np.where(still, mean + unseen * (limits[1] - mean), np.minimum(high, limits[1]))
    return Estimate(
        value=mean,
        low=np.minimum(low, mean),
        high=np.maximum(high, mean),
        level=confidence if is_random else 1.0,
        method="simulated" if is_random else "exact",
        draws=count if is_random else 0,
    )


def widened(estimate: Estimate, factor: float, limits: tuple[float, float]) -> Estimate:
    """Return an estimate with an interval ``factor`` times as wide, cut at ``limits``.

    Where replicates are compared with one another, as every model with all others as its shadows,
    they are not independent. The mean over them is then a U-statistic of degree two: with the
    effect h of a replicate as a shadow no larger than its effect g as a target, its variance is at
    most 4 Var(g) / R (Hoeffding 1948, Theorem 5.2; 2 Var / R where only their interaction counts),
    while replicates vary by Var(g). A factor of 2 covers both.
    """
    low, high = (estimate.value + factor * (end - estimate.value)
                 for end in (estimate.low, estimate.high))  # fmt: skip
    return attrs.evolve(estimate, low=np.maximum(low, limits[0]), high=np.minimum(high, limits[1]))


def spread_p_value(values: FloatArray, permuted: FloatArray) -> float:
    """Return the p-value of the largest difference of groups under permuted labels.

    Parameters
    ----------
    values
        Of each group, by replicate, shape (R, g).
    permuted
        The same with labels permuted, shape (R, p, g); NaN where a group then has nobody on
        one side. How far apart the groups then are is unknown, so that such a permutation
        counts as one that is at least as far apart.

    Returns
    -------
    float
        (1 + how many permutations are at least as far apart) / (1 + p). With two groups or more
        that are alike it is at most alpha with probability alpha.

    Examples
    --------
    >>> spread_p_value(np.array([[0.9, 0.1]]), np.array([[[0.5, 0.4], [0.3, 0.6], [0.5, 0.5]]]))
    0.25
    """
    own = _width(values.mean(axis=0))
    drawn = _width(permuted.mean(axis=0))
    # Not the other way round: a comparison with NaN is false.
    nearer = np.count_nonzero(drawn < own - 1e-12)
    return float((1 + drawn.size - nearer) / (1 + drawn.size))


def _width(means: FloatArray) -> FloatArray:
    """Return the largest less the smallest along the last axis; NaN if any is."""
    return np.asarray(np.ptp(means, axis=-1))
