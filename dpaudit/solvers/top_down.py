"""From the root down: each parent's children projected on what the parent was given."""

from __future__ import annotations

import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.model.hierarchy import Hierarchy
from dpaudit.solvers.rounding import largest_remainder


def top_down(hierarchy: Hierarchy, values: FloatArray, *, whole: bool = True) -> FloatArray:
    """Return non-negative additive node values, level by level from the root.

    Parameters
    ----------
    hierarchy
        The tree.
    values
        Noisy value of every node, shape (..., N), persons, finite.
    whole
        Whether to round to whole numbers at every level, each parent's children by largest
        remainders so that they still sum to the parent.

    Returns
    -------
    FloatArray
        Shape (..., N): non-negative, additive (exactly if ``whole`` and below 2^53, else but
        for rounding). A root that is whole and not negative, as an invariant is, stays as it is.

    Raises
    ------
    UsageError
        If the shape does not fit the tree or a value is not finite.

    Notes
    -----
    Rounding moves a node by less than a person beyond its share of what its parent was moved.
    With whole noise all siblings that were not cut have one remainder; which of them are rounded
    up follows an order mixed from the level's values (:func:`largest_remainder`), not theirs.

    References
    ----------
    METHODS-decisions 8.2, after the TopDown algorithm of Abowd and others (2022), The 2020
    Census disclosure avoidance system TopDown algorithm.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.shape[-1:] != (hierarchy.size,) or not np.isfinite(values).all():
        raise UsageError(
            f"values of shape {values.shape} do not fit a tree of {hierarchy.size} nodes",
            hint="give one finite value for every node",
        )
    root = np.maximum(values[..., hierarchy.part(0)], 0.0)
    released = [np.rint(root) if whole else root]
    for level in range(1, hierarchy.depth):
        _, starts = hierarchy.groups(level)
        noisy = hierarchy.arranged(level, values[..., hierarchy.part(level)])
        children = project_groups(noisy, released[-1], starts)
        if whole:
            children = largest_remainder(children, released[-1], starts)
        released.append(hierarchy.restored(level, children))
    return np.concatenate(released, axis=-1)


def project_groups(values: FloatArray, totals: FloatArray, starts: np.ndarray) -> FloatArray:
    """Return for each group the nearest non-negative values with the group's total.

    Parameters
    ----------
    values
        Shape (..., n), finite; every group of every row is projected on its own.
    totals
        Shape (..., g), non-negative.
    starts
        Where each group begins, shape (g,), ascending from 0.

    Returns
    -------
    FloatArray
        Shape (..., n): ``(values - tau)^+`` with one tau for each group.

    Notes
    -----
    Newton's method on the threshold from the left (Michelot 1986), all groups at once: the sums
    are convex in tau, so that no step overshoots and the kept entries only become fewer.
    """
    sizes = np.diff(starts, append=values.shape[-1])
    members = np.repeat(np.arange(starts.size), sizes)
    # An entry further below its group's largest than the total is cut in any case: keeping it
    # just there saves the sums from the rounding of huge entries.
    shifted = values - np.take(np.maximum.reduceat(values, starts, axis=-1), members, axis=-1)
    np.maximum(shifted, -np.take(totals, members, axis=-1), out=shifted)
    threshold = (np.add.reduceat(shifted, starts, axis=-1) - totals) / sizes
    kept = np.broadcast_to(sizes, threshold.shape)
    while True:
        above = shifted - np.take(threshold, members, axis=-1)
        active = above > 0
        now = np.add.reduceat(active, starts, axis=-1, dtype=np.int64)
        np.maximum(above, 0.0, out=above)
        sums = np.add.reduceat(above, starts, axis=-1)
        moving = (now < kept) & (now > 0)
        if not moving.any():
            break
        threshold += np.where(moving, (sums - totals) / np.maximum(now, 1), 0.0)
        kept = np.where(moving, now, kept)
    # The entries carry the total to within rounding; one rescaling removes what is left.
    scale = np.divide(totals, sums, out=np.zeros_like(sums), where=sums > 0)
    above *= np.take(scale, members, axis=-1)
    return above
