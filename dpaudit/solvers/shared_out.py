"""Sharing out an appropriation by weights, with amounts that districts and states keep.

A district gets max(l w_i, f_i), where f_i is its floor and l one level for all: ratable
reduction. The money spent is a convex function of l made of straight pieces, so that Newton's
method from above finds the level exactly, in a few steps. Where a state's districts would get
less than the state's minimum, the state has a higher level of its own.

Entities stand state by state: ``starts`` holds where each state begins.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dpaudit.model.arrays import FloatArray

IntArray: TypeAlias = NDArray[np.int64]

NATION: IntArray = np.zeros(1, dtype=np.int64)
"""Where the groups start if all entities are one group."""


def sums(values: FloatArray, starts: IntArray) -> FloatArray:
    """Return the sum over each group, shape (..., g), of values (..., n)."""
    return np.add.reduceat(values, starts, axis=-1)


def spread(values: FloatArray, starts: IntArray, n: int) -> FloatArray:
    """Return the value of each entity's group, shape (..., n), of values (..., g)."""
    return np.repeat(values, np.diff(starts, append=n), axis=-1)


def shared_out(
    weights: FloatArray, budgets: FloatArray, floors: FloatArray | None, starts: IntArray = NATION
) -> FloatArray:
    """Share the budget of each group among its entities: max(l w_i, f_i), summing to the budget.

    Parameters
    ----------
    weights
        What each entity is due before reduction, shape (d, n), 0 or more.
    budgets
        Of each group, dollars, shape (d, g), 0 or more.
    floors
        What each entity keeps, dollars, shape (d, n). Floors above the budget are scaled.
    starts
        Where each group starts.

    Returns
    -------
    FloatArray
        Dollars, shape (d, n). A group without any weight gets its floors and no more.
    """
    levels = ratio(budgets, sums(weights, starts))
    if floors is None:
        return weights * spread(levels, starts, weights.shape[-1])
    kept = sums(floors, starts)
    enough = kept < budgets
    levels = _lowered(weights, floors, budgets, levels, starts)
    scale = np.where(enough, 1.0, ratio(budgets, kept))
    levels = np.where(enough, levels, 0.0)
    n = weights.shape[-1]
    amounts = np.maximum(weights * spread(levels, starts, n), floors)
    return amounts * spread(scale, starts, n)


def _lowered(
    weights: FloatArray,
    floors: FloatArray,
    budgets: FloatArray,
    levels: FloatArray,
    starts: IntArray,
) -> FloatArray:
    """Return the level of each group at which floors and the rest use up its budget.

    Newton's method: each step holds at its floor who would get less, never again frees it, and
    so ends. Groups whose floors pass the budget end anywhere.
    """
    n = weights.shape[-1]
    while True:
        held = weights * spread(levels, starts, n) < floors
        left = budgets - sums(np.where(held, floors, 0.0), starts)
        free = sums(np.where(held, 0.0, weights), starts)
        lower = np.minimum(levels, ratio(np.maximum(left, 0.0), free))
        if not (lower < levels * (1.0 - 1e-14)).any():
            return lower
        levels = lower


def shared_out_by_state(
    weights: FloatArray,
    budget: float,
    floors: FloatArray | None,
    minimum: FloatArray,
    starts: IntArray,
) -> FloatArray:
    """Share a budget among entities so that no state gets less than its minimum.

    Parameters
    ----------
    weights, floors
        As in :func:`shared_out`.
    budget
        Dollars.
    minimum
        Of each state, dollars, shape (d, g); 0 where no entity of the state has a weight. If
        minima and floors pass the budget, they are scaled.
    starts
        Where each state starts.

    Returns
    -------
    FloatArray
        Dollars, shape (d, n).
    """
    kept = np.zeros_like(minimum) if floors is None else sums(floors, starts)
    least = np.maximum(minimum, kept)
    wanted = least.sum(axis=-1, keepdims=True)
    short = wanted >= budget
    levels = _national_level(weights, budget, floors, minimum, starts)
    amounts = weights * levels
    if floors is not None:
        np.maximum(amounts, floors, out=amounts)
    lifted = (sums(amounts, starts) < minimum) | short
    scale = np.where(short, ratio(np.full_like(wanted, budget), wanted), 1.0)
    some = np.flatnonzero(lifted.any(axis=0))
    if not some.size:
        return amounts
    sizes = np.diff(starts, append=weights.shape[-1])[some]
    columns = np.concatenate(
        [np.arange(starts[i], starts[i] + k) for i, k in zip(some, sizes, strict=True)]
    )
    own = shared_out(
        weights[:, columns],
        (least * scale)[:, some],
        None if floors is None else floors[:, columns],
        np.cumsum(sizes) - sizes,
    )
    chosen = np.repeat(lifted[:, some], sizes, axis=-1)
    amounts[:, columns] = np.where(chosen, own, amounts[:, columns])
    return amounts


def _national_level(
    weights: FloatArray,
    budget: float,
    floors: FloatArray | None,
    minimum: FloatArray,
    starts: IntArray,
) -> FloatArray:
    """Return the level (d, 1) of the states that are above their minimum."""
    levels = ratio(np.full((weights.shape[0], 1), budget), sums(weights, NATION))
    states = sums(weights, starts)
    kept = np.zeros_like(states)
    while True:
        free = states
        if floors is not None:
            held = weights * levels < floors
            free = sums(np.where(held, 0.0, weights), starts)
            kept = sums(np.where(held, floors, 0.0), starts)
        lifted = free * levels + kept < minimum
        spent = np.where(lifted, minimum, kept).sum(axis=-1, keepdims=True)
        rest = np.where(lifted, 0.0, free).sum(axis=-1, keepdims=True)
        lower = np.minimum(levels, ratio(np.maximum(budget - spent, 0.0), rest))
        if not (lower < levels * (1.0 - 1e-14)).any():
            return lower
        levels = lower


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Return the ratio, 0 where the denominator is."""
    return np.divide(numerator, denominator, out=np.zeros(numerator.shape), where=denominator > 0)
