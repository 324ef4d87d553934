"""Shifting all counts alike so that they sum to the public total."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit_plugins.postprocessors._total import KeepsTotal


@attrs.frozen(kw_only=True)
class SumPreserving(KeepsTotal):
    """Project on the vectors with the public total: subtract the mean surplus from every count.

    Unbiased where the total is that of the true counts; counts may be negative
    (METHODS-decisions 5.2, the projection pi_S).

    Parameters
    ----------
    total
        The public total, persons; the exact total of the true counts where it is left out.

    Examples
    --------
    >>> SumPreserving(total=3.0).process(np.array([-1.0, 2.0, 5.0]))
    array([-2.,  1.,  4.])
    """

    name: ClassVar[str] = "sum-preserving"
    vectorised: ClassVar[bool] = True
    linear: ClassVar[bool] = True
    commutes: ClassVar[frozenset[str]] = frozenset({"none"})

    def process(self, release: FloatArray) -> FloatArray:
        """Return the shifted release, shape (..., n)."""
        surplus = release.sum(axis=-1, keepdims=True) - self.public_total()
        shifted: FloatArray = release - surplus / release.shape[-1]
        return shifted

    def bias(self, counts: FloatArray, noise: dpaudit.Noise) -> FloatArray:
        """Return the same shift for every entity, shape (n,), persons; 0 for the true total."""
        return np.full_like(counts, (self.public_total() - float(counts.sum())) / counts.size)

    def variance(self, counts: FloatArray, noise: dpaudit.Noise) -> FloatArray:
        """Return v_i (1 - 2/n) + mean(v) / n, shape (n,), persons squared; exact."""
        n = counts.size
        if n == 1:
            return np.zeros_like(counts)
        own = np.broadcast_to(noise.variance, counts.shape)
        with np.errstate(invalid="ignore"):
            left = np.maximum(own * (1.0 - 2.0 / n) + own.mean() / n, 0.0)
        return np.where(np.isinf(own.mean()), np.inf, left)

    def control(self, counts: FloatArray, noise: dpaudit.Noise) -> dpaudit.Control:
        """Return the step itself; entities depend on one another."""
        return dpaudit.Control(
            mean=counts + self.bias(counts, noise),
            variance=None,
            deviation=lambda noisy: _centred(noisy - counts),
        )


def _centred(noise: FloatArray) -> FloatArray:
    centred: FloatArray = noise - noise.mean(axis=-1, keepdims=True)
    return centred


@dpaudit.hookimpl
def dpaudit_postprocessors() -> Sequence[type[dpaudit.PostProcessor]]:
    """Offer the post-processor."""
    return (SumPreserving,)
