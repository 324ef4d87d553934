"""Proportional scaling to a total, and of a table to its margins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray

_STEPS = 10_000
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
    Deming and Stephan (1940); Csiszar (1975), I-divergence geometry, for convergence.
    """
    total = _agreed(margins)
    fitted = np.array(tables, dtype=np.float64)
    if total == 0:
        return np.zeros_like(fitted)
    for _ in range(_STEPS):
        missed = 0.0
        for axis, wanted in margins:
            sums = fitted.sum(axis=_others(fitted, axis), keepdims=True)
            goal = wanted.reshape([-1 if i == axis + 1 else 1 for i in range(fitted.ndim)])
            _check_slices(sums, goal, axis)
            missed = max(missed, float(np.abs(sums - goal).max()))
            fitted *= np.divide(goal, sums, out=np.zeros_like(sums), where=sums > _TINY)
        if missed <= precision * total:
            return fitted
    raise UsageError(
        f"proportional fitting misses a margin by {missed!r} of {total!r} after {_STEPS} steps",
        hint="the zeros of the table do not allow these margins: raise them above 0",
    )


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
