"""First derivatives of a black box by central differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dpaudit.model.arrays import FloatArray

_ROWS = 64
"""Coordinates that are moved at once."""


def jacobian(
    outcome: Callable[[FloatArray], FloatArray], at: FloatArray, steps: FloatArray
) -> FloatArray:
    """Return (P(x + h_j e_j) - P(x - h_j e_j)) / (2 h_j), a row for each input j.

    Parameters
    ----------
    outcome
        P, from (draws, m) to (draws, n).
    at
        x, shape (m,).
    steps
        h, shape (m,), positive.

    Returns
    -------
    FloatArray
        Shape (m, n), in the unit of P per unit of x; exact of a P that is quadratic.

    Examples
    --------
    >>> jacobian(lambda x: x**2, np.array([3.0, 5.0]), np.ones(2))
    array([[ 6.,  0.],
           [ 0., 10.]])
    """
    made = []
    for start in range(0, at.size, _ROWS):
        columns = np.arange(start, min(start + _ROWS, at.size))
        shift = np.zeros((columns.size, at.size))
        shift[np.arange(columns.size), columns] = steps[columns]
        made.append((outcome(at + shift) - outcome(at - shift)) / (2.0 * steps[columns, None]))
    return np.concatenate(made)
