"""Rounding that keeps sums, and random rounding that keeps expectations."""

from __future__ import annotations

import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.solvers.mixed_order import ORDER_BITS, mixed_order

_TIE_BITS = 20
"""Remainders that agree when rounded to this many binary places are ties."""

_BITS = _TIE_BITS + ORDER_BITS

_LARGEST = 2.0**53
"""Beyond this a float64 is no exact whole number."""

_FAR = 1e-6
"""How far values may be from their total beyond what rounding each of them explains."""


def largest_remainder(
    values: FloatArray, totals: FloatArray, starts: np.ndarray | None = None
) -> FloatArray:
    """Round non-negative values to whole numbers whose sums over groups are given.

    Parameters
    ----------
    values
        Shape (..., n), non-negative, finite; each group of a row sums to its total but for less
        than one per entry.
    totals
        Whole totals, shape (..., g), or (..., 1) without groups.
    starts
        Where each group begins, shape (g,), ascending from 0; left out, a row is one group.

    Returns
    -------
    FloatArray
        Whole numbers, shape (..., n): every value rounded down or up.

    Raises
    ------
    UsageError
        If a value is negative or not finite, a total is not whole, or values do not add up to
        about their total.

    Notes
    -----
    Every value is rounded down; what is missing goes, one each, to the largest remainders of
    the group. A gap beyond one each, which only the rounding of numbers near 2^53 leaves, goes
    to the largest entry.

    Remainders that agree when rounded to 2^-20 are ties. They are the rule where whole noisy
    counts were projected on a total: all entries that were not cut then share one remainder.
    Serving them in their order would push the first entries up in every draw; they are served
    in an order mixed from the position and all values of the row (:func:`mixed_order`), so that
    the result stays a function of the values, the same on every machine and in any batch. Over
    many different rows no position is favoured; over few (two or three small counts whose noise
    is a person or so) what each row's fixed order does need not average out.

    In a row with a number beyond 2^53 all are rounded down: what would be missing is lost in the
    last digits of that number.

    Examples
    --------
    >>> largest_remainder(np.array([0.5, 1.2, 2.5, 0.8]), np.array([5.0]))
    array([1., 1., 2., 1.])
    """
    values = np.asarray(values, dtype=np.float64)
    starts = np.zeros(1, dtype=np.intp) if starts is None else starts
    _check(values, totals)
    totals = np.broadcast_to(totals, (*values.shape[:-1], starts.size))
    huge = (values > _LARGEST).any(axis=-1, keepdims=True) | (totals > _LARGEST).any(
        axis=-1, keepdims=True
    )
    if huge.any():
        rounded = largest_remainder(
            np.where(huge, 0.0, values), np.where(huge, 0.0, totals), starts
        )
        return np.where(huge, np.floor(values), rounded)
    whole = np.floor(values)
    missing = _missing(whole, totals, starts)
    sizes = np.diff(starts, append=values.shape[-1])
    if ((missing < 0) | (missing > sizes)).any():
        whole = _settled(values, whole, totals, starts)
        missing = _missing(whole, totals, starts)
    if not missing.any():
        return whole
    members = np.repeat(np.arange(starts.size), sizes)
    return whole + _first(values, missing, members, starts)


def random_round(values: FloatArray, base: float, rng: np.random.Generator) -> FloatArray:
    """Round every value up or down to a multiple of ``base`` at random, without bias.

    Parameters
    ----------
    values
        Any shape, finite.
    base
        Positive.
    rng
        Draws one uniform number for each value.

    Returns
    -------
    FloatArray
        Multiples of ``base`` whose expectation given ``values`` is ``values``: a value is
        rounded up with the probability that it is on its way to the next multiple.
    """
    scaled = np.asarray(values, dtype=np.float64) / base
    down = np.floor(scaled)
    return base * (down + (rng.random(scaled.shape) < scaled - down))


def _check(values: FloatArray, totals: FloatArray) -> None:
    possible = (values >= 0) & (values < np.inf)
    if not possible.all():
        raise UsageError(
            f"the value {float(values[~possible][0])!r} cannot be rounded by largest remainders",
            hint="make the values non-negative first",
        )
    whole = (totals == np.rint(totals)) & (totals >= 0) & (totals < np.inf)
    if not whole.all():
        raise UsageError(
            f"the total {float(totals[~whole][0])!r} is not whole, or negative",
            hint="round the totals first",
        )


def _missing(whole: FloatArray, totals: FloatArray, starts: np.ndarray) -> np.ndarray:
    """Return how far whole parts stay below their totals, exact beyond 2^53 too."""
    sums = np.add.reduceat(whole.astype(np.int64), starts, axis=-1)
    gap: np.ndarray = np.asarray(totals).astype(np.int64) - sums
    return gap


def _first(
    values: FloatArray, missing: np.ndarray, members: np.ndarray, starts: np.ndarray
) -> np.ndarray:
    """Return whether each entry is among the ``missing`` first of its group, shape (..., n).

    One sort of whole-number keys, group before remainder before mixed order, gives each group's
    last entry that is rounded up; equal keys are counted off from the left.
    """
    keys = _keys(values)
    np.subtract(((members + 1) << _BITS) - 1, keys, out=keys)
    ranked = np.sort(keys, axis=-1)
    last = np.take_along_axis(ranked, np.maximum(starts + missing - 1, starts), axis=-1)
    last = np.take(np.where(missing > 0, last, -1), members, axis=-1)
    ahead = keys < last
    tied = keys == last
    left = missing - np.add.reduceat(ahead, starts, axis=-1, dtype=np.int64)
    counted = np.cumsum(tied, axis=-1)
    before = np.take(counted, starts, axis=-1) - np.take(tied, starts, axis=-1)
    chosen: np.ndarray = ahead | (tied & (counted <= np.take(before + left, members, axis=-1)))
    return chosen


def _keys(values: FloatArray) -> np.ndarray:
    """Return remainders and, below them, the mixed order, as whole numbers below 2^40.

    Rounding to the nearest multiple of 2^-20 keeps halves, thirds and so on, as projections
    leave them but for their last digits, clear of the borders between multiples.
    """
    cells = np.rint(values * 2.0**_TIE_BITS)
    keys = np.rint((values - np.floor(values)) * 2.0**_TIE_BITS).astype(np.int64)
    np.minimum(keys, (1 << _TIE_BITS) - 1, out=keys)
    keys <<= ORDER_BITS
    keys |= mixed_order(cells)
    return keys


def _settled(
    values: FloatArray, whole: FloatArray, totals: FloatArray, starts: np.ndarray
) -> FloatArray:
    """Return the whole parts with every gap that is out of reach put on the largest entry."""
    whole = np.array(whole)
    sums = np.add.reduceat(values, starts, axis=-1)
    ends = np.append(starts[1:], values.shape[-1])
    gaps = _missing(whole, totals, starts)
    for *row, group in np.argwhere((gaps < 0) | (gaps > ends - starts)):
        here = (*row, group)
        if not abs(sums[here] - totals[here]) <= 1.0 + _FAR * abs(totals[here]):
            raise UsageError(
                f"values that sum to {float(sums[here])!r} cannot be rounded to the total "
                f"{float(totals[here])!r}",
                hint="scale or project the values to their total first",
            )
        part = whole[tuple(row)][starts[group] : ends[group]]
        part[np.argmax(part)] += gaps[here]
    return whole
