"""Suppression of small counts, as tables are traditionally protected."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import attrs
import numpy as np
from attrs import validators
from numpy.typing import NDArray

import dpaudit
from dpaudit import BoolArray, FloatArray


@attrs.frozen(kw_only=True, eq=False)
class CellSuppression(dpaudit.Mechanism):
    """Suppress counts from 1 to k - 1; show zeros and counts of k and more as they are.

    Nothing is random. Data sets with k - 1 and with k people in a cell give different outputs
    for certain, and so do c and c + 1 from k on: whatever epsilon, delta is 1. A marker says
    besides that the count is between 1 and k - 1.

    Parameters
    ----------
    threshold
        k, the smallest count that is shown, at least 1 (which suppresses nothing).
    variant
        ``marker``: a suppressed count is printed as a symbol; ``zero``: as 0.
    fill
        The number that a user of the table puts in place of the marker, persons, not negative.
        It must be 0 where small counts are printed as 0.
    complementary
        A column of groups whose totals are published. In a group with exactly one suppressed
        count that one could be computed from the total: the smallest positive count that is
        left (the first of equals) is then suppressed too, if there is one. Once is enough for
        one grouping: every group then has none or two, or nothing left to suppress.

    Examples
    --------
    >>> CellSuppression(threshold=5).release(np.array([0.0, 4.0, 5.0]), np.random.default_rng())
    array([0., 0., 5.])
    """

    name: ClassVar[str] = "cell-suppression"
    nonnegative: ClassVar[bool] = True

    threshold: int = attrs.field(validator=validators.ge(1))
    variant: Literal["marker", "zero"] = "marker"
    fill: float = attrs.field(default=0.0, validator=[validators.ge(0.0), validators.lt(math.inf)])
    complementary: dpaudit.Column | None = None

    @fill.validator
    def _zero_is_zero(self, _: attrs.Attribute[Any], value: float) -> None:
        if self.variant == "zero" and value != 0:
            raise ValueError(f"fill {value!r} must be 0 where small counts are printed as 0")

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the published counts with ``fill`` for those suppressed, shape of ``counts``."""
        return np.where(self.suppressed(counts), self.fill, counts)

    def printed(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return what readers see: NaN where the marker stands, or the release."""
        if self.variant == "zero":
            return self.release(counts, rng)
        return np.where(self.suppressed(counts), np.nan, counts)

    def log_law(
        self, counts: FloatArray, printed: FloatArray, cells: NDArray[np.intp]
    ) -> FloatArray | None:
        """Return 0 where a count is printed so and -inf where not; not known of groups."""
        if self.complementary is not None:
            return None
        hidden = (counts > 0) & (counts < self.threshold)
        shown = np.where(hidden, 0.0, counts) == printed
        if self.variant == "marker":
            shown = np.where(hidden, np.isnan(printed), counts == printed)
        return np.where(shown, 0.0, -np.inf)

    def suppressed(self, counts: FloatArray) -> BoolArray:
        """Return which counts are not shown, of the shape of ``counts``, (n,) or (n, k)."""
        hidden = (counts > 0) & (counts < self.threshold)
        if self.complementary is None:
            return hidden
        groups = self._groups(counts.shape[0])
        if counts.ndim == 1:
            return hidden | _second(counts, hidden, groups)
        columns = [_second(counts[:, j], hidden[:, j], groups) for j in range(counts.shape[1])]
        return hidden | np.stack(columns, axis=1)

    def privacy(self) -> dpaudit.Guarantee:
        """Return delta = 1 at every epsilon: nothing is promised."""
        shown = f"the counts of 0 and of {self.threshold} and more"
        if self.complementary is not None:
            shown += ", but for those suppressed beside another"
        return dpaudit.Guarantee(
            neighbours=self.neighbours, delta=1.0, every_epsilon=True, uncovered=(shown,)
        )

    def bias(self, counts: FloatArray) -> FloatArray:
        """Return fill - x where suppressed and 0 elsewhere, shape (n,), persons; exact."""
        return np.where(self.suppressed(counts), self.fill - counts, 0.0)

    def variance(self, counts: FloatArray) -> FloatArray:
        """Return 0, shape (n,): nothing is random."""
        return np.zeros_like(counts)

    def positive(self, counts: FloatArray) -> FloatArray:
        """Return 1 where the released value is above 0 and 0 elsewhere, shape (n,)."""
        released = np.where(self.suppressed(counts), self.fill, counts)
        return (released > 0).astype(np.float64)

    def caveats(self) -> tuple[str, ...]:
        """Return what suppression does not do."""
        told = "what is suppressed here can often be computed from totals and other tables"
        marker = f"a hidden count is reckoned as {self.fill:g}, as a reader may take it"
        shown = (told, marker) if self.variant == "marker" else (told,)
        if self.complementary is None:
            return shown
        alone = "a group whose only positive count is suppressed gives it away with its total"
        return (*shown, alone)

    def _groups(self, n: int) -> np.ndarray:
        if isinstance(self.complementary, str):
            raise dpaudit.UsageError(
                f"complementary: the column {self.complementary!r} is not filled in",
                hint="give an array, or let an audit fill in the column of its data",
            )
        labels = np.asarray(self.complementary)
        if labels.shape != (n,):
            raise dpaudit.DataError(
                f"complementary: a column of shape {labels.shape} for {n} entities",
                hint="name a column with one group for each entity",
            )
        codes: np.ndarray = np.unique(labels, return_inverse=True)[1]
        return codes


def _second(counts: FloatArray, hidden: BoolArray, groups: np.ndarray) -> BoolArray:
    """Return the smallest positive shown count of each group with exactly one hidden, (n,)."""
    alone = np.bincount(groups[hidden], minlength=int(groups.max(initial=0)) + 1) == 1
    candidates = np.flatnonzero(alone[groups] & ~hidden & (counts > 0))
    order = candidates[np.lexsort((candidates, counts[candidates], groups[candidates]))]
    _, first = np.unique(groups[order], return_index=True)
    chosen = np.zeros(counts.shape, dtype=np.bool_)
    chosen[order[first]] = True
    return chosen


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (CellSuppression,)
