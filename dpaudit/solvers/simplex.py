"""Euclidean projection onto the simplex of non-negative vectors with a given sum."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.stats.compiled import kernel

_AT_ONCE = 2**14
_ROWS_AT_ONCE = 2**16
"""Entries of one row, and of many, that are worked on at once: what a processor's cache holds."""

_FEW = 128
"""Up to here rows are turned into columns: operations are as long as there are rows."""

_MANY = 2048
"""From here on rows are projected one by one, and start from the threshold of a sample."""

_SAMPLE = 1024
_SAMPLED_STEPS = 3


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
    tau is the root of sum_j (v_j - tau)^+ = total, found by Newton's method (Michelot 1986): the
    sum is convex and piecewise linear in tau, so the first step ends left of the root, the others
    never overshoot, and the root is reached after finitely many of them. It starts from the root
    of a sample of the row. A row's bits do not depend on the rows beside it.

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
    step = max(1, _ROWS_AT_ONCE // shape[-1])
    return (slice(start, start + step) for start in range(0, shape[0], step))


def _project(rows: FloatArray, total: float, out: FloatArray) -> FloatArray:
    """Write the projected rows to ``out``, shape (r, n), and return tau, shape (r,)."""
    n = rows.shape[-1]
    if total == 0:
        out[...] = 0.0
        return np.asarray(rows.max(axis=-1))
    if n >= _MANY:
        twin = kernel("project_rows", 8 * rows.size)  # so many numbers it goes through
        if twin is not None:
            tau = np.empty(len(rows))
            twin(rows, out, tau, float(total), (_AT_ONCE, _SAMPLE, _SAMPLED_STEPS))
            return tau
        return np.array([_project_one(*each, total) for each in zip(rows, out, strict=True)])
    if n > _FEW:
        return _project_many(rows, total, out, axis=-1)
    # Numpy adds up a single column in another order than columns side by side.
    turned = np.ascontiguousarray(rows.T) if len(rows) > 1 else np.repeat(rows, 2, axis=0).T.copy()
    found = np.empty(turned.shape)
    tau = _project_many(turned, total, found, axis=0)[: len(rows)]
    out[...] = found.T[: len(rows)]
    return tau


def _project_many(values: FloatArray, total: float, out: FloatArray, axis: int) -> FloatArray:
    """Project along ``axis``, and return tau of each.

    Only entries within ``total`` of the maximum matter: a shift by it costs no digit of theirs,
    and clipping the others there keeps the sums free of the rounding that huge entries bring.
    """
    n = values.shape[axis]
    largest = values.max(axis=axis, keepdims=True)
    with np.errstate(over="ignore"):
        shifted = values - largest
    # Numpy takes the larger of two arrays twice as fast as that of an array and a number.
    nothing, active = np.zeros(shifted.shape), np.empty(shifted.shape, dtype=bool)
    np.maximum(shifted, np.full(shifted.shape[-1], -total), out=shifted)
    threshold = (shifted.sum(axis=axis, keepdims=True) - total) / n
    kept = np.full(threshold.shape, n, dtype=np.int16)  # n is below _MANY
    while True:
        np.subtract(shifted, threshold, out=out)
        np.maximum(out, nothing, out=out)
        np.greater(out, nothing, out=active)
        now = np.add.reduce(active.view(np.int8), axis=axis, keepdims=True, dtype=np.int16)
        reached = out.sum(axis=axis, keepdims=True)
        moving = (now < kept) & (now > 0)
        if not moving.any():
            break
        threshold += np.where(moving, (reached - total) / np.maximum(now, 1), 0.0)
        kept = np.where(moving, now, kept)
    # The entries carry the total to within rounding; one rescaling removes what is left.
    out *= np.divide(total, reached, out=np.ones_like(reached), where=reached > 0)
    return np.asarray((largest + np.minimum(threshold, 0.0)).reshape(-1))


def _project_one(row: FloatArray, out: FloatArray, total: float) -> float:
    """Project one long row, and return tau: few calls, and few passes over it."""
    largest = float(row.max())
    with np.errstate(over="ignore"):
        shifted = row - largest
    threshold, kept = _start(shifted, total), -1
    for step in itertools.count():
        now, reached = _above(shifted, threshold, out)
        if not now and not step:
            threshold = -total  # beyond the maximum there is nothing to go by: start from the left
            continue
        # The first step ends left of the root, wherever it starts; from there counts only fall.
        if not now or now == kept or (step > 1 and now > kept):
            break
        threshold, kept = threshold + (reached - total) / now, now
    if reached > 0:
        out *= total / reached
    return largest + min(threshold, 0.0)


def _above(shifted: FloatArray, threshold: float, out: FloatArray) -> tuple[int, float]:
    """Write ``(shifted - threshold)^+`` to ``out``; return how many are positive, and their sum."""
    # Numpy takes the larger of two arrays twice as fast as that of an array and a number.
    nothing = np.zeros(min(_AT_ONCE, out.size))
    now, reached = 0, 0.0
    for start in range(0, out.size, _AT_ONCE):
        part = out[start : start + _AT_ONCE]
        np.subtract(shifted[start : start + _AT_ONCE], threshold, out=part)
        np.maximum(part, nothing[: part.size], out=part)
        now += int(np.count_nonzero(part > nothing[: part.size]))
        reached += float(np.add.reduce(part))
    return now, reached


def _start(shifted: FloatArray, total: float) -> float:
    """Return a threshold near the root, from a sample of a long row.

    The sum of (v_j - tau)^+ is the total where that of min(v_j, tau) is the sum of all less the
    total. What is below tau is alike, so that a sample says enough of the latter. Entries further
    below the maximum than the total never matter, and are clipped there.
    """
    lowest, n = np.full(min(_AT_ONCE, shifted.size), -total), shifted.size
    whole = 0.0
    for start in range(0, n, _AT_ONCE):
        part = shifted[start : start + _AT_ONCE]
        whole += float(np.add.reduce(np.maximum(part, lowest[: part.size])))
    missing = threshold = (whole - total) / n
    sample = np.maximum(shifted[:: max(1, n // _SAMPLE)], -total)
    for _ in range(_SAMPLED_STEPS):
        lower = np.minimum(sample, threshold)
        share = max(int(np.count_nonzero(lower == threshold)), 1) / sample.size
        threshold += (missing - float(np.add.reduce(lower)) / sample.size) / share
    return min(threshold, 0.0)
