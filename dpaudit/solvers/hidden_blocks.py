"""Bounds of many hidden counts: the linear programs of each part of the table on its own.

Two hidden cells belong to one part if a chain of published totals connects them; parts have
nothing to do with one another, so that each program is small.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from scipy import sparse

from dpaudit.model.arrays import FloatArray
from dpaudit.solvers.hidden_cells import suppression_intervals

_KEPT = 4096


def hidden_intervals(
    codes: Sequence[np.ndarray], totals: Sequence[FloatArray], most: int
) -> tuple[FloatArray, FloatArray]:
    """Return the least and the most of each hidden cell that agree with all totals.

    Parameters
    ----------
    codes
        For each table of totals the total that each hidden cell is in, shape (h,).
    totals
        For each table what is left of each total after the cells that are shown, shape (t,).
    most
        The largest count that a symbol stands for; the smallest is 1.

    Returns
    -------
    least, most
        Persons, shape (h,) each.

    Raises
    ------
    UsageError
        If no table agrees with the totals.

    Examples
    --------
    >>> rows, columns = np.array([0, 0, 1]), np.array([0, 1, 1])
    >>> found = hidden_intervals([rows, columns], [np.array([5.0, 2.0]), np.array([3.0, 4.0])], 9)
    >>> found[0].tolist(), found[1].tolist()
    ([3.0, 2.0, 2.0], [3.0, 2.0, 2.0])
    """
    from scipy.sparse.csgraph import connected_components

    size = codes[0].size
    least, largest = np.ones(size), np.full(size, float(most))
    starts = np.cumsum([0, *(total.size for total in totals)])
    rows = np.concatenate([code + start for code, start in zip(codes, starts[:-1], strict=True)])
    cells = np.tile(np.arange(size), len(codes))
    joined = sparse.coo_matrix(
        (np.ones(rows.size), (rows, cells + starts[-1])), shape=(starts[-1] + size,) * 2
    )
    part = connected_components(joined, directed=False)[1][starts[-1] :]
    flat = np.concatenate(list(totals))
    for number in np.unique(part):
        own = np.flatnonzero(part == number)
        used, place = np.unique(
            np.concatenate([code[own] + start for code, start in zip(codes, starts[:-1],
                                                                     strict=True)]),
            return_inverse=True,
        )  # fmt: skip
        shape = place.reshape(-1).tobytes(), own.size, used.size
        least[own], largest[own] = _solved(*shape, flat[used].tobytes(), most)
    return least, largest


@functools.lru_cache(maxsize=_KEPT)
def _solved(
    place: bytes, cells: int, rows: int, rests: bytes, most: int
) -> tuple[FloatArray, FloatArray]:
    """Solve one part; the same part comes back in every release of the same table."""
    at = np.frombuffer(place, dtype=np.intp)
    sums = np.zeros((rows, cells))
    sums[at, np.tile(np.arange(cells), at.size // cells)] = 1.0
    totals = np.frombuffer(rests, dtype=np.float64)
    if cells == 1:
        return totals[:1], totals[:1]
    return suppression_intervals(sums, totals, np.ones(cells), np.full(cells, float(most)))
