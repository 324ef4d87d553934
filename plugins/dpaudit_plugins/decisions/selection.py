"""Who is selected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit.model.arrays import FloatArray


@attrs.frozen(kw_only=True)
class Selection(dpaudit.Decision):
    """Take the selection as it is: 1 for the entity that was chosen, 0 for all others.

    For mechanisms that give a selection (``exponential``, ``noisy-max``). Its bias is the
    probability of being chosen minus what the true counts say: 1 for the largest count, shared
    equally between ties.

    Examples
    --------
    >>> Selection().decide(np.array([0.0, 1.0]))
    array([0., 1.])
    """

    name: ClassVar[str] = "selection"
    unit: ClassVar[str] = "probability"
    takes = "selection"
    vectorised: ClassVar[bool] = True

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the selection, shape (..., n)."""
        return counts

    def structure(self, n: int) -> dpaudit.Structure:
        """Return that every outcome is the entity's own value."""
        return dpaudit.Linear(slope=np.ones(n))

    def curvature(self, counts: FloatArray, variance: FloatArray) -> FloatArray:
        """Return zeros, shape (n,)."""
        return np.zeros_like(counts)


@dpaudit.hookimpl
def dpaudit_decisions() -> Sequence[type[dpaudit.Decision]]:
    """Offer the decision."""
    return (Selection,)
