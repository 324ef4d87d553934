"""Whether a count reaches a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.released import Released


@attrs.frozen(kw_only=True, eq=False)
class Threshold(dpaudit.Decision):
    """Decide 1 where a count reaches a threshold, else 0.

    Parameters
    ----------
    at
        The threshold, persons: a number, or a column with one for each entity. Finite.
    strict
        Whether the count must exceed it ("more than" in a law, against "at least").

    Raises
    ------
    DataError
        If a threshold is not a number.

    References
    ----------
    METHODS-decisions 4.2 (derived for this project).

    Examples
    --------
    >>> Threshold(at=10_000).decide(np.array([9_999.0, 10_000.0]))
    array([0., 1.])
    >>> Threshold(at=10_000, strict=True).decide(np.array([10_000.0, 10_001.0]))
    array([0., 1.])
    """

    name: ClassVar[str] = "threshold"
    unit: ClassVar[str] = "probability"
    vectorised: ClassVar[bool] = True
    bounded: ClassVar[bool] = True

    at: dpaudit.Column | float
    strict: bool = False

    @property
    def largest_change(self) -> float:
        """1: from nothing to a whole."""
        return 1.0

    @property
    def grows_with(self) -> tuple[int, ...]:
        """The position of the only count."""
        return (0,)

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return 1 where the count reaches the threshold, else 0, shape (..., n)."""
        level = self._level(counts.shape[-1])
        return np.where(counts > level if self.strict else counts >= level, 1.0, 0.0)

    def probability(
        self, counts: FloatArray, noise: dpaudit.Noise, *, clipped: bool
    ) -> dpaudit.ClosedForm:
        """Return P(x + X >= at), shape (n,), exact in both tails; of > where ``strict``.

        Clipped counts reach every threshold of 0 or less (of less than 0 where ``strict``).
        """
        released = Released(noise, counts, clipped)
        level = self._level(counts.size)
        return released.above(level) if self.strict else released.at_least(level)

    def _level(self, n: int) -> FloatArray:
        """Return the thresholds, shape (n,), checked."""
        if isinstance(self.at, str):
            raise dpaudit.UsageError(
                f"at: the column {self.at!r} is not filled in",
                hint="give a number or an array, or let an audit fill in the column of its data",
            )
        level = np.asarray(self.at)
        if level.dtype.kind not in "iuf":
            raise dpaudit.DataError(
                f"at: {str(level.flat[0])!r} is not a number", hint="name a column of numbers"
            )
        if level.ndim and level.shape != (n,):
            raise dpaudit.DataError(
                f"at: thresholds of shape {level.shape} for {n} entities",
                hint="give one number, or one for each entity",
            )
        wrong = ~np.isfinite(level)
        if wrong.any():
            entity = int(np.flatnonzero(wrong)[0])
            raise dpaudit.DataError(
                f"at: {float(level.flat[entity])!r} (entity {entity + 1}) is not a number",
                hint="leave the entity out, or give it a threshold",
            )
        return np.broadcast_to(level, (n,)).astype(np.float64)


@dpaudit.hookimpl
def dpaudit_decisions() -> Sequence[type[dpaudit.Decision]]:
    """Offer the decision."""
    return (Threshold,)
