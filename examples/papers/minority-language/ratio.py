"""A share of two counts whose denominator alone is noisy, kept away from zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit


@attrs.frozen(kw_only=True)
class Ratio(dpaudit.Decision):
    """Decide b_i / max(x_i, floor): the expected value of a plain ratio does not exist.

    Parameters
    ----------
    numerator
        b, known without noise: noise in it is linear and adds no bias.
    floor
        Below which no denominator goes.
    """

    name: ClassVar[str] = "ratio"
    unit: ClassVar[str] = "ratio"
    vectorised: ClassVar[bool] = True

    numerator: dpaudit.Column
    floor: float = 20.0

    def decide(self, counts):
        """Return the ratios, shape (..., n)."""
        return np.asarray(self.numerator) / np.maximum(counts, self.floor)

    def structure(self, n):
        """Return that each outcome follows from the entity's own count alone."""
        alone = dpaudit.Share(
            own=lambda counts: (self.decide(counts),),
            level=lambda sums: np.ones_like(sums[0]),
            breaks=np.full((n, 1), self.floor),
            groups=np.zeros(n, dtype=np.intp),
        )
        return dpaudit.Local(terms=(alone,))


@dpaudit.hookimpl
def dpaudit_decisions() -> Sequence[type[dpaudit.Decision]]:
    """Offer the decision."""
    return (Ratio,)
