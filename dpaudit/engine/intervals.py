"""Arithmetic of the intervals of a measured task."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.model.estimate import Estimate
from dpaudit.stats.moments import Moments
from dpaudit.stats.proportions import clopper_pearson


def frequency(moments: Moments, confidence: float, *, draws: int) -> Estimate:
    """Return probabilities of events that each draw showed or did not, all at once (Bonferroni).

    Clopper and Pearson's bounds: no event is too rare for them.
    """
    hits = np.rint(moments.mean * moments.count)
    risk = (1.0 - confidence) / (2.0 * hits.size)
    low, high = clopper_pearson(hits, moments.count, risk)
    return Estimate(
        value=hits / moments.count,
        low=low,
        high=high,
        level=confidence,
        method="simulated",
        draws=draws,
    )


def any_of(chances: Estimate, summed: Callable[[FloatArray], FloatArray]) -> Estimate:
    """Return the probability that any of several independent events happens.

    ``summed`` adds up what is summed over.
    """

    def combined(p: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            return -np.expm1(summed(np.log1p(-np.clip(p, 0.0, 1.0))))

    value, low, high = (combined(p) for p in (chances.value, chances.low, chances.high))
    return attrs.evolve(
        chances, value=value, low=np.minimum(low, value), high=np.maximum(high, value)
    )


def folded(values: FloatArray, over: str) -> FloatArray:
    """Return values of entities as the total's column has them, summed, or as they are."""
    return np.sum(values, keepdims=True) if over == "total" else values


def within(estimate: Estimate, certain: tuple[FloatArray, FloatArray], over: str) -> Estimate:
    """Return an interval cut to what is certain, or all of that where the two do not meet."""
    least, most = (folded(end, over) for end in certain)
    low, high = np.maximum(estimate.low, least), np.minimum(estimate.high, most)
    apart = low > high
    low, high = np.where(apart, least, low), np.where(apart, most, high)
    return attrs.evolve(estimate, value=np.clip(estimate.value, low, high), low=low, high=high)


def squares(bias: Estimate) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the lowest, the highest and the central square of values in an interval."""
    low = np.where((bias.low <= 0) & (bias.high >= 0), 0.0, np.minimum(bias.low**2, bias.high**2))
    return low, np.maximum(bias.low**2, bias.high**2), bias.value**2


def without(
    square: Estimate, low: FloatArray, high: FloatArray, value: FloatArray, level: float
) -> Estimate:
    """Return a mean square less a square between ``low`` and ``high``: a variance, 0 or more."""
    top = np.clip(square.high - low, 0.0, None)
    bottom = np.clip(square.low - high, 0.0, None)
    return Estimate(
        value=np.clip(square.value - value, bottom, top),
        low=bottom,
        high=top,
        level=level,
        method=square.method,
        draws=square.draws,
    )


def loss(bias: Estimate) -> Estimate:
    """Return the size of every loss of exactly known biases."""
    error = bias.high - bias.value
    return Estimate.exact(np.maximum(-bias.value, 0.0), error=error, method=bias.method)
