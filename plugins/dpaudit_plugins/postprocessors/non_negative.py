"""Clipping at zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray


@attrs.frozen(kw_only=True)
class NonNegative(dpaudit.PostProcessor):
    """Set negative counts to zero.

    It adds E (-x - X)^+ to a count x with noise X: always something, and most to the smallest
    counts (METHODS-decisions 5.1).

    Examples
    --------
    >>> NonNegative().process(np.array([-1.5, 2.0]))
    array([0., 2.])
    """

    name: ClassVar[str] = "non-negative"
    vectorised: ClassVar[bool] = True
    elementwise: ClassVar[bool] = True
    clips: ClassVar[bool] = True
    nonnegative: ClassVar[bool] = True
    keeps = frozenset({"whole", "non-negative"})
    commutes: ClassVar[frozenset[str]] = frozenset({"none", "round"})

    def process(self, release: FloatArray) -> FloatArray:
        """Return the clipped release, shape (..., n)."""
        return np.maximum(release, 0.0)

    def bias(self, counts: FloatArray, noise: dpaudit.Noise) -> FloatArray:
        """Return E (-x - X)^+, shape (n,), persons; exact."""
        return noise.excess(-counts)

    def variance(self, counts: FloatArray, noise: dpaudit.Noise) -> FloatArray:
        """Return Var (x + X)^+, shape (n,), persons squared; exact.

        With N = (-x - X)^+, m = E N and q = E N^2 it is Var X - q - m (2 x + m), which does not
        cancel for non-negative x.
        """
        below, square = noise.excess(-counts), noise.excess_square(-counts)
        with np.errstate(invalid="ignore", over="ignore"):
            left = noise.variance - square - below * (2.0 * counts + below)
        return np.where(np.isinf(noise.variance), np.inf, np.maximum(left, 0.0))

    def control(self, counts: FloatArray, noise: dpaudit.Noise) -> dpaudit.Control:
        """Return the step itself, whose mean and variance are known."""
        mean = counts + self.bias(counts, noise)
        return dpaudit.Control(
            mean=mean,
            variance=self.variance(counts, noise),
            deviation=lambda noisy: self.process(noisy) - mean,
        )


@dpaudit.hookimpl
def dpaudit_postprocessors() -> Sequence[type[dpaudit.PostProcessor]]:
    """Offer the post-processor."""
    return (NonNegative,)
