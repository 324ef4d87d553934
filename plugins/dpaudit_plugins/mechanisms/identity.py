"""The true counts, without noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.none import NoNoise


@attrs.frozen(kw_only=True)
class Identity(dpaudit.Mechanism):
    """Release the true counts: nothing is protected.

    The yardstick for what post-processing and rounding alone do to a decision.

    Examples
    --------
    >>> Identity().release(np.array([3.0, 5.0]), np.random.default_rng())
    array([3., 5.])
    """

    name: ClassVar[str] = "identity"

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return a copy of the counts."""
        return np.array(counts, dtype=np.float64)

    def privacy(self) -> dpaudit.Guarantee:
        """Return a guarantee that promises nothing (epsilon is infinite)."""
        return dpaudit.Guarantee(neighbours=self.neighbours)

    def noise(self) -> NoNoise:
        """Return the noise that is always zero."""
        return NoNoise()


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (Identity,)
