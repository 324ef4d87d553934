"""Simultaneous confidence bands from mergeable moments."""

from __future__ import annotations

import numpy as np
from scipy import special

from dpaudit.model.arrays import BoolArray, FloatArray
from dpaudit.model.estimate import Estimate, Method
from dpaudit.stats.moments import Moments


def band_quantile(confidence: float, entries: int, freedom: FloatArray) -> FloatArray:
    """Return the two-sided Student quantile that holds for ``entries`` means at once.

    Parameters
    ----------
    confidence
        Probability that every interval holds its truth.
    entries
        Number of means (Bonferroni).
    freedom
        Degrees of freedom of each, shape (m,).

    Notes
    -----
    Bonferroni needs no replicates to be kept and is nearly exact for weakly correlated
    entities (METHODS-decisions 2.4: 3.227 against 3.220 for n = 40).
    """
    tail = (1.0 - confidence) / (2.0 * max(entries, 1))
    return np.asarray(-special.stdtrit(freedom, tail), dtype=np.float64)


def half_widths(moments: Moments, confidence: float) -> FloatArray:
    """Return the half widths of the simultaneous band around ``moments.mean``, shape (m,)."""
    quantile = band_quantile(confidence, moments.mean.size, moments.degrees_of_freedom)
    return quantile * moments.standard_error


def band(
    moments: Moments,
    confidence: float,
    *,
    draws: int,
    method: Method,
    allowance: FloatArray | float = 0.0,
) -> Estimate:
    """Return means with a simultaneous band; ``allowance`` is added to each half width."""
    half = half_widths(moments, confidence) + allowance
    return Estimate(
        value=moments.mean,
        low=moments.mean - half,
        high=moments.mean + half,
        level=confidence,
        method=method,
        draws=draws,
    )


def agreement(
    exact: FloatArray,
    moments: Moments,
    error: FloatArray | float,
    excused: BoolArray | None = None,
    variance: FloatArray | None = None,
) -> tuple[float, float]:
    """Compare a closed form with a simulation at a family-wise false-alarm rate of 1e-6.

    Limits are wide enough for means of skewed draws, such as squared errors.

    Parameters
    ----------
    exact
        The closed form, shape (m,).
    moments
        Of the simulated draws, whose mean it is compared with.
    error
        What rounding and numerical error may add to the difference, shape (m,).
    excused
        Entries that move so rarely that no draw need show it: where none did, they say nothing.
    variance
        Of one draw, shape (m,), where the closed form comes with it.

    Returns
    -------
    worst, limit
        The largest standardised difference (relative to its own limit) and that limit: they
        agree when ``worst <= limit``.
    """
    # An entry whose own draws happen to lack their tail must not look sharper than its kind.
    own = moments.degrees_of_freedom
    moved = moments.m2 > 0
    usual = np.median(own[moved]) if moved.any() else np.inf
    freedom = np.minimum(own, usual)
    quantile = band_quantile(1.0 - 1e-6, own.size, freedom) + _skewed(freedom, own.size)
    scale = moments.standard_error
    if variance is not None:
        # Draws that lack a rare event look sharper than they are. One of probability p brings
        # at most sqrt(p v) to the mean, by Cauchy and Schwarz: sqrt(N p) standard errors of
        # known variance v, and it is in no draw with probability exp(-N p).
        known = np.sqrt(variance / moments.count)
        scale = np.where(moments.m2 > 0, np.maximum(scale, known), scale)
    gap = np.clip(np.abs(moments.mean - exact) - error, 0.0, None)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(gap > 0, gap / scale, 0.0)
    if excused is not None:
        z = np.where(excused & (moments.m2 == 0), 0.0, z)
    ratio = np.where(np.isinf(z), np.inf, z / quantile)
    worst = int(np.argmax(ratio))
    return float(z[worst]), float(quantile[worst])


def _skewed(freedom: FloatArray, entries: int) -> FloatArray:
    """Return what skewness may add to a quantile of the studentised mean.

    Its first Cornish-Fisher term is skewness (1 + 2 z^2) / (6 sqrt N), and the squared skewness
    is at most the kurtosis minus 1, which is 2 N / (freedom + 1).
    """
    z = float(special.ndtri(1e-6 / (2.0 * entries)))
    return np.asarray(np.sqrt(2.0 / (freedom + 1.0)) * (1.0 + 2.0 * z * z) / 6.0)
