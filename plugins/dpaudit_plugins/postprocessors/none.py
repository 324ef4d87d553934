"""No post-processing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray


@attrs.frozen(kw_only=True)
class Unprocessed(dpaudit.PostProcessor):
    """Leave the noisy counts as they are.

    Examples
    --------
    >>> Unprocessed().process(np.array([-1.5, 2.0]))
    array([-1.5,  2. ])
    """

    name: ClassVar[str] = "none"
    vectorised: ClassVar[bool] = True
    linear: ClassVar[bool] = True
    elementwise: ClassVar[bool] = True
    keeps = frozenset({"whole", "non-negative", "total", "additive"})
    commutes: ClassVar[frozenset[str]] = frozenset(
        {"non-negative", "round", "sum-preserving", "simplex"}
    )

    def process(self, release: FloatArray) -> FloatArray:
        """Return the release, shape (..., n)."""
        return release

    def moves_at_most(self) -> float:
        """Return 0."""
        return 0.0

    def bias(self, counts: FloatArray, noise: dpaudit.Noise) -> FloatArray:
        """Return zeros, shape (n,)."""
        return np.zeros_like(counts)

    def variance(self, counts: FloatArray, noise: dpaudit.Noise) -> FloatArray:
        """Return the variance of the noise, shape (n,), persons squared."""
        return np.broadcast_to(noise.variance, counts.shape).astype(np.float64)

    def noise_after(self, noise: dpaudit.Noise) -> dpaudit.Noise:
        """Return the same noise."""
        return noise


@dpaudit.hookimpl
def dpaudit_postprocessors() -> Sequence[type[dpaudit.PostProcessor]]:
    """Offer the post-processor."""
    return (Unprocessed,)
