"""Non-negative weighted least squares over a whole tree."""

from __future__ import annotations

import attrs
import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.model.hierarchy import Hierarchy
from dpaudit.solvers.tree_least_squares import measured
from dpaudit.solvers.tree_reference import tree_nnls_reference

_BLOCK = 1 << 17
_PRECISION = 1e-9
_EPS = float(np.finfo(np.float64).eps)
_HUGE = 1e200
_NIL = 1e-150  # noise so small that its variance underflows to 0


def tree_nnls(hierarchy: Hierarchy, values: FloatArray, variances: FloatArray) -> FloatArray:
    """Return the additive node values with non-negative entities nearest to ``values``.

    Parameters
    ----------
    hierarchy
        The tree.
    values
        Measured value of every node, shape (..., N), persons; each row is solved on its own.
    variances
        Variance of every measurement, shape (N,), persons squared: 0 for an exact value (not
        negative), ``inf`` where an inner node was not measured.

    Returns
    -------
    FloatArray
        Shape (..., N), the minimiser of the sum of (h - values)^2 / variances.

    Raises
    ------
    UsageError
        If a shape does not fit, a value is not finite, a variance is negative, an entity was not
        measured or an exact value is negative.

    Notes
    -----
    Semismooth Newton: with the entities outside the active set held at 0 the problem is least
    squares on the tree (two passes); an entity is active next if its value minus its variance
    times the multiplier of its parent is positive. The matrix of the problem, a diagonal plus
    blocks of equal entries nested along the tree, is ultrametric, so that its inverse is an
    M-matrix and the active sets shrink from the first step on (Hintermueller, Ito and Kunisch
    2002, on M-matrices; Martinez, Michon and San Martin 1994): the iteration ends. Should rounding
    keep a row from its optimality conditions, that row is given to a general solver.

    References
    ----------
    Hintermueller, Ito and Kunisch (2002), The primal-dual active set strategy as a semismooth
    Newton method.
    """
    values, variances = measured(hierarchy, values, variances)
    _check(hierarchy, values, variances)
    variances = _scaled(variances)
    rows = values.reshape(-1, hierarchy.size)
    solved = np.empty_like(rows)
    step = max(1, _BLOCK // hierarchy.size)
    tree = _Tree.of(hierarchy, variances)
    for start in range(0, len(rows), step):
        solved[start : start + step] = _solve(tree, rows[start : start + step])
    return solved.reshape(values.shape)


def _check(hierarchy: Hierarchy, values: FloatArray, variances: FloatArray) -> None:
    if np.isinf(variances[hierarchy.entities]).any():
        raise UsageError(
            "an entity was not measured (its variance is inf), so that its share is not determined",
            hint="measure every entity, or use the step 'top-down'",
        )
    exact = values[..., variances == 0]
    if (exact < -_NIL).any():
        raise UsageError(
            f"the exact value {float(exact[exact < -_NIL][0])!r} is negative",
            hint="invariants of non-negative counts are non-negative",
        )


def _scaled(variances: FloatArray) -> FloatArray:
    """Return the variances times a power of two, so that the largest finite one is in [1, 2).

    Only their ratios matter; what is divided by tiny ones would be beyond all numbers.
    """
    largest = variances[np.isfinite(variances)].max(initial=0.0)
    return np.ldexp(variances, 1 - int(np.frexp(largest)[1]))


@attrs.frozen(kw_only=True, eq=False)
class _Inner:
    """The nodes of a level above the entities.

    ``own`` are their variances, 0 where they are unknown.
    """

    part: slice
    own: FloatArray
    unknown: np.ndarray
    is_plain: bool

    @classmethod
    def of(cls, part: slice, variances: FloatArray) -> _Inner:
        """Take the variances of a level apart."""
        own, unknown = variances[part], np.isinf(variances[part])
        return cls(
            part=part,
            own=np.where(unknown, 0.0, own),
            unknown=unknown,
            is_plain=bool((own > 0).all() and not unknown.any()),
        )

    def weight(self, spread: FloatArray) -> FloatArray:
        """Return the weight of a node's value beside the sum of its children."""
        if self.is_plain:
            return spread / (self.own + spread)
        known = np.divide(
            spread, self.own + spread, out=np.zeros_like(spread), where=self.own + spread > 0
        )
        return np.where(self.unknown, 0.0, known)

    def multiplier(self, spread: FloatArray, surplus: FloatArray, above: FloatArray) -> FloatArray:
        """Return (own above + surplus) / (own + spread).

        With ``above`` the multiplier of the parent and ``surplus`` what the children have more
        than the node. A node that is exact and has no active child opens all of them if it
        needs any, else none.
        """
        if self.is_plain:
            return (self.own * above + surplus) / (self.own + spread)
        left = self.own * above + surplus
        found = np.where(surplus < 0, -_HUGE, _HUGE)
        np.divide(left, self.own + spread, out=found, where=self.own + spread > 0)
        return np.where(self.unknown, above, found)


@attrs.frozen(kw_only=True, eq=False)
class _Tree:
    """A tree whose entities stand in the order of their parents.

    ``leaf`` holds the entities' variances (n,), or one number where they are equal.
    """

    hierarchy: Hierarchy
    inner: tuple[_Inner, ...]
    variances: FloatArray
    leaf: FloatArray
    starts: np.ndarray
    members: np.ndarray

    @classmethod
    def of(cls, hierarchy: Hierarchy, variances: FloatArray) -> _Tree:
        """Sort the entities of ``hierarchy``."""
        last = hierarchy.depth - 1
        leaf = hierarchy.arranged(last, variances[hierarchy.entities])
        _, starts = hierarchy.groups(last)
        return cls(
            hierarchy=hierarchy,
            inner=tuple(_Inner.of(hierarchy.part(level), variances) for level in range(last)),
            variances=variances,
            leaf=leaf[:1] if (leaf == leaf[0]).all() else leaf,
            starts=starts,
            members=hierarchy.arranged(last, hierarchy.parents[last]),
        )

    @property
    def precision(self) -> float:
        """The error of an entity relative to the largest value: what rounding alone may cause.

        A multiplier divides the rounding of a node's value by the node's variance.
        """
        inner = [each.own[each.own > 0].min(initial=np.inf) for each in self.inner]
        return _PRECISION + 64.0 * _EPS * float(self.leaf.max() / min(inner, default=np.inf))

    def sums(self, active: np.ndarray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the sums of the active entities' values and variances, (rows, parents)."""
        total = np.add.reduceat(values * active, self.starts, axis=-1)
        if self.leaf.size == 1:
            many = np.add.reduceat(active, self.starts, axis=-1, dtype=np.int64)
            return total, self.leaf * many
        return total, np.add.reduceat(self.leaf * active, self.starts, axis=-1)

    def spread(self, multipliers: FloatArray) -> FloatArray:
        """Return the entities' variances times the multiplier of their parent."""
        if self.leaf.size == 1:
            return np.take(self.leaf * multipliers, self.members, axis=-1)
        return self.leaf * np.take(multipliers, self.members, axis=-1)


def kkt_residual(
    hierarchy: Hierarchy, values: FloatArray, variances: FloatArray, solved: FloatArray
) -> float:
    """Return by how much a solution misses the optimality conditions at worst.

    Parameters
    ----------
    values, variances
        As in :func:`tree_nnls`, with no exact values.
    solved
        Additive node values, shape (..., N).

    Returns
    -------
    float
        The largest of: the gradient of half the objective at a positive entity, in size; its
        shortfall below 0 at another; the size of a negative entity.
    """
    values, variances = measured(hierarchy, values, variances)
    slopes = (solved - values) / variances
    gradient = slopes[..., hierarchy.part(0)]
    for level in range(1, hierarchy.depth):
        gradient = hierarchy.down(level, gradient) + slopes[..., hierarchy.part(level)]
    counts = solved[..., hierarchy.entities]
    wrong = np.where(counts > 0, np.abs(gradient), np.maximum(-gradient, 0.0))
    return float(max(wrong.max(), -counts.min()))


def _solve(tree: _Tree, rows: FloatArray) -> FloatArray:
    """Return the solutions of some rows (r, N)."""
    hierarchy = tree.hierarchy
    last = hierarchy.depth - 1
    values = hierarchy.arranged(last, rows[:, hierarchy.entities])
    active, begun = values > 0, False
    while True:
        multipliers = _multipliers(tree, rows, *tree.sums(active, values))
        free = values - tree.spread(multipliers)
        found = free > 0
        excess = found & ~active if begun else None
        if excess is not None:
            found &= active  # from the second step on the sets only shrink, but for rounding
        if (found == active).all():
            break
        active, begun = found, True
    counts = np.where(active, free, 0.0)
    solved = hierarchy.totals(hierarchy.restored(last, counts))
    if excess is not None and excess.any():
        left = np.where(excess, free, 0.0).max(axis=-1)
        for row in np.flatnonzero(left > tree.precision * np.abs(rows).max(axis=-1)):
            solved[row] = tree_nnls_reference(hierarchy, rows[row], tree.variances)
    return solved


def _multipliers(
    tree: _Tree, rows: FloatArray, total: FloatArray, spread: FloatArray
) -> FloatArray:
    """Return the multiplier of every entity's parent, shape (rows, parents).

    The multiplier of a node is the sum of (h - value) / variance over it and its ancestors.
    """
    hierarchy = tree.hierarchy
    surplus: list[FloatArray] = []
    spreads = [spread]
    for level in range(hierarchy.depth - 2, -1, -1):
        inner = tree.inner[level]
        surplus.insert(0, total - rows[:, inner.part])
        if level:
            weight = inner.weight(spreads[0])
            total = hierarchy.up(level, total - weight * surplus[0])
            known = np.where(inner.unknown, spreads[0], weight * inner.own)
            spreads.insert(0, hierarchy.up(level, known))
    found = np.zeros((len(rows), 1))
    for level, inner in enumerate(tree.inner):
        above = hierarchy.down(level, found) if level else found
        found = inner.multiplier(spreads[level], surplus[level], above)
    return found
