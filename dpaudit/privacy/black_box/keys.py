"""Outputs of a mechanism as whole numbers: what an attacker might look at to tell inputs apart.

A key sorts outputs, shape (n, k), into finitely many or infinitely many kinds, shape (n,). Which
kinds tell the inputs apart is learned from the past; a key that never repeats tells nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dpaudit.model.arrays import FloatArray

KeyArray: TypeAlias = NDArray[np.int64]
Key: TypeAlias = Callable[[FloatArray], KeyArray]

_DIGITS = 2.0**-20
"""Sums and differences are compared on this grid: what rounding leaves is no difference."""

_MOST_PAIRS = 6
_LOWEST_BIT = -1100
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def atoms(outputs: FloatArray) -> KeyArray:
    """Return a number for each different output: rows that are bitwise equal share it."""
    return mixed(np.ascontiguousarray(outputs + 0.0).view(np.int64))


def support(outputs: FloatArray) -> KeyArray:
    """Return which entries are below, at and above 0, or no finite numbers."""
    with np.errstate(invalid="ignore"):
        kind = np.sign(outputs)
    kind = np.where(np.isfinite(outputs), kind, 2.0 + np.isnan(outputs) + 2.0 * (outputs > 0))
    return mixed(kind.astype(np.int64))


def bit_grid(outputs: FloatArray) -> KeyArray:
    """Return the place of the lowest set bit of every entry.

    A sum in floating-point arithmetic lies on the grid of its larger term, so that the last bits
    tell what was added.

    References
    ----------
    Mironov (2012), On significance of the least significant bits for differential privacy, CCS.

    Examples
    --------
    >>> first, second = bit_grid(np.array([[0.75], [3.0]])), bit_grid(np.array([[0.25], [1.0]]))
    >>> bool((first == second).all())
    True
    """
    mantissa, exponent = np.frexp(np.where(np.isfinite(outputs), outputs, 0.0))
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    lowest = whole & -whole
    place = np.frexp(lowest.astype(np.float64))[1] - 54 + exponent
    return mixed(np.where(whole == 0, _LOWEST_BIT, place).astype(np.int64))


def differences(outputs: FloatArray) -> KeyArray:
    """Return the differences of the first few entries, on a grid of 2^-20.

    Noise that is used twice cancels.
    """
    width = outputs.shape[1]
    if width == 1:
        return np.zeros(len(outputs), dtype=np.int64)
    some = outputs[:, : _MOST_PAIRS + 1]
    return mixed(_on_grid(some[:, 1:] - some[:, :1]))


def totals(outputs: FloatArray) -> KeyArray:
    """Return the sum of all entries, on a grid of 2^-20: a total that is kept is no secret."""
    return _on_grid(outputs.sum(axis=1))


def codes(columns: FloatArray, edges: FloatArray) -> KeyArray:
    """Return the number of the bin of every entry, shape of ``columns``."""
    found = [np.searchsorted(edges[:, j], columns[:, j], side="right") for j in range(len(edges.T))]
    return np.stack(found, axis=1).astype(np.int64)


def quantiles(columns: FloatArray, bins: int) -> FloatArray:
    """Return the edges of ``bins`` bins of each column, shape (bins - 1, m)."""
    return np.quantile(columns, np.arange(1, bins) / bins, axis=0)


def _on_grid(values: FloatArray) -> KeyArray:
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.nan_to_num(
            np.rint(values / _DIGITS), nan=-1.0, posinf=2.0**62, neginf=-(2.0**62)
        )
    return np.clip(scaled, -(2.0**62), 2.0**62).astype(np.int64)


def mixed(rows: NDArray[Any]) -> KeyArray:
    """Return one number for each row (a hash: unequal rows share one with chance 2^-64)."""
    mixed = np.zeros(len(rows), dtype=np.uint64)
    for column in rows.T:
        mixed = (mixed ^ column.astype(np.int64).view(np.uint64)) * _MULTIPLIER
        mixed ^= mixed >> np.uint64(29)
    return mixed.view(np.int64)
