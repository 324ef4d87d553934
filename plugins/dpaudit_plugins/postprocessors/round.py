"""Rounding to whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.rounded import rounded


@attrs.frozen(kw_only=True)
class Round(dpaudit.PostProcessor):
    """Round every count to the nearest whole number, halves to the even one.

    For whole true counts and symmetric noise it adds no bias.

    Examples
    --------
    >>> Round().process(np.array([-1.6, 2.4]))
    array([-2.,  2.])
    """

    name: ClassVar[str] = "round"
    vectorised: ClassVar[bool] = True
    elementwise: ClassVar[bool] = True
    keeps = frozenset({"whole", "non-negative"})
    commutes: ClassVar[frozenset[str]] = frozenset({"none", "non-negative"})

    def process(self, release: FloatArray) -> FloatArray:
        """Return the rounded release, shape (..., n)."""
        return np.rint(release)

    def moves_at_most(self) -> float:
        """Return one half."""
        return 0.5

    def bias(self, counts: FloatArray, noise: dpaudit.Noise) -> FloatArray | None:
        """Return zeros, shape (n,), for whole counts and symmetric noise."""
        return np.zeros_like(counts) if noise.symmetric and _whole(counts) else None

    def variance(self, counts: FloatArray, noise: dpaudit.Noise) -> FloatArray | None:
        """Return the variance of the rounded noise, shape (n,), for whole counts."""
        after = self.noise_after(noise)
        if after is None or not _whole(counts):
            return None
        return np.broadcast_to(after.variance, counts.shape).astype(np.float64)

    def noise_after(self, noise: dpaudit.Noise) -> dpaudit.Noise | None:
        """Return the noise of whole counts after rounding, where it is known."""
        return rounded(noise)


def _whole(counts: FloatArray) -> bool:
    return bool((counts == np.rint(counts)).all())


@dpaudit.hookimpl
def dpaudit_postprocessors() -> Sequence[type[dpaudit.PostProcessor]]:
    """Offer the post-processor."""
    return (Round,)
