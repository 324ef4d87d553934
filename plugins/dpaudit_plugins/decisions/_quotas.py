"""Hamilton's method of apportionment, exact.

Everybody gets the whole part of the fair share; the seats left go to the largest remainders. The
fair share is max(minimum, m p) for the count p, with the m at which shares add up to the seats.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from dpaudit import FloatArray
from dpaudit_plugins.decisions._divisors import awarded
from dpaudit_plugins.decisions._ties import share_of_largest

_ERROR = 1e-15
"""Error of a quota in floating point, in relation to the seats and per term of the sums."""


def by_remainders(
    counts: FloatArray, seats: int, minimum: int, settle: FloatArray | None
) -> FloatArray:
    """Return the seats of every entity, shape (draws, n).

    Parameters
    ----------
    counts
        Shape (draws, n), non-negative, with a positive count in every row.
    seats, minimum
        At least ``n * minimum`` seats, of which everybody has ``minimum``.
    settle
        Who comes first among equal remainders, shape (n,); see ``share_of_largest``.
    """
    quotas = _quotas(counts, seats, minimum)
    shares = np.maximum(quotas, minimum)
    whole = np.floor(shares)
    places = seats - whole.sum(axis=1)
    remainders = shares - whole
    unsure = _is_near(quotas, remainders, places, seats)
    found = whole
    found[~unsure] += share_of_largest(remainders[~unsure], places[~unsure].astype(np.intp), settle)
    for row in np.flatnonzero(unsure):
        found[row] = _exactly(counts[row], seats, minimum, settle)
    return found


def _quotas(counts: FloatArray, seats: int, minimum: int) -> FloatArray:
    """Return m p in floating point, shape (draws, n).

    Where the j smallest are held at the minimum, m is what is left for each person of the others:
    the right j is the first at which the smallest of the others is not below the minimum.
    """
    sizes = counts / counts.max(axis=1, keepdims=True)
    ranked = np.sort(sizes, axis=1)
    others = np.cumsum(ranked[:, ::-1], axis=1)[:, ::-1]
    multiplier = (seats - minimum * np.arange(counts.shape[1])) / others
    first = (multiplier * ranked >= minimum * (1 - 1e-12)).argmax(axis=1)[:, None]
    quotas: FloatArray = sizes * np.take_along_axis(multiplier, first, axis=1)
    return quotas


def _is_near(
    quotas: FloatArray, remainders: FloatArray, places: FloatArray, seats: int
) -> np.ndarray:
    """Return in which rows a share may be a whole number, or the last place may be tied."""
    nearest = np.rint(quotas)
    n = quotas.shape[1]
    close = _ERROR * (n + 8) * seats
    on_line = ((np.abs(quotas - nearest) < close) & (nearest >= 1)).any(axis=1)
    ranked = -np.sort(-remainders, axis=1)
    last = np.clip(places - 1, 0, n - 1).astype(np.intp)[:, None]
    after = np.minimum(last + 1, n - 1)
    gap = np.take_along_axis(ranked, last, axis=1) - np.take_along_axis(ranked, after, axis=1)
    near: np.ndarray = on_line | (places < 0) | (places >= n) | ((gap[:, 0] < close) & (places > 0))
    return near


def _exactly(counts: FloatArray, seats: int, minimum: int, settle: FloatArray | None) -> FloatArray:
    """Return the seats of one row, shape (n,), in ratios of whole numbers."""
    people = [Fraction(float(count)) for count in counts]
    held: set[int] = set()
    while True:
        rest = sum((p for i, p in enumerate(people) if i not in held), Fraction(0))
        quotas = [(seats - minimum * len(held)) * p / rest for p in people]
        below = {i for i, quota in enumerate(quotas) if quota < minimum}
        if below <= held:
            break
        held |= below
    shares = [Fraction(minimum) if i in held else quota for i, quota in enumerate(quotas)]
    whole = [int(share) for share in shares]
    remainders = [share - part for share, part in zip(shares, whole, strict=True)]
    return np.array(whole) + awarded(remainders, seats - sum(whole), settle)
