"""Euclidean projection onto the simplex of non-negative vectors with a given sum."""

from __future__ import annotations

import math

import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray


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
    and the root is reached after finitely many of them.

    Examples
    --------
    >>> project_onto_simplex(np.array([3.0, -1.0, 0.5, 2.5]), 4.0)
    array([2.25, 0.  , 0.  , 1.75])
    """
    shifted, _, threshold = _solve(values, total)
    projected: FloatArray = np.maximum(shifted - threshold, 0.0)
    reached = projected.sum(axis=-1, keepdims=True)
    # The entries carry the total to within rounding; one rescaling removes what is left.
    projected *= np.divide(total, reached, out=np.ones_like(reached), where=reached > 0)
    return projected


def simplex_threshold(values: FloatArray, total: float) -> FloatArray:
    """Return tau of :func:`project_onto_simplex`, shape (...,), in the unit of ``values``.

    For ``total = 0`` every tau from the maximum on would do; the maximum is returned.
    """
    _, largest, threshold = _solve(values, total)
    tau: FloatArray = (largest + threshold)[..., 0]
    return tau


def _solve(values: FloatArray, total: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the values minus their maximum, the maximum, and the threshold below it.

    Only entries within ``total`` of the maximum matter, so the shift costs no digit of theirs.
    """
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
    largest = values.max(axis=-1, keepdims=True)
    # Below -total an entry is cut whatever the others are: clipping there changes nothing, and
    # keeps the sums free of the rounding that huge entries would bring.
    with np.errstate(over="ignore"):
        shifted = np.maximum(values - largest, -float(total))
    n = values.shape[-1]
    threshold = (shifted.sum(axis=-1, keepdims=True) - total) / n
    kept = np.full(threshold.shape, n)
    while True:
        active = shifted > threshold
        now = np.count_nonzero(active, axis=-1, keepdims=True)
        moving = (now < kept) & (now > 0)
        if not moving.any():
            return shifted, largest, np.minimum(threshold, 0.0)
        inside = np.where(active, shifted, 0.0).sum(axis=-1, keepdims=True)
        step = (inside - total) / np.maximum(now, 1)
        threshold = np.where(moving, step, threshold)
        kept = np.where(moving, now, kept)
