"""The control of an allotment whose shares are projected on the simplex.

With y_j = a_j (x_j + X_j), S = sum_j y_j and t the root of sum_j (y_j - t)^+ = S, the shares are
(y_i - t)^+ / S (:mod:`dpaudit.estimators.projected_allotment`). The control is their expansion to
second order around S0 = E S and the t0 at which sum_j E min(y_j, t0) = 0. Write N and I for
(y - t0)^+ and 1[y > t0], m and p for their means, f for the density of y at t0, q and phi for the
sums of p and f, G for sum_j min(y_j, t0) and Q for sum_j I_j, both minus their means, and d for
S / S0 - 1. Then t - t0 is near

    -G / q + G Q / q^2 + phi G^2 / (2 q^3)

and S0 times the share near

    N (1 - d) + I G / q + m d^2 - p (G d / q + G Q / q^2 + phi G^2 / (2 q^3)) + f G^2 / (2 q^2).

Entities are independent: the mean of every term follows from moments of single y, however few of
the draws clip an entity or let its share vanish.

References
----------
PERFORMANCE W1d (the first order of it); derived for this project.
"""

from __future__ import annotations

import attrs
import numpy as np

from dpaudit.estimators.chain import Chain
from dpaudit.estimators.control import DecisionControl
from dpaudit.estimators.feasible import keeps_appropriation
from dpaudit.interfaces import PostProcessor
from dpaudit.model.arrays import FloatArray
from dpaudit.model.structure import Proportional
from dpaudit.noise.base import Noise

_STEPS = 100
_ENOUGH = 1e-12
_FEWEST = 1.0
"""With fewer shares above nothing in the mean there is no threshold to expand around."""


def projected_control(
    chain: Chain, structure: Proportional, output: tuple[PostProcessor, ...]
) -> DecisionControl | None:
    """Return the control of projected shares of unprocessed noisy counts.

    Parameters
    ----------
    chain
        The release.
    structure
        The allotment.
    output
        What its outcomes go through.

    Returns
    -------
    DecisionControl or None
        ``None`` unless ``output`` is the projection of everything that is shared, and the release
        a count plus independent symmetric noise.
    """
    noise, rest = chain.reduced()
    plain = chain.is_flat and chain.width == 1 and chain.mechanism.independent and not rest
    if noise is None or not plain or not noise.symmetric:
        return None
    if len(output) != 1 or output[0].feasible != "nearest":
        return None
    if not keeps_appropriation(structure, output) or not np.any(noise.variance > 0):
        return None
    with np.errstate(all="ignore"):
        found = _Expansion.of(chain.counts, structure.weights, noise)
    if found is None:
        return None
    total = structure.total
    return DecisionControl(
        expansion=lambda noisy: total * found.deviation(noisy), mean=total * found.mean
    )


@attrs.frozen(kw_only=True, eq=False)
class _Expansion:
    """The expansion, in shares.

    Parameters
    ----------
    weights
        a, shape (n,).
    whole, threshold
        S0 and t0.
    held
        The mean of sum_j min(y_j, t0): 0 but for rounding.
    above
        q.
    kinks
        phi.
    carriers
        m, p and f, each divided by S0, shape (3, n).
    mean
        Of the expansion, shape (n,).
    """

    weights: FloatArray
    whole: float
    threshold: float
    held: float
    above: float
    kinks: float
    carriers: FloatArray
    mean: FloatArray

    @classmethod
    def of(cls, counts: FloatArray, weights: FloatArray, noise: Noise) -> _Expansion | None:
        """Return the expansion of shares of ``counts`` (n,), where there is one."""
        centre, variance = weights * counts, weights**2 * noise.variance
        whole = float(centre.sum())
        threshold = _root(counts, weights, noise) if whole > 0 else None
        if threshold is None:
            return None
        beyond = threshold / weights - counts
        mean, chance = weights * noise.excess(-beyond), _chance(noise, beyond)
        square = weights**2 * noise.excess_square(-beyond)
        density = None if noise.lattice else noise.density(beyond)
        slope = np.zeros_like(mean) if density is None else density / weights
        own = square + weights * beyond * mean  # the covariance of N with y
        q, phi = float(chance.sum()), float(slope.sum())
        if not q >= _FEWEST:
            return None
        below = centre - mean
        step = chance * (threshold - below)  # the covariance of I with min(y, t0)
        spread = float((variance - 2.0 * own + square - mean**2).sum())
        ratio = float((variance - own).sum()) / whole
        common = ratio / q + float(step.sum()) / q**2 + 0.5 * phi * spread / q**3
        expected = mean - own / whole + step / q + mean * (float(variance.sum()) / whole**2)
        expected += 0.5 * slope * spread / q**2 - chance * common
        if not np.isfinite(expected).all():
            return None
        return cls(
            weights=weights,
            whole=whole,
            threshold=threshold,
            held=float(below.sum()),
            above=q,
            kinks=phi,
            carriers=np.stack([mean, chance, slope]) / whole,
            mean=expected / whole,
        )

    def deviation(self, noisy: FloatArray) -> FloatArray:
        """Return the expansion minus its mean, of noisy counts (draws, n)."""
        weighted = noisy * self.weights
        total = weighted.sum(axis=-1)
        weighted -= self.threshold
        shares = np.maximum(weighted, np.zeros(weighted.shape), out=weighted)
        positive = (shares > 0).astype(np.float64)
        gap = total - shares.sum(axis=-1) - self.held
        more, off, q = positive.sum(axis=-1) - self.above, total / self.whole - 1.0, self.above
        shares *= ((1.0 - off) / self.whole)[:, None]
        positive *= (gap / q / self.whole)[:, None]
        shares += positive
        common = gap * off / q + gap * more / q**2 + 0.5 * self.kinks * gap**2 / q**3
        factors = np.stack([off**2, -common, 0.5 * gap**2 / q**2], axis=-1)
        shares += factors @ self.carriers
        shares -= self.mean
        return np.asarray(shares)


def _chance(noise: Noise, beyond: FloatArray) -> FloatArray:
    """Return P(X > beyond)."""
    return 1.0 - noise.cdf(beyond) if noise.lattice else noise.cdf(-beyond)


def _root(counts: FloatArray, weights: FloatArray, noise: Noise) -> float | None:
    """Return the root t of sum_j E min(y_j, t) = 0, by Newton's method from 0.

    The sum is concave and rises: from the left no step overshoots.
    """
    centre, t = weights * counts, 0.0
    for _ in range(_STEPS):
        beyond = t / weights - counts
        slope = float(_chance(noise, beyond).sum())
        held = float((centre - weights * noise.excess(-beyond)).sum())
        step = -held / slope if slope > 0 else np.nan
        if not np.isfinite(step):
            return None
        if abs(step) <= _ENOUGH * max(t, float(weights.max())):
            return t
        t += step
    return t
