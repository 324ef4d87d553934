"""Mergeable moments of block sums: no array of replicates is ever kept."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Protocol, Self, TypeVar

import attrs
import numpy as np

from dpaudit.model.arrays import BoolArray, FloatArray
from dpaudit.stats.compiled import kernel

_AT_ONCE = 2**16
"""Observations that are worked on at once: what a processor's cache holds."""

_FEWEST = 2
"""Numpy adds up a single column in another order than columns side by side."""


@attrs.frozen(kw_only=True, eq=False)
class Moments:
    """Count, mean and central sums of a vector-valued sample.

    Parameters
    ----------
    count
        Observations merged so far.
    mean
        Their mean, shape (m,).
    m2
        Sum of squared deviations from the mean, shape (m,).
    m4
        Sum of fourth powers of deviations from the mean of their own block, shape (m,): it
        only says how heavy the tails are, so the blocks' means do not matter.
    """

    count: int
    mean: FloatArray
    m2: FloatArray
    m4: FloatArray

    @classmethod
    def of(
        cls, rows: FloatArray, change: Callable[[FloatArray], FloatArray] | None = None
    ) -> Moments:
        """Return the moments of ``rows``, shape (count, m), or of what ``change`` makes of each."""
        mean, m2, m4 = np.empty((3, rows.shape[1]))
        pieces = max(1, min(rows.size // _AT_ONCE, rows.shape[1]))
        ends = np.linspace(0, rows.shape[1], pieces + 1).astype(np.intp)
        for start, stop in itertools.pairwise(ends):
            part = rows[:, start:stop] if change is None else change(rows[:, start:stop])
            mean[start:stop] = part.mean(axis=0)
            power = part - mean[start:stop]
            power *= power
            m2[start:stop] = power.sum(axis=0)
            power *= power
            m4[start:stop] = power.sum(axis=0)
        return cls(count=len(rows), mean=mean, m2=m2, m4=m4)

    @classmethod
    def of_errors(cls, rows: FloatArray) -> tuple[Moments, Moments, Moments]:
        """Return the moments of errors (count, m), of their squares and of their negative parts."""
        twin = kernel("error_moments", 3 * rows.size)
        if twin is None or rows.shape[1] < _FEWEST:
            return cls.of(rows), cls.of(rows, np.square), cls.of(rows, negative_part)
        out = np.empty((9, rows.shape[1]))
        twin(rows, out)
        made = [
            cls(count=len(rows), mean=out[k], m2=out[3 + 2 * k], m4=out[4 + 2 * k])
            for k in range(3)
        ]
        return made[0], made[1], made[2]

    def __add__(self, other: Moments) -> Moments:
        """Merge two samples (Chan, Golub and LeVeque 1983)."""
        count = self.count + other.count
        step = other.mean - self.mean
        return Moments(
            count=count,
            mean=self.mean + step * (other.count / count),
            m2=self.m2 + other.m2 + step * step * (self.count * other.count / count),
            m4=self.m4 + other.m4,
        )

    def __getitem__(self, columns: slice) -> Moments:
        """Return the moments of some of the columns."""
        return attrs.evolve(self, mean=self.mean[columns], m2=self.m2[columns], m4=self.m4[columns])

    def ending_with(self, last: Moments) -> Moments:
        """Return these moments with those of one column in place of the last."""
        return attrs.evolve(
            self,
            mean=np.append(self.mean[:-1], last.mean),
            m2=np.append(self.m2[:-1], last.m2),
            m4=np.append(self.m4[:-1], last.m4),
        )

    def shifted(self, amount: FloatArray) -> Moments:
        """Return the moments of every observation plus ``amount``, shape (m,)."""
        return attrs.evolve(self, mean=self.mean + amount)

    def where(self, kept: BoolArray, other: Moments) -> Moments:
        """Return these columns where ``kept``, else those of ``other``, a sample as large."""
        return attrs.evolve(
            self,
            mean=np.where(kept, self.mean, other.mean),
            m2=np.where(kept, self.m2, other.m2),
            m4=np.where(kept, self.m4, other.m4),
        )

    @property
    def variance(self) -> FloatArray:
        """Unbiased sample variance, shape (m,)."""
        return self.m2 / (self.count - 1)

    @property
    def standard_error(self) -> FloatArray:
        """Standard error of the mean, shape (m,)."""
        error: FloatArray = np.sqrt(self.variance / self.count)
        return error

    @property
    def degrees_of_freedom(self) -> FloatArray:
        """Degrees of freedom of the sample variance, shape (m,), at least 1.

        ``2 N / (kurtosis - 1)`` after Satterthwaite (1946): N - 1 for normal observations, and
        few where the variance is carried by a handful of rare events, so that an interval from
        such a sample is wide instead of wrong.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            kurtosis = self.count * self.m4 / (self.m2 * self.m2)
        kurtosis = np.where(self.m2 > 0, np.maximum(kurtosis, 3.0), 3.0)
        freedom: FloatArray = np.clip(2.0 * self.count / (kurtosis - 1.0) - 1.0, 1.0, None)
        return freedom


def negative_part(values: FloatArray) -> FloatArray:
    """Return (-values)^+; numpy takes the larger of two arrays faster than that of a number."""
    turned = np.negative(values)
    return np.maximum(turned, np.zeros(turned.shape), out=turned)


class Mergeable(Protocol):
    """What can be merged with its like."""

    def __add__(self, other: Self, /) -> Self: ...


T = TypeVar("T", bound=Mergeable)


def merge_tree(parts: Sequence[T]) -> T:
    """Merge ``parts`` along the binary tree that is aligned at powers of two.

    Floating-point sums depend on their order; this order depends on the position of each part
    alone, so merging whole aligned subtrees first (a chunk of blocks) changes no bit.
    """
    level = list(parts)
    while len(level) > 1:
        merged = [level[i] + level[i + 1] for i in range(0, len(level) - 1, 2)]
        level = merged + level[len(merged) * 2 :]
    return level[0]
