"""Divisor methods of apportionment, exact: floating point finds the seats, whole numbers settle.

An entity with count p that has k seats claims the next one with priority p / d(k). Seats go to the
largest priorities. At a multiplier m (seats for each person) an entity has all seats whose claims
are at least 1 / m; the multiplier at which the seats add up is found for all draws at once. Only
where claims agree to 1e-11 are they compared as ratios of whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

import attrs
import numpy as np

from dpaudit import FloatArray
from dpaudit_plugins.decisions._ties import share_of_largest

_NEAR = 1e-11
"""Relative distance within which claims are compared exactly; float64 errs by less than 1e-14."""

_TIGHT = 1e-12
"""Relative width to which the multiplier is bracketed where the seats never add up."""

_ROUNDS = 400
"""More than halving every bracket needs, twice over."""

_LEAST = 0.25
"""A quotient at which no method gives a seat beyond those that are given to start with."""

MOST_SEATS = 10**9
"""Beyond this two claims of one entity may be nearer to one another than ``_NEAR`` allows."""


@attrs.frozen
class Divisor:
    """A divisor method.

    Parameters
    ----------
    square
        From k to d(k)^2, a whole number, up to a factor that all k share.
    seats
        From quotients to the number of k >= 0 with d(k) at most the quotient.
    """

    square: Callable[[int], int]
    seats: Callable[[FloatArray], FloatArray]

    @property
    def starts_free(self) -> bool:
        """Whether d(0) = 0: everybody's first seat comes before anybody's second."""
        return self.square(0) == 0


DIVISORS: Mapping[str, Divisor] = {
    "huntington-hill": Divisor(
        lambda k: k * (k + 1), lambda x: np.floor(0.5 + np.sqrt(0.25 + x * x))
    ),
    "webster": Divisor(lambda k: (2 * k + 1) ** 2, lambda x: np.floor(x + 0.5)),
    "jefferson": Divisor(lambda k: (k + 1) ** 2, np.floor),
    "adams": Divisor(lambda k: k * k, lambda x: np.floor(x) + 1.0),
}


def divided(
    counts: FloatArray, seats: int, minimum: int, divisor: Divisor, settle: FloatArray | None
) -> FloatArray:
    """Return the seats of every entity, shape (draws, n).

    Parameters
    ----------
    counts
        Shape (draws, n), non-negative, with a positive count in every row.
    seats, minimum
        At least ``n * minimum`` seats, of which everybody has ``minimum``.
    divisor
        One of :data:`DIVISORS`.
    settle
        Who comes first among equal claims, shape (n,); see :func:`share_of_largest`.
    """
    held = np.full(counts.shape, float(minimum))
    given = np.full(len(counts), minimum * counts.shape[1])
    if minimum == 0 and divisor.starts_free:
        given = np.minimum((counts > 0).sum(axis=1), seats)
        held = share_of_largest(counts, given, settle)
    more = np.flatnonzero(given < seats)
    if more.size:
        held[more] = _handed_out(counts[more], held[more], seats, divisor, settle)
    return held


def _handed_out(
    counts: FloatArray, held: FloatArray, seats: int, divisor: Divisor, settle: FloatArray | None
) -> FloatArray:
    """Return the seats of rows that have some left beyond the whole numbers ``held``."""
    sizes = counts / counts.max(axis=1, keepdims=True)

    def at(rows: np.ndarray | slice, multiplier: FloatArray) -> FloatArray:
        given = np.maximum(held[rows], divisor.seats(sizes[rows] * multiplier[:, None]))
        return np.where(counts[rows] > 0, given, held[rows])

    multiplier = _multiplier(at, sizes.sum(axis=1), seats)
    everyone = slice(None)
    sure, most = at(everyone, multiplier * (1 - _NEAR)), at(everyone, multiplier * (1 + _NEAR))
    found = np.where(most.sum(axis=1, keepdims=True) == seats, most, sure)
    for row in np.flatnonzero((sure.sum(axis=1) < seats) & (most.sum(axis=1) > seats)):
        claims = np.flatnonzero(most[row] > sure[row])
        keys = [
            Fraction(float(counts[row, i])) ** 2 / divisor.square(int(sure[row, i])) for i in claims
        ]
        among = None if settle is None else settle[claims]
        found[row, claims] += awarded(keys, seats - int(sure[row].sum()), among)
    return found


def _multiplier(
    at: Callable[[np.ndarray | slice, FloatArray], FloatArray], sizes: FloatArray, seats: int
) -> FloatArray:
    """Return for every row a multiplier at which, or within 1e-12 of which, the seats add up.

    Newton's step (a seat more for every 1 / size) and halving take turns.
    """
    low = np.full(sizes.shape, _LEAST)
    high = np.full(sizes.shape, seats + 1.0)
    multiplier = np.clip(seats / sizes, low, high)
    rows = np.arange(sizes.size)
    for turn in range(_ROUNDS):
        here = multiplier[rows]
        missing = seats - at(rows, here).sum(axis=1)
        low[rows] = np.where(missing > 0, here, low[rows])
        high[rows] = np.where(missing < 0, here, high[rows])
        keep = (missing != 0) & (high[rows] - low[rows] > _TIGHT * low[rows])
        rows, missing = rows[keep], missing[keep]
        if not rows.size:
            break
        halved = np.sqrt(low[rows] * high[rows])
        step = multiplier[rows] + missing / sizes[rows]
        inside = (step > low[rows]) & (step < high[rows]) & (turn % 3 < 2)  # noqa: PLR2004
        multiplier[rows] = np.where(inside, step, halved)
    return multiplier


def awarded(keys: list[Fraction], places: int, settle: FloatArray | None) -> FloatArray:
    """Return what each of some claims gets of ``places``, the largest first, exactly."""
    ranks = {key: rank for rank, key in enumerate(sorted(set(keys)))}
    values = np.array([[float(ranks[key]) for key in keys]])
    return share_of_largest(values, np.array([places]), settle)[0]
