"""A rule whose curvature is the same at all counts: the square of each count, with a weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit


@attrs.frozen(kw_only=True)
class Square(dpaudit.Decision):
    """Decide a_i x_i^2: not linear, and curved alike everywhere.

    Parameters
    ----------
    weights
        a, one for each entity, or one for all.
    """

    name: ClassVar[str] = "square"
    unit: ClassVar[str] = "squares"
    vectorised: ClassVar[bool] = True

    weights: dpaudit.Column | float = 1.0

    def decide(self, counts):
        """Return the squares, shape (..., n)."""
        return np.asarray(self.weights) * counts**2

    def structure(self, n):
        """Return that each outcome follows from the entity's own count alone."""
        alone = dpaudit.Share(
            own=lambda counts: (self.decide(counts),),
            level=lambda sums: np.ones_like(sums[0]),
            breaks=np.full((n, 1), np.inf),
            groups=np.zeros(n, dtype=np.intp),
        )
        return dpaudit.Local(terms=(alone,))


@dpaudit.hookimpl
def dpaudit_decisions() -> Sequence[type[dpaudit.Decision]]:
    """Offer the decision."""
    return (Square,)
