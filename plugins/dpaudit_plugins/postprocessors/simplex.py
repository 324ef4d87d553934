"""Projection on the non-negative counts with the public total."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.solvers.rounding import largest_remainder
from dpaudit.solvers.simplex import project_onto_simplex
from dpaudit.solvers.simplex_bias import SimplexBias, simplex_bias
from dpaudit.solvers.simplex_bounds import spread_bounds
from dpaudit_plugins.postprocessors._total import KeepsTotal

_STEPS = 500
_PRECISION = 1e-13
_LARGEST_COST = 2e8
"""Complex values, about 60 ns each, that an exact bias may cost: some ten seconds."""


@attrs.frozen(kw_only=True)
class Simplex(KeepsTotal):
    """Project on the non-negative vectors with the public total.

    Without rounding all bias comes from non-negativity: small counts gain, the others pay alike
    (METHODS-decisions 5.3 and 5.4, the projection pi_S+).

    Parameters
    ----------
    total
        The public total, persons; the exact total of the true counts where it is left out.
    whole
        Whether to round to whole numbers afterwards, keeping a whole total: the largest
        remainders are rounded up, equal ones (the rule with whole noise) in an order mixed from
        the counts. It moves each count by less than a person; the bias is not known exactly then.

    Examples
    --------
    >>> Simplex(total=4.0).process(np.array([3.0, -1.0, 0.5, 2.5]))
    array([2.25, 0.  , 0.  , 1.75])
    >>> Simplex(total=4.0, whole=True).process(np.array([3.0, -1.0, 0.5, 2.5]))
    array([2., 0., 0., 2.])
    """

    name: ClassVar[str] = "simplex"
    vectorised: ClassVar[bool] = True
    nonnegative: ClassVar[bool] = True
    commutes: ClassVar[frozenset[str]] = frozenset({"none"})

    whole: bool = False

    @property
    def feasible(self) -> dpaudit.Feasible:
        """The nearest point, unless it is rounded."""
        return None if self.whole else "nearest"

    def process(self, release: FloatArray) -> FloatArray:
        """Return the projected release, shape (..., n)."""
        total = self.public_total()
        projected = project_onto_simplex(release, total)
        return largest_remainder(projected, np.array([total])) if self.whole else projected

    def bias(self, counts: FloatArray, noise: dpaudit.Noise) -> dpaudit.Estimate | None:
        """Return the exact bias with its error bound, shape (n,), persons.

        ``None`` with ``whole``, for noise whose clipped characteristic function is not known,
        and where the integrals would take more than some ten seconds (thousands of entities
        that are all small beside the noise).
        """
        found = None if self.whole else self._exact(counts, noise)
        if found is None:
            return None
        return dpaudit.Estimate.exact(found.bias, error=found.bias_error, method="quadrature")

    def spread_bounds(self, counts: FloatArray, noise: dpaudit.Noise) -> dpaudit.Bounds | None:
        """Return proved bounds of the largest difference of two biases, persons."""
        if self.whole:
            return None
        found = self._exact(counts, noise)
        shift = None if found is None else found.mean_shift + float(found.push_error.mean())
        return spread_bounds(counts, noise, self.public_total(), shift)

    def _exact(self, counts: FloatArray, noise: dpaudit.Noise) -> SimplexBias | None:
        return _solved(
            _Problem(
                counts=counts.tobytes(),
                kind=type(noise),
                parameters=noise.parameters(counts.size).tobytes(),
                total=self.public_total(),
                noise=noise,
            )
        )

    def control(self, counts: FloatArray, noise: dpaudit.Noise) -> dpaudit.Control | None:
        """Return the first-order expansion of the projection, whose mean is known exactly.

        Notes
        -----
        The threshold tau is replaced by tau0, the root of sum_j E (x_j + X_j - tau0)^+ = C. With
        mu_i = E (x_i + X_i - tau0)^+ and p_i = P(x_i + X_i > tau0), the deviation is
        (y_i - tau0)^+ - mu_i - (p_i / sum p) sum_j ((y_j - tau0)^+ - mu_j): the last term is the
        first-order effect of the threshold's own noise. Its mean is zero for any tau0.
        """
        if not noise.symmetric:
            return None
        total = self.public_total()
        if total == 0:
            return dpaudit.Control(
                mean=np.zeros_like(counts), variance=None, deviation=np.zeros_like
            )
        threshold = _mean_threshold(counts, noise, total)
        mean = noise.excess(counts - threshold)
        above = np.maximum(noise.cdf(counts - threshold), 1e-300)
        weights = above / above.sum()

        def deviation(noisy: FloatArray) -> FloatArray:
            own = np.maximum(noisy - threshold, 0.0) - mean
            left: FloatArray = own - weights * own.sum(axis=-1, keepdims=True)
            return left

        return dpaudit.Control(mean=mean, variance=None, deviation=deviation)


@attrs.frozen(kw_only=True)
class _Problem:
    """Counts, noise and total, compared by value: tasks that share them are solved once."""

    counts: bytes
    kind: type[dpaudit.Noise]
    parameters: bytes
    total: float
    noise: dpaudit.Noise = attrs.field(eq=False)


@functools.lru_cache(maxsize=32)
def _solved(problem: _Problem) -> SimplexBias | None:
    counts = np.frombuffer(problem.counts, dtype=np.float64)
    return simplex_bias(counts, problem.noise, problem.total, largest_cost=_LARGEST_COST)


def _mean_threshold(counts: FloatArray, noise: dpaudit.Noise, total: float) -> float:
    """Return the root of sum_j E (x_j + X_j - tau)^+ = total, for symmetric noise.

    Newton's method from (sum x - total) / n, which lies left of the root of this convex
    function, so that no step overshoots.
    """
    threshold = (float(counts.sum()) - total) / counts.size
    for _ in range(_STEPS):
        surplus = float(noise.excess(counts - threshold).sum()) - total
        slope = float(noise.cdf(counts - threshold).sum())
        if surplus <= _PRECISION * total or slope <= 0:
            break
        threshold += surplus / slope
    return threshold


@dpaudit.hookimpl
def dpaudit_postprocessors() -> Sequence[type[dpaudit.PostProcessor]]:
    """Offer the post-processor."""
    return (Simplex,)
