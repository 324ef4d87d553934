"""Weighted least squares on a tree: the best additive values, in two passes."""

from __future__ import annotations

import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.model.hierarchy import Hierarchy


def tree_least_squares(
    hierarchy: Hierarchy, values: FloatArray, variances: FloatArray
) -> FloatArray:
    """Return the additive node values nearest to ``values`` by weighted least squares.

    Parameters
    ----------
    hierarchy
        The tree.
    values
        Measured value of every node, shape (..., N), persons; anything where nothing was
        measured.
    variances
        Variance of every measurement, shape (N,), persons squared: 0 for an exact value (an
        invariant), ``inf`` where nothing was measured.

    Returns
    -------
    FloatArray
        Shape (..., N): every node is the sum of its children but for rounding.

    Raises
    ------
    UsageError
        If a shape does not fit the tree, a measured value is not finite or a variance is
        negative.

    Notes
    -----
    Upwards, the sum of the children and the node's own value are averaged by their precision;
    downwards, children share what their parent has more than their sum, in proportion to their
    variances. Two conventions: where a node and all its children are exact the children stand;
    what the measurements do not determine (several unmeasured siblings) is shared evenly.

    References
    ----------
    Hay, Rastogi, Miklau and Suciu (2010), Boosting the accuracy of differentially private
    histograms through consistency, whose formula is the case of equal variances;
    METHODS-decisions 8.1.
    """
    values, variances = measured(hierarchy, values, variances)
    carried, below = _upward(hierarchy, variances)
    best = [values[..., hierarchy.entities]]
    sums: list[FloatArray] = []
    for level in range(hierarchy.depth - 2, -1, -1):
        part = hierarchy.part(level)
        sums.insert(0, hierarchy.up(level + 1, best[0]))
        weight = _weight(variances[part], below[level])
        best.insert(0, sums[0] + weight * (values[..., part] - sums[0]))
    for level in range(1, hierarchy.depth):
        surplus = hierarchy.down(level, best[level - 1] - sums[level - 1])
        share = _share(hierarchy, level, carried[level], below[level - 1])
        best[level] = best[level] + share * surplus
    return np.concatenate(best, axis=-1)


def least_squares_variance(hierarchy: Hierarchy, variances: FloatArray) -> FloatArray:
    """Return the variance of every node after :func:`tree_least_squares`, shape (N,).

    Parameters
    ----------
    hierarchy
        The tree.
    variances
        Variance of every independent measurement, shape (N,), persons squared, as there.

    Returns
    -------
    FloatArray
        Persons squared; ``inf`` for a node that the measurements do not determine.

    Notes
    -----
    The backward (smoothing) recursion of a Kalman filter from the root down: a child with
    variance v before its parent speaks, whose siblings and itself have v_s together, gets
    v (1 - v / v_s) + (v / v_s)^2 V with V the variance of its parent.
    """
    _, variances = measured(hierarchy, np.zeros(hierarchy.size), variances)
    carried, below = _upward(hierarchy, variances)
    found = [carried[0]]
    for level in range(1, hierarchy.depth):
        found.append(_downward(hierarchy, level, carried[level], below[level - 1], found[-1]))
    return np.concatenate(found)


def measured(
    hierarchy: Hierarchy, values: FloatArray, variances: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return values and variances after a check, with 0 where nothing was measured.

    Raises
    ------
    UsageError
        If a shape does not fit the tree, a measured value is not finite or a variance is
        negative.
    """
    values = np.asarray(values, dtype=np.float64)
    variances = np.asarray(variances, dtype=np.float64)
    if values.shape[-1:] != (hierarchy.size,) or variances.shape != (hierarchy.size,):
        raise UsageError(
            f"values of shape {values.shape} with variances of shape {variances.shape} do not "
            f"fit a tree of {hierarchy.size} nodes",
            hint="give one value and one variance for every node",
        )
    if not (variances >= 0).all():
        wrong = float(variances[~(variances >= 0)][0])
        raise UsageError(f"variance {wrong!r} is not in [0, inf]", hint="give inf for unmeasured")
    unknown = np.isinf(variances)
    if unknown.any():
        values = np.where(unknown, 0.0, values)
    if not np.isfinite(values).all():
        raise UsageError("a measured value is not finite", hint="give variance inf for unmeasured")
    return values, variances


def _upward(
    hierarchy: Hierarchy, variances: FloatArray
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Return by level the variances given all below, and those of the sums of the children."""
    carried = [variances[hierarchy.entities]]
    below: list[FloatArray] = []
    for level in range(hierarchy.depth - 2, -1, -1):
        own = variances[hierarchy.part(level)]
        below.insert(0, hierarchy.up(level + 1, carried[0]))
        known = np.where(np.isinf(own), 0.0, own)
        both = np.where(np.isinf(own), below[0], _weight(own, below[0]) * known)
        carried.insert(0, both)
    return carried, below


def _weight(own: FloatArray, below: FloatArray) -> FloatArray:
    """Return the weight of a node's own value beside the sum of its children."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        weight = 1.0 / (1.0 + own / below)
    return np.where(np.isnan(weight), 0.0, weight)


def _share(hierarchy: Hierarchy, level: int, carried: FloatArray, below: FloatArray) -> FloatArray:
    """Return each node's share of what its parent has more than the sum of its children."""
    total = hierarchy.down(level, below)
    share = np.divide(
        carried, total, out=np.zeros_like(carried), where=(total > 0) & (total < np.inf)
    )
    if np.isinf(carried).any():
        unknown = np.isinf(carried).astype(np.float64)
        many = hierarchy.down(level, np.maximum(hierarchy.up(level, unknown), 1.0))
        share = np.where(np.isinf(total), unknown / many, share)
    return share


def _downward(
    hierarchy: Hierarchy, level: int, carried: FloatArray, below: FloatArray, parent: FloatArray
) -> FloatArray:
    """Return the variances of a level, given those of the level above."""
    share = _share(hierarchy, level, carried, below)
    above = hierarchy.down(level, parent)
    if not np.isinf(carried).any():
        return carried * (1.0 - share) + share**2 * above
    unknown = np.isinf(carried)
    known = np.where(unknown, 0.0, carried)
    # An only unmeasured child is its parent minus its siblings, who learn nothing from it.
    rest = above + hierarchy.down(level, hierarchy.up(level, known))
    seen = np.where(np.isinf(above), 0.0, above)
    usual = np.where(share > 0, known * (1.0 - share) + share**2 * seen, known)
    return np.where(unknown, np.where(share == 1.0, rest, np.inf), usual)
