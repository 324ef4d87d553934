"""Proportional scaling to a total, and of a table to its margins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray

_SWEEPS = 500
_NEWTON_STEPS = 200
_FARTHEST = 30.0
_AGREE = 1e-9
_TINY = 1e-300

Margin = tuple[int, FloatArray]
"""An axis of a table, and the sums (its length) that the slices along it must have."""


def scale_to_total(values: FloatArray, total: float) -> FloatArray:
    """Return non-negative values in proportion to ``values`` with the given total.

    Parameters
    ----------
    values
        Shape (..., n), finite. A negative value has no proportion of anything: it counts as 0.
    total
        Non-negative.

    Returns
    -------
    FloatArray
        Shape (..., n): sums to ``total`` but for rounding. Where no value is positive the
        shares are equal.

    Examples
    --------
    >>> scale_to_total(np.array([1.0, -2.0, 3.0]), 8.0)
    array([2., 0., 6.])
    """
    positive = np.maximum(values, 0.0)
    largest = positive.max(axis=-1, keepdims=True)
    # Dividing by the largest first keeps sums of huge and of tiny values in range.
    parts = np.divide(positive, largest, out=np.ones_like(positive), where=largest > 0)
    scaled: FloatArray = parts / parts.sum(axis=-1, keepdims=True) * total
    return scaled


def fit_margins(
    tables: FloatArray, margins: Sequence[Margin], *, precision: float = 1e-10
) -> FloatArray:
    """Scale tables along each axis in turn until they have the given margins.

    Parameters
    ----------
    tables
        Shape (draws, *shape), non-negative, finite. A cell that is 0 is a structural zero: it
        stays 0.
    margins
        Axes of one table, counted from 0, with their sums. The sums of all margins agree.
    precision
        By how much of the total a margin may be missed at the end.

    Returns
    -------
    FloatArray
        The tables of that form nearest in relative entropy, which keep all odds ratios.

    Raises
    ------
    UsageError
        If the margins do not agree, a positive margin stands over a slice of zeros, or the
        zeros of a table do not allow the margins (no convergence).

    References
    ----------
    Deming and Stephan (1940); Csiszar (1975), I-divergence geometry, for convergence. Tables
    that are slow to converge (a small cell where a large one has to grow) take Newton's steps on
    the dual, which has the same limit.
    """
    total = _agreed(margins)
    fitted = np.array(tables, dtype=np.float64)
    if total == 0:
        return np.zeros_like(fitted)
    allowed = precision * total
    for _ in range(_SWEEPS):
        missed = _sweep(fitted, margins)
        if missed.max() <= allowed:
            return fitted
    for draw in np.flatnonzero(missed > allowed):
        _newton(fitted[draw : draw + 1], margins, allowed)
    return fitted


def _sweep(fitted: FloatArray, margins: Sequence[Margin]) -> FloatArray:
    """Scale along each axis once, in place; return by how much each draw missed before."""
    missed = np.zeros(len(fitted))
    for axis, wanted in margins:
        sums = fitted.sum(axis=_others(fitted, axis), keepdims=True)
        goal = _along(wanted, axis, fitted.ndim)
        _check_slices(sums, goal, axis)
        missed = np.maximum(missed, np.abs(sums - goal).reshape(len(fitted), -1).max(axis=1))
        fitted *= np.divide(goal, sums, out=np.zeros_like(sums), where=sums > _TINY)
    return missed


def _newton(fitted: FloatArray, margins: Sequence[Margin], allowed: float) -> None:
    """Fit one table (1, *shape) in place: Newton's steps on the dual, a sweep after each.

    The dual, sum of the table minus multipliers times margins, is convex in the logarithms of
    the multipliers, and its Hessian is made of the two-way margins of the table.
    """
    goal = np.concatenate([wanted for _, wanted in margins])
    for _ in range(_NEWTON_STEPS):
        gradient, hessian = _dual(fitted, margins)
        step = -np.linalg.lstsq(hessian, gradient - goal, rcond=None)[0]
        step *= min(1.0, _FARTHEST / max(float(np.abs(step).max()), _TINY))
        slope, start, length = float((gradient - goal) @ step), float(fitted.sum()), 1.0
        while length > _AGREE:
            moved = fitted * np.exp(_spread(length * step, margins, fitted.ndim))
            if moved.sum() - start - length * float(goal @ step) <= length * slope / 4:
                fitted[...] = moved
                break
            length /= 2
        missed = float(_sweep(fitted, margins).max())
        if missed <= allowed:
            return
    raise UsageError(
        f"proportional fitting misses a margin by {missed!r} of "
        f"{float(np.sum(margins[0][1]))!r} after {_SWEEPS} sweeps and {_NEWTON_STEPS} Newton steps",
        hint="the zeros of the table do not allow these margins: raise them above 0",
    )


def _dual(fitted: FloatArray, margins: Sequence[Margin]) -> tuple[FloatArray, FloatArray]:
    """Return the margins of one table, shape (M,), and its two-way margins, shape (M, M)."""
    sums = [fitted.sum(axis=(0, *_others(fitted, axis))) for axis, _ in margins]
    blocks = [[_two_way(fitted, one, other) for other, _ in margins] for one, _ in margins]
    return np.concatenate(sums), np.block(blocks)


def _two_way(fitted: FloatArray, one: int, other: int) -> FloatArray:
    if one == other:
        return np.diag(fitted.sum(axis=(0, *_others(fitted, one))))
    rest = tuple(i for i in range(fitted.ndim) if i not in (one + 1, other + 1))
    table: FloatArray = fitted.sum(axis=rest)
    return table if one < other else table.T


def _spread(step: FloatArray, margins: Sequence[Margin], ndim: int) -> FloatArray:
    """Return the sum over axes of a step (M,), in the shape of a table."""
    first, parts = 0, []
    for axis, wanted in margins:
        parts.append(_along(step[first : first + wanted.size], axis, ndim))
        first += wanted.size
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return whole


def _along(values: FloatArray, axis: int, ndim: int) -> FloatArray:
    return values.reshape([-1 if i == axis + 1 else 1 for i in range(ndim)])


def _agreed(margins: Sequence[Margin]) -> float:
    """Return the common sum of the margins."""
    sums = [float(np.sum(wanted)) for _, wanted in margins]
    if not sums:
        raise UsageError("there are no margins to fit", hint="give one margin at least")
    lowest = min(float(np.min(wanted)) for _, wanted in margins)
    if not (lowest >= 0 and max(sums) - min(sums) <= _AGREE * max(sums)):
        listed = ", ".join(repr(number) for number in sums)
        raise UsageError(
            f"margins that sum to {listed} (smallest entry {lowest!r}) are not those of one table",
            hint="give non-negative margins with one total",
        )
    return sums[0]


def _others(tables: FloatArray, axis: int) -> tuple[int, ...]:
    return tuple(i for i in range(1, tables.ndim) if i != axis + 1)


def _check_slices(sums: FloatArray, goal: FloatArray, axis: int) -> None:
    impossible = (sums <= _TINY) & (goal > 0)
    if impossible.any():
        position = int(np.argwhere(impossible)[0][axis + 1])
        raise UsageError(
            f"the margin {float(goal.ravel()[position])!r} at position {position} of axis {axis} "
            "stands over a slice of zeros",
            hint="raise the zeros of the table above 0, or give this margin 0",
        )
