"""Bounds from draws that were kept: of differences of means, and of outcomes that are bounded.

The engine keeps moments only, from which :mod:`dpaudit.stats.spread` bounds α whatever the
correlations are. Where all draws of few entities are at hand, their pairwise differences can be
studentised one by one, which is narrower by the factor that the correlations allow.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.model.estimate import Estimate
from dpaudit.stats.moments import Moments

MOST_ENTITIES = 512
"""More entities have more pairs than fit in memory."""

_UPPER = 0.2
"""Share of the risk of the upper end, which needs no correction for the number of pairs."""

_LEAST = 4
"""Draws of each half, at least."""


def widest_difference(
    rows: FloatArray, confidence: float, rng: np.random.Generator | None = None
) -> Estimate:
    """Return max_i E Y_i - min_j E Y_j from draws of Y, by studentised pairwise differences.

    Parameters
    ----------
    rows
        Independent draws, shape (N, n), with n from 2 to 512.
    confidence
        Probability that the interval holds the truth.
    rng
        For the multiplier bootstrap of the largest studentised difference, which knows how
        the pairs depend on one another; without it the correction is Bonferroni's.

    Returns
    -------
    Estimate
        Scalar, in the unit of ``rows``. The value is that of the pair which one half of the
        draws chooses and the other measures, both ways and averaged.

    Raises
    ------
    UsageError
        If there are too few draws, or too many entities for all pairs.

    References
    ----------
    Chernozhukov, Chetverikov and Kato (2013), Gaussian approximations and multiplier bootstrap
    for maxima of sums of high-dimensional random vectors, Annals of Statistics 41(6);
    METHODS-decisions 2.4.
    """
    _check(rows)
    moments = Moments.of(rows)
    size, entities = rows.shape
    centred = rows - moments.mean
    products = centred.T @ centred / (size - 1)
    own = np.diag(products)
    gap = moments.mean[:, None] - moments.mean[None, :]
    error = np.sqrt(np.clip(own[:, None] + own[None, :] - 2.0 * products, 0.0, None) / size)
    freedom = float(moments.degrees_of_freedom.min())
    risk = 1.0 - confidence
    upper = -special.stdtrit(freedom, _UPPER * risk)
    rest = (1.0 - _UPPER) * risk
    if rng is None:
        lower = -special.stdtrit(freedom, rest / (entities * (entities - 1)))
    else:
        lower = _multiplier(centred, error, rest, rng)
    low = max(0.0, float((gap - lower * error).max()))
    high = max(low, float((gap + upper * error)[~np.eye(entities, dtype=np.bool_)].max()))
    half = size // 2
    first, second = rows[:half].mean(axis=0), rows[half:].mean(axis=0)
    value = (_measured(first, second) + _measured(second, first)) / 2.0
    return Estimate(
        value=np.float64(np.clip(value, low, high)),
        low=np.float64(low),
        high=np.float64(high),
        level=confidence,
        method="simulated",
        draws=size,
    )


def split_lower(rows: FloatArray, confidence: float) -> float:
    """Return a number that max_i E Y_i - min_j E Y_j exceeds with probability ``confidence``.

    The first half of the draws chooses two entities; the second bounds their difference by
    Student's one-sided interval, which needs no correction for the choice.

    Parameters
    ----------
    rows, confidence
        As for :func:`widest_difference`, with any number of entities.

    References
    ----------
    Cox (1975), A note on data-splitting for the evaluation of significance levels, Biometrika
    62(2); METHODS-decisions 2.4.
    """
    if len(rows) < 2 * _LEAST:
        raise UsageError(
            f"{len(rows)} draws cannot be split in two halves of {_LEAST}", hint="draw more often"
        )
    half = len(rows) // 2
    chosen = rows[:half].mean(axis=0)
    difference = Moments.of((rows[half:, chosen.argmax()] - rows[half:, chosen.argmin()])[:, None])
    quantile = -special.stdtrit(difference.degrees_of_freedom, 1.0 - confidence)
    return max(0.0, float((difference.mean - quantile * difference.standard_error)[0]))


def bounded_band(moments: Moments, lowest: float, highest: float, confidence: float) -> Estimate:
    """Return means of bounded draws with a band that holds for every number of draws.

    Parameters
    ----------
    moments
        Of draws that are all between ``lowest`` and ``highest``, shape (m,).
    lowest, highest
        Bounds of a single draw, in its unit.
    confidence
        Probability that all m intervals hold their means.

    Raises
    ------
    UsageError
        If the bounds are not in order, or the draws are fewer than two.

    Notes
    -----
    Half width sqrt(2 s^2 L / N) + 7 (b - a) L / (3 (N - 1)) with L = ln(3 m / (1 - confidence)):
    Bernstein's inequality on either side and the bound of the variance, one part of the risk
    each. (The inequality is stated for one side, with 2 in place of 3.) No law is assumed; the
    second term dominates until a mean is well above (b - a) / N, so that for biases of shares
    it asks for far more draws than the bands of :mod:`dpaudit.stats.bands`.

    References
    ----------
    Maurer and Pontil (2009), Empirical Bernstein bounds and sample variance penalization,
    COLT, Theorem 4.
    """
    if not lowest < highest or moments.count < 2:  # noqa: PLR2004 - a variance needs two
        raise UsageError(
            f"no band for {moments.count} draws between {lowest:g} and {highest:g}",
            hint="give at least two draws and bounds that differ",
        )
    size = moments.count
    log = math.log(3.0 * moments.mean.size / (1.0 - confidence))
    half = np.sqrt(2.0 * moments.variance * log / size)
    half += 7.0 * (highest - lowest) * log / (3.0 * (size - 1))
    return Estimate(
        value=moments.mean,
        low=np.minimum(np.maximum(moments.mean - half, lowest), moments.mean),
        high=np.maximum(np.minimum(moments.mean + half, highest), moments.mean),
        level=confidence,
        method="simulated",
        draws=size,
    )


def _check(rows: FloatArray) -> None:
    if rows.ndim != 2 or not 2 <= rows.shape[1] <= MOST_ENTITIES or len(rows) < 2 * _LEAST:  # noqa: PLR2004
        raise UsageError(
            f"pairwise differences of draws of shape {rows.shape}",
            hint=f"give (N, n) with N >= {2 * _LEAST} and 2 <= n <= {MOST_ENTITIES}",
        )


def _measured(choose: FloatArray, measure: FloatArray) -> float:
    return float(measure[choose.argmax()] - measure[choose.argmin()])


def _multiplier(
    centred: FloatArray, error: FloatArray, risk: float, rng: np.random.Generator, times: int = 1000
) -> float:
    """Return the (1 - risk) quantile of the largest studentised difference under no difference."""
    size = len(centred)
    scale = np.where(error > 0, error, np.inf)
    worst = np.empty(times)
    for k in range(times):
        mean = rng.standard_normal(size) @ centred / size
        worst[k] = ((mean[:, None] - mean[None, :]) / scale).max()
    return float(np.quantile(worst, 1.0 - risk))
