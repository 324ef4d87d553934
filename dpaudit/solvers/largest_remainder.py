"""Rounding to whole numbers that keeps a whole total, by largest remainders."""

from __future__ import annotations

import math

import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray


def round_to_total(values: FloatArray, total: float) -> FloatArray:
    """Round non-negative numbers up or down so that they keep their whole total.

    Parameters
    ----------
    values
        Shape (..., n), non-negative; each row sums to ``total`` but for rounding errors.
    total
        A whole number, at most 2^53.

    Returns
    -------
    FloatArray
        Shape (..., n), whole and non-negative, with the exact sum ``total``: every entry is
        rounded down, and those with the largest remainders are raised by one (the first of
        equal ones). This is the nearest whole vector with the total.

    Raises
    ------
    UsageError
        If the total is not a whole number between 0 and 2^53.

    Examples
    --------
    >>> round_to_total(np.array([2.25, 0.0, 1.5, 1.25]), 5.0)
    array([2., 0., 2., 1.])
    """
    if not (0 <= total <= 2.0**53 and math.floor(total) == total):
        raise UsageError(
            f"total {total!r} is not a whole number from 0 to 2^53",
            hint="give a whole public total, or leave the counts unrounded",
        )
    whole = np.floor(values)
    missing = total - whole.sum(axis=-1, keepdims=True)
    # Only rounding errors of huge counts can leave more, or less than nothing, to give out.
    beyond = missing - np.clip(missing, 0.0, values.shape[-1])
    largest = np.argmax(whole, axis=-1, keepdims=True)
    np.put_along_axis(whole, largest, np.take_along_axis(whole, largest, -1) + beyond, -1)
    order = np.argsort(np.floor(values) - values, axis=-1, kind="stable")
    rank = np.argsort(order, axis=-1, kind="stable")
    raised: FloatArray = whole + (rank < missing - beyond)
    return raised
