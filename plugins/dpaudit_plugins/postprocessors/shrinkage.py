"""Shrinking noisy counts towards a mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit_plugins.postprocessors._given import given_noise

_FEWEST = 4  # below this nothing is known to be gained by shrinking towards a mean


@attrs.frozen(kw_only=True)
class Shrinkage(dpaudit.PostProcessor):
    """Move every noisy count towards the mean, the more the less counts differ beyond the noise.

    It trades a bias (small counts gain, large ones pay) for less error in total. With equal
    noise the total is kept, of every group where ``by`` is given; otherwise it keeps nothing.
    Whole counts do not stay whole, and results may be negative.

    Parameters
    ----------
    method
        ``james-stein`` (positive part, for equal noise): the factor is 1 - (n - 3) v / S, at
        least 0, with v the variance of the noise and S the sum of squares about the mean; fewer
        than four counts stay as they are. ``empirical-bayes``: each count is weighted by
        t / (t + v_i), with t the variance of the true counts estimated by moments, about the mean
        weighted by precision.
    by
        A grouping: counts move towards the mean of their group.
    noise
        The noise, given by the engine.

    References
    ----------
    Efron and Morris (1973), Stein's estimation rule and its competitors; DerSimonian and Laird
    (1986) for the estimate of t.
    """

    name: ClassVar[str] = "shrinkage"
    vectorised: ClassVar[bool] = True

    method: Literal["james-stein", "empirical-bayes"] = "james-stein"
    by: dpaudit.Column | None = None
    noise: dpaudit.GivenNoise = None

    def process(self, release: FloatArray) -> FloatArray:
        """Return the shrunken release, shape (..., n).

        Raises
        ------
        UsageError
            If the noise is not known, or not equal for the method ``james-stein``.
        """
        n = release.shape[-1]
        variance = np.broadcast_to(given_noise(self, self.noise).variance, (n,))
        shrunken = np.array(release, dtype=np.float64)
        for members in self._groups(n):
            shrunken[..., members] = self._shrink(release[..., members], variance[members])
        return shrunken

    def _groups(self, n: int) -> list[np.ndarray]:
        if self.by is None:
            return [np.arange(n)]
        _, codes = np.unique(self.by, return_inverse=True)
        order = np.argsort(codes, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)

    def _shrink(self, values: FloatArray, variance: FloatArray) -> FloatArray:
        if self.method == "empirical-bayes":
            return _empirical_bayes(values, variance)
        if (variance != variance[0]).any():
            raise dpaudit.UsageError(
                f"the noise of {self.name!r} is not equal for all counts "
                f"(variances {float(variance.min()):g} to {float(variance.max()):g})",
                hint='use method = "empirical-bayes"',
            )
        return _james_stein(values, float(variance[0]))


def _james_stein(values: FloatArray, variance: float) -> FloatArray:
    n = values.shape[-1]
    if n < _FEWEST or variance == 0:
        return values
    mean = values.mean(axis=-1, keepdims=True)
    unit = _unit(values - mean)
    spread = np.square((values - mean) / unit).sum(axis=-1, keepdims=True)
    # Without spread every count is its mean, whatever the factor.
    with np.errstate(over="ignore"):  # noise beyond every digit of the spread leaves the mean
        excess = np.maximum(spread - (n - 3) * _in_units(variance, unit), 0.0)
    kept = np.divide(excess, spread, out=np.zeros_like(spread), where=spread > 0)
    shrunken: FloatArray = mean + kept * (values - mean)
    return shrunken


def _empirical_bayes(values: FloatArray, variance: FloatArray) -> FloatArray:
    """Shrink the counts that have noise; those that have none stay as they are.

    Of a count whose variance is infinite nothing is kept, nor of any where all weight is on one.
    """
    noisy = variance > 0
    if np.count_nonzero(noisy) < _FEWEST:
        return values
    seen, variance = values[..., noisy], variance[noisy]
    smallest = variance.min()
    weights = np.divide(smallest, variance, out=np.ones_like(variance), where=variance > smallest)
    mean = (seen * weights).sum(axis=-1, keepdims=True) / weights.sum()
    unit = _unit(seen - mean)
    heterogeneity = (weights * np.square((seen - mean) / unit)).sum(axis=-1, keepdims=True)
    freedom = weights.sum() - np.square(weights).sum() / weights.sum()
    excess = heterogeneity - (seen.shape[-1] - 1) * _in_units(smallest, unit)
    between = np.maximum(excess, 0.0) / freedom if freedom > 0 else np.zeros_like(excess)
    shrunken = np.array(values, dtype=np.float64)
    both = between + _in_units(variance, unit)
    kept = np.divide(between, both, out=np.zeros_like(both), where=both > 0)
    shrunken[..., noisy] = mean + kept * (seen - mean)
    return shrunken


def _unit(deviations: FloatArray) -> FloatArray:
    """Return the largest deviation, shape (..., 1), or 1: its square may be beyond all numbers."""
    largest = np.abs(deviations).max(axis=-1, keepdims=True)
    return np.where(largest > 0, largest, 1.0)


def _in_units(variance: FloatArray | float, unit: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):
        return np.asarray(variance / unit / unit)


@dpaudit.hookimpl
def dpaudit_postprocessors() -> Sequence[type[dpaudit.PostProcessor]]:
    """Offer the post-processor."""
    return (Shrinkage,)
