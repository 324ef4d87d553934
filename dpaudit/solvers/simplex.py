"""Euclidean projection onto the simplex of non-negative vectors with a given sum."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray

_AT_ONCE = 2**14
"""Entries that are worked on at once: what a processor's cache holds."""

_FEW = 40
"""Up to here a row is sorted; beyond, Newton's method is faster."""


def project_onto_simplex(values: FloatArray, total: float) -> FloatArray:
    """Return the nearest non-negative vectors that sum to ``total``.

    Parameters
    ----------
    values
        Shape (..., n), finite; each row is projected on its own.
    total
        The sum of each projected row, non-negative, in the unit of ``values``.

    Returns
    -------
    FloatArray
        Shape (..., n): ``(values - tau)^+``; sums to ``total`` but for rounding.

    Raises
    ------
    UsageError
        If there are no entries, an entry is not finite or ``total`` is negative.

    Notes
    -----
    tau is the root of sum_j (v_j - tau)^+ = total, found by Newton's method from the left
    (Michelot 1986): the sum is convex and piecewise linear in tau, so the steps never overshoot
    and the root is reached after finitely many of them. Few entries are sorted instead. A row's
    bits do not depend on the rows beside it.

    Examples
    --------
    >>> project_onto_simplex(np.array([3.0, -1.0, 0.5, 2.5]), 4.0)
    array([2.25, 0.  , 0.  , 1.75])
    """
    rows = _checked(values, total)
    projected = np.empty(rows.shape)
    for part in _parts(rows.shape):
        _project(rows[part], total, projected[part])
    return projected.reshape(np.shape(values))


def simplex_threshold(values: FloatArray, total: float) -> FloatArray:
    """Return tau of :func:`project_onto_simplex`, shape (...,), in the unit of ``values``.

    For ``total = 0`` every tau from the maximum on would do; the maximum is returned.
    """
    rows = _checked(values, total)
    tau = np.empty(len(rows))
    for part in _parts(rows.shape):
        tau[part] = _project(rows[part], total, np.empty(rows[part].shape))
    return tau.reshape(np.shape(values)[:-1])


def _checked(values: FloatArray, total: float) -> FloatArray:
    """Return the values as rows, refused where they cannot be projected."""
    values = np.asarray(values, dtype=np.float64)
    if values.ndim == 0 or values.shape[-1] == 0 or not np.isfinite(values).all():
        raise UsageError(
            f"values of shape {values.shape} cannot be projected",
            hint="give at least one entry, all finite",
        )
    if not 0 <= total < math.inf:
        raise UsageError(
            f"total {total!r} is not a non-negative number", hint="give the public sum"
        )
    return values.reshape(-1, values.shape[-1])


def _parts(shape: tuple[int, ...]) -> Iterator[slice]:
    """Yield as many rows at a time as a processor's cache holds."""
    step = max(1, _AT_ONCE // shape[-1])
    return (slice(start, start + step) for start in range(0, shape[0], step))


def _project(rows: FloatArray, total: float, out: FloatArray) -> FloatArray:
    """Write the projected rows to ``out``, shape (r, n), and return tau, shape (r,).

    Only entries within ``total`` of the maximum matter: a shift by it costs no digit of theirs,
    and clipping the others there keeps the sums free of the rounding that huge entries bring.
    """
    largest = rows.max(axis=-1, keepdims=True)
    with np.errstate(over="ignore"):
        shifted = rows - largest
    np.maximum(shifted, -float(total), out=shifted)
    solve = _by_sorting if rows.shape[-1] <= _FEW else _by_newton
    threshold, reached = solve(shifted, total, out)
    # The entries carry the total to within rounding; one rescaling removes what is left.
    out *= np.divide(total, reached, out=np.ones_like(reached), where=reached > 0)
    tau: FloatArray = (largest + np.minimum(threshold, 0.0))[:, 0]
    return tau


def _by_newton(shifted: FloatArray, total: float, out: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Write ``(shifted - threshold)^+`` and return the threshold and the sums, (r, 1) each."""
    n = shifted.shape[-1]
    # Numpy takes the larger of two arrays twice as fast as that of an array and a number.
    nothing, active = np.zeros(shifted.shape), np.empty(shifted.shape, dtype=bool)
    threshold = (shifted.sum(axis=-1, keepdims=True) - total) / n
    kept = np.full(threshold.shape, n)
    while True:
        np.subtract(shifted, threshold, out=out)
        np.maximum(out, nothing, out=out)
        np.greater(out, nothing, out=active)
        now = np.add.reduce(active, axis=-1, keepdims=True, dtype=np.int64)
        reached = out.sum(axis=-1, keepdims=True)
        moving = (now < kept) & (now > 0)
        if not moving.any():
            return threshold, reached
        threshold += np.where(moving, (reached - total) / np.maximum(now, 1), 0.0)
        kept = np.where(moving, now, kept)


def _by_sorting(
    shifted: FloatArray, total: float, out: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Do the same for few entries: the threshold is the largest of (sum of k largest - s) / k."""
    falling = np.sort(-shifted, axis=-1)
    levels = -np.cumsum(falling, axis=-1)
    levels -= total
    levels /= np.arange(1.0, shifted.shape[-1] + 1.0)
    threshold = levels.max(axis=-1, keepdims=True)
    np.maximum(shifted - threshold, 0.0, out=out)
    return threshold, out.sum(axis=-1, keepdims=True)
