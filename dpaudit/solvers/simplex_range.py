"""Where the threshold of the projection on the simplex lies, and who can fall below it."""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs
import numpy as np
from numpy.typing import NDArray

from dpaudit.model.arrays import BoolArray, FloatArray
from dpaudit.noise.base import Noise

_TAIL = 1e-14
"""Probability of the tails that are left out of the range of the threshold."""

_FAR = 1e-18
"""Entities that fall below the threshold less often than this are pooled."""

_BISECTIONS = 90
_EXPONENT = 64.0
"""2 log(1 / tail): the slack in Bernstein's inequality is the root of this times the variance."""


@attrs.frozen(kw_only=True, eq=False)
class Groups:
    """Entities of one count and one noise, taken together.

    Parameters
    ----------
    counts, many
        The count and the number of entities of each group, shape (m,).
    noise
        Its noise.
    where
        The group of each entity, shape (n,).
    """

    counts: FloatArray
    many: FloatArray
    noise: Noise
    where: NDArray[np.intp]

    @classmethod
    def of(cls, counts: FloatArray, noise: Noise) -> Groups:
        """Gather the entities, in increasing order of counts."""
        rows = np.column_stack([counts, noise.parameters(counts.size)])
        first, where, many = np.unique(
            rows, axis=0, return_index=True, return_inverse=True, return_counts=True
        )[1:]
        return cls(
            counts=counts[first],
            many=many.astype(np.float64),
            noise=noise.at(first),
            where=where.ravel(),
        )

    @property
    def n(self) -> int:
        """The number of entities."""
        return int(self.many.sum())

    def gap(self, total: float) -> float:
        """Return sum(x) - C, persons, to the last digit."""
        return math.fsum([*(self.counts * self.many), -total])

    def excess(self, t: float) -> FloatArray:
        """Return E (x + X - t)^+ of each group, for symmetric noise."""
        return np.broadcast_to(self.noise.excess(self.counts - t), self.counts.shape)

    def surplus(self, t: float, gap: float) -> float:
        """Return sum E (x + X - t)^+ - C for a :meth:`gap` of sum(x) - C.

        It is gap - n t + sum E (t - x - X)^+, which is accurate however large the counts are.
        """
        short = np.broadcast_to(self.noise.excess(t - self.counts), self.counts.shape)
        return gap - self.n * t + float(short @ self.many)

    def below(self, t: FloatArray | float) -> FloatArray:
        """Return P(x + X <= t) of each group, shape (..., m)."""
        return np.asarray(self.noise.cdf(t - self.counts))

    def variance(self) -> FloatArray:
        """Return Var X of each group."""
        return np.broadcast_to(self.noise.variance, self.counts.shape)

    def some(self, kept: BoolArray) -> Groups:
        """Return the groups that are kept; ``where`` stays that of all."""
        return attrs.evolve(
            self,
            counts=self.counts[kept],
            many=self.many[kept],
            noise=self.noise.at(np.flatnonzero(kept)),
        )


@attrs.frozen(kw_only=True, eq=False)
class Range:
    """The interval that holds every leave-one-out threshold but for a negligible probability.

    Parameters
    ----------
    low, high
        Its ends, persons.
    centre
        About the mean of the threshold, persons.
    spread
        The approximate standard deviation of the threshold.
    slack
        How far a sum of (clipped) noise is from its mean but for a negligible probability.
    near
        The groups that can fall below ``high``, shape (m,).
    pooled
        A bound of the expected amount by which all others fall below ``high``, persons.
    """

    low: float
    high: float
    centre: float
    spread: float
    slack: float
    near: BoolArray
    pooled: float


def threshold_range(groups: Groups, total: float) -> Range:
    """Return the range of the threshold, by Bernstein's inequality for sums of noise."""
    variance = groups.variance()
    unit = math.sqrt(float(variance.max()))
    slack = math.sqrt(_EXPONENT * float(variance @ groups.many)) + reach(groups, _TAIL)

    gap = groups.gap(total)
    start = gap / groups.n
    least = max(-slack, _TAIL * max(total, unit) - total)
    high = _crossing(lambda t: groups.surplus(t, gap) - least, start, unit)
    nothing = max(0.0, _TAIL * unit - total)
    centre = _crossing(lambda t: groups.surplus(t, gap) - nothing, start, unit)
    near = groups.counts < high + reach(groups, _FAR)
    pooled = float(np.where(near, 0.0, groups.noise.excess(high - groups.counts)) @ groups.many)

    def short(t: float) -> float:
        most = float(np.where(near, groups.excess(t), 0.0).max())
        return slack + most - groups.surplus(t, gap)

    low = -_crossing(lambda t: short(-t), -high, unit)
    above = np.maximum(groups.below(2.0 * groups.counts - centre), 1e-300) * groups.many
    spread = math.sqrt(float(above @ variance)) / float(above.sum())
    return Range(
        low=low,
        high=high,
        centre=min(max(centre, low), high),
        spread=min(max(spread, 1e-3 * unit), unit),
        slack=slack,
        near=near,
        pooled=pooled,
    )


def reach(groups: Groups, tail: float) -> float:
    """Return a distance beyond which no noise falls but with probability ``tail``."""
    distance = math.sqrt(float(groups.variance().max()))
    while float(groups.below(groups.counts - distance).max()) > tail:
        distance *= 1.1
    return distance


def parts(far: Groups) -> tuple[tuple[Noise, float], ...]:
    """Return one noise of each kind with the number of entities that have it."""
    if not far.counts.size:
        return ()
    kinds, first, where = np.unique(
        far.noise.parameters(far.counts.size), axis=0, return_index=True, return_inverse=True
    )
    many = np.bincount(where.ravel(), weights=far.many, minlength=len(kinds))
    return tuple(
        (far.noise.at(np.array([index])), float(each))
        for index, each in zip(first, many, strict=True)
    )


def _crossing(falling: Callable[[float], float], start: float, step: float) -> float:
    """Return where a decreasing function, not negative at ``start``, has become negative."""
    low, high = start, start + step
    while falling(high) >= 0:
        step *= 2.0
        low, high = high, high + step
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        if falling(middle) >= 0:
            low = middle
        else:
            high = middle
    return high
