"""The k largest are chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit_plugins.decisions._ties import settling, share_of_largest


@attrs.frozen(kw_only=True, eq=False)
class TopK(dpaudit.Decision):
    """Choose the k entities with the largest counts: 1 for each of them, 0 for all others.

    Its bias is the probability of being chosen minus what the true counts say.

    Parameters
    ----------
    k
        How many are chosen, at least 1.
    tie_break
        A public column of numbers, if there is one: among equal counts the larger number comes
        first. Counts that are still equal share the places left in equal parts, the chance that
        a lot gives each of them. The order of the entities never matters.

    Raises
    ------
    SpecError
        If there are fewer than k entities.
    DataError
        If a count is not a number, or the column is not one finite number for each entity.

    Examples
    --------
    >>> TopK(k=2).decide(np.array([3.0, 9.0, 3.0, 1.0]))
    array([0.5, 1. , 0.5, 0. ])
    """

    name: ClassVar[str] = "top-k"
    unit: ClassVar[str] = "probability"
    vectorised: ClassVar[bool] = True
    bounded: ClassVar[bool] = True

    k: int = attrs.field(validator=attrs.validators.ge(1))
    tie_break: dpaudit.Column | None = None

    @property
    def largest_change(self) -> float:
        """1: from nothing to a whole."""
        return 1.0

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return who is chosen, shape (..., n), from 0 to 1; the outcomes add up to k."""
        n = counts.shape[-1]
        if self.k > n:
            raise dpaudit.SpecError(
                f"top-k: k = {self.k:,} is more than the {n:,} entities",
                hint=f"set k to {n:,} or less",
            )
        if np.isnan(counts).any():
            raise dpaudit.DataError(
                "top-k: a count is nan, which is neither large nor small",
                hint="release a number for every entity",
            )
        values = counts.reshape(-1, n)
        settle = settling("tie_break", self.tie_break, n)
        wanted = np.full(len(values), self.k)
        return share_of_largest(values, wanted, settle).reshape(counts.shape)

    def caveats(self) -> tuple[str, ...]:
        """Return what happens to ties."""
        tie = "counts that are equal" if self.tie_break is None else "counts that stay equal"
        return (f"{tie} share the places left, as a lot would on average",)


@dpaudit.hookimpl
def dpaudit_decisions() -> Sequence[type[dpaudit.Decision]]:
    """Offer the decision."""
    return (TopK,)
