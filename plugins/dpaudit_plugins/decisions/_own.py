"""Decisions that take every entity's released value as it is."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray


@attrs.frozen(kw_only=True)
class OwnValue(dpaudit.Decision):
    """The outcome of an entity is its own released value."""

    vectorised: ClassVar[bool] = True

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the released values, shape (..., n)."""
        return counts

    def structure(self, n: int) -> dpaudit.Structure:
        """Return that every outcome is the entity's own value."""
        return dpaudit.Linear(slope=np.ones(n))

    def curvature(self, counts: FloatArray, variance: FloatArray) -> FloatArray:
        """Return zeros, shape (n,)."""
        return np.zeros_like(counts)
