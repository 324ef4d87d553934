"""Record swapping: pairs of people exchange one attribute, usually where they live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np
from attrs import validators

import dpaudit
from dpaudit import FloatArray

_MOST_RECORDS = 10**8


@attrs.frozen(kw_only=True)
class RecordSwapping(dpaudit.Mechanism):
    """Exchange one attribute within random pairs of records that agree on others.

    Of the N records that agree on ``match``, floor(rate N / 2) disjoint pairs are drawn
    uniformly; the two of a pair exchange their values of ``swap`` (which may be equal).

    Parameters
    ----------
    rate
        Share of the records that enter a pair, from 0 to 1.
    swap
        The attribute that is exchanged.
    match
        The attributes on which a pair agrees; none of them is ``swap``.

    Notes
    -----
    In one stratum let x be the count of a cell, A that of its value of ``swap``, R that of its
    other attributes, P the pairs and q = 2 P / N. A record is drawn with probability q and
    then gets the value of a partner that is uniform among N - 1, so that the cell has the mean
    (1 - q) x + q (A R - x) / (N - 1). The variance sums over the four ways in which two records
    are drawn or not (derived for this project).

    References
    ----------
    Dalenius and Reiss (1982), Data-swapping: a technique for disclosure control, Journal of
    Statistical Planning and Inference 6(1).
    """

    name: ClassVar[str] = "record-swapping"
    takes: ClassVar = "records"
    independent: ClassVar[bool] = False
    one_cell: ClassVar[bool] = True
    nonnegative: ClassVar[bool] = True

    rate: float = attrs.field(validator=[validators.ge(0.0), validators.le(1.0)])
    swap: str
    match: tuple[str, ...] = ()
    domain: dpaudit.GivenDomain = None

    def __attrs_post_init__(self) -> None:
        if self.swap in self.match:
            raise ValueError(f"the pair agrees on {self.swap!r}, so that nothing is exchanged")

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the counts of the table after swapping, shape (n,), persons."""
        cells, strata = self._cells(counts), self._margins(counts)
        records = np.repeat(np.arange(counts.size), counts.astype(np.int64))
        stratum = cells.match[records]
        order = np.lexsort((rng.random(records.size), stratum))
        sizes = strata.sizes.astype(np.int64)
        place = np.arange(records.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        drawn = np.flatnonzero(place < 2 * np.repeat(strata.pairs, sizes))
        # Records of a stratum stand together in random order: neighbours are the pairs.
        one, other = order[drawn[0::2]], order[drawn[1::2]]
        step = (cells.swap[records[other]] - cells.swap[records[one]]) * cells.stride
        moved = records.copy()
        moved[one] += step
        moved[other] -= step
        return np.bincount(moved, minlength=counts.size).astype(np.float64)

    def privacy(self) -> dpaudit.Guarantee:
        """Return a guarantee that promises nothing, and the tables that swapping keeps."""
        match = " × ".join(self.match)
        first = f"{match} × {self.swap}" if match else self.swap
        rest = f"all attributes but {self.swap}"
        return dpaudit.Guarantee(
            neighbours=self.neighbours,
            uncovered=(
                f"the table of {first}",
                f"the table of {rest}",
            ),
        )

    def bias(self, counts: FloatArray) -> FloatArray:
        """Return q ((A R - x) / (N - 1) - x), shape (n,), persons; exact."""
        at = self._at(counts)
        return at.drawn * ((at.swapped * at.rest - counts) / at.others - counts)

    def variance(self, counts: FloatArray) -> FloatArray:
        """Return the variance, shape (n,), persons squared; exact but for rounding.

        Rounding errs by about 1e-16 x^2.
        """
        at = self._at(counts)
        mean = counts + self.bias(counts)
        x, y = counts, at.rest - counts
        pairs = [(x * (x - 1.0), 1, 1), (2.0 * x * y, 1, 0), (y * (y - 1.0), 0, 0)]
        square = mean + sum(many * at.both(a, b) for many, a, b in pairs)
        return np.maximum(square - mean * mean, 0.0)

    def caveats(self) -> tuple[str, ...]:
        """Return what is different in practice."""
        return ("records are drawn with equal chances: agencies draw those at risk more often",)

    def _at(self, counts: FloatArray) -> _Cell:
        """Return what the moments of each cell are made of."""
        cells, strata = self._cells(counts), self._margins(counts)
        total = strata.sizes[cells.match]
        return _Cell(
            total=total,
            pairs=strata.pairs[cells.match].astype(np.float64),
            swapped=_sum_over(counts, cells.match * cells.values + cells.swap),
            rest=_sum_over(counts, cells.rest),
        )

    def _margins(self, counts: FloatArray) -> _Strata:
        sizes: FloatArray = np.bincount(self._cells(counts).match, weights=counts).astype(float)
        return _Strata(sizes=sizes, pairs=np.floor(self.rate * sizes / 2.0).astype(np.int64))

    def _cells(self, counts: FloatArray) -> _Codes:
        """Return where each cell lies, after checking the table and its counts."""
        table = self.domain
        if table is None or counts.shape != (table.size,):
            raise dpaudit.UsageError(
                f"record-swapping: counts of shape {counts.shape} are not those of a table",
                hint="count records over named attributes: [data] table and [data.domain]",
            )
        if unknown := [name for name in (self.swap, *self.match) if name not in table.names]:
            raise dpaudit.UsageError(
                f"record-swapping: the table has no attribute {unknown[0]!r}",
                hint=f"attributes: {', '.join(table.names)}",
            )
        if np.any((counts < 0) | (counts != np.rint(counts))) or counts.sum() > _MOST_RECORDS:
            raise dpaudit.DataError(
                f"record-swapping: {float(counts.sum()):,.15g} people in whole counts cannot be "
                "swapped one by one",
                hint=f"give whole counts of at most {_MOST_RECORDS:,} people in all",
            )
        return _Codes.of(table, self.swap, self.match)


@attrs.frozen(kw_only=True, eq=False)
class _Strata:
    """People N and pairs P of each stratum."""

    sizes: FloatArray
    pairs: np.ndarray


@attrs.frozen(kw_only=True, eq=False)
class _Codes:
    """Positions of each cell, shape (n,): its stratum, its value of ``swap``, the rest.

    ``rest`` is the same for cells that differ in ``swap`` alone; ``stride`` is how far apart
    they stand and ``values`` how many they are.
    """

    match: np.ndarray
    swap: np.ndarray
    rest: np.ndarray
    stride: int
    values: int

    @classmethod
    def of(cls, table: dpaudit.Domain, swap: str, match: tuple[str, ...]) -> _Codes:
        axis = table.names.index(swap)
        stride = int(np.prod(table.shape[axis + 1 :], dtype=np.int64))
        code = table.codes(swap)
        stratum = np.zeros(table.size, dtype=np.int64)
        for name in match:
            stratum = stratum * table.shape[table.names.index(name)] + table.codes(name)
        return cls(
            match=stratum,
            swap=code,
            rest=np.arange(table.size) - code * stride,
            stride=stride,
            values=table.shape[axis],
        )


@attrs.frozen(kw_only=True, eq=False)
class _Cell:
    """N, P, A and R of each cell, shape (n,) each."""

    total: FloatArray
    pairs: FloatArray
    swapped: FloatArray
    rest: FloatArray

    @property
    def others(self) -> FloatArray:
        """N - 1, at least 1 where there is nobody to swap with."""
        return np.maximum(self.total - 1.0, 1.0)

    @property
    def drawn(self) -> FloatArray:
        """q, the probability that a record enters a pair."""
        return 2.0 * self.pairs / np.maximum(self.total, 1.0)

    def both(self, a: int, b: int) -> FloatArray:
        """Return P(two records both end with the value), if a and b say which had it before.

        Neither drawn; one drawn; a pair; or drawn with two different partners.
        """
        n, p = self.total, self.pairs
        of = np.maximum(n * (n - 1.0), 1.0)
        left = self.swapped - a - b
        neither = (n - 2.0 * p) * (n - 2.0 * p - 1.0) / of
        one = 2.0 * p * (n - 2.0 * p) / of / np.maximum(n - 2.0, 1.0)
        pair = 2.0 * p / of
        apart = 2.0 * p * (2.0 * p - 2.0) / of / np.maximum((n - 2.0) * (n - 3.0), 1.0)
        kept = (neither + pair) * a * b
        return kept + one * (a + b) * left + apart * left * (left - 1.0)


def _sum_over(counts: FloatArray, codes: np.ndarray) -> FloatArray:
    """Return for each cell the sum of the counts with its code."""
    sums: FloatArray = np.bincount(codes, weights=counts)[codes]
    return sums


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (RecordSwapping,)
