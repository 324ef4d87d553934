"""The general convex solver behind the solvers on trees: slow, and the judge of them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy import sparse

from dpaudit.errors import PluginError
from dpaudit.model.arrays import FloatArray
from dpaudit.model.hierarchy import Hierarchy

Solver = Literal["clarabel", "osqp"]

_TIGHT: dict[Solver, dict[str, Any]] = {
    "clarabel": {
        "tol_gap_abs": 1e-12,
        "tol_gap_rel": 1e-12,
        "tol_feas": 1e-12,
        "reduced_tol_gap_abs": 1e-8,
        "reduced_tol_gap_rel": 1e-8,
        "reduced_tol_feas": 1e-8,
    },
    "osqp": {"eps_abs": 1e-9, "eps_rel": 1e-9, "max_iter": 200_000, "polishing": True},
}


def tree_nnls_reference(
    hierarchy: Hierarchy, values: FloatArray, variances: FloatArray, solver: Solver = "clarabel"
) -> FloatArray:
    """Return the non-negative least squares on a tree by cvxpy, at tightened tolerances.

    Parameters
    ----------
    values, variances
        As in :func:`dpaudit.solvers.tree_nnls.tree_nnls`, for one row, shape (N,).
    solver
        ``clarabel``, or ``osqp`` with its solution polished.

    Returns
    -------
    FloatArray
        Shape (N,): the sums of the solver's entities, whose negative rounding is set to 0.

    Raises
    ------
    PluginError
        If the solver finds no solution.
    """
    import cvxpy

    convex: Any = cvxpy  # its functions are not annotated
    scale = float(np.abs(values).max()) or 1.0
    parts = [convex.Variable(size) for size in hierarchy.sizes]
    limits = [parts[-1] >= 0]
    limits += [
        _sums(hierarchy, level) @ parts[level] == parts[level - 1]
        for level in range(1, hierarchy.depth)
    ]
    nodes = convex.hstack(parts)
    exact, weighed = variances == 0, (variances > 0) & np.isfinite(variances)
    limits += [nodes[exact] == values[exact] / scale] if exact.any() else []
    weights = np.sqrt(variances[weighed].min(initial=np.inf) / variances[weighed])
    misses = convex.multiply(weights, nodes[weighed] - values[weighed] / scale)
    problem = convex.Problem(convex.Minimize(convex.sum_squares(misses)), limits)
    problem.solve(solver=solver.upper(), **_TIGHT[solver])
    if parts[-1].value is None:
        raise PluginError(
            f"{solver} found no non-negative least squares on the tree: {problem.status}",
            hint="check that exact values agree with their parts",
        )
    return hierarchy.totals(np.maximum(scale * np.asarray(parts[-1].value), 0.0))


def _sums(hierarchy: Hierarchy, level: int) -> sparse.csr_matrix:
    """Return the matrix that sums the nodes of ``level`` over siblings."""
    parents = hierarchy.parents[level]
    shape = (hierarchy.sizes[level - 1], parents.size)
    return sparse.csr_matrix((np.ones(parents.size), (parents, np.arange(parents.size))), shape)
