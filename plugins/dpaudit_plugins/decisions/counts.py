"""The counts themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit.model.arrays import FloatArray


@attrs.frozen(kw_only=True)
class Counts(dpaudit.Decision):
    """Take the released counts as they are: audits the release rather than a decision.

    Examples
    --------
    >>> Counts().decide(np.array([3.0, 5.0]))
    array([3., 5.])
    """

    name: ClassVar[str] = "counts"
    unit: ClassVar[str] = "persons"
    vectorised: ClassVar[bool] = True

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the counts, shape (..., n), persons."""
        return counts

    def structure(self, n: int) -> dpaudit.Structure:
        """Return that every outcome is the entity's own count."""
        return dpaudit.Linear(slope=np.ones(n))

    def curvature(self, counts: FloatArray, variance: FloatArray) -> FloatArray:
        """Return zeros, shape (n,)."""
        return np.zeros_like(counts)


@dpaudit.hookimpl
def dpaudit_decisions() -> Sequence[type[dpaudit.Decision]]:
    """Offer the decision."""
    return (Counts,)
