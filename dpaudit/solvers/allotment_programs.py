"""The two programs behind the repair of an allotment, by a general solver: slow, and the judge.

Of shares p that sum to 1 and may be negative, P_alpha asks for the valid shares whose changes
differ least from one another, and P_CoP for those with the smallest sum of changes. The first is
solved by the projection on the simplex and by nothing else (Theorem 2); the second by every
vector between 0 and the positive part of p that sums to 1 (Theorem 3).

References
----------
Tran, Fioretto, Van Hentenryck and Yao (2021), Decision making with differential privacy under a
fairness lens, IJCAI, Theorems 2 and 3; the proofs are in METHODS-decisions 6.1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dpaudit.errors import PluginError, UsageError
from dpaudit.model.arrays import FloatArray

_TIGHT = {
    "tol_gap_abs": 1e-12,
    "tol_gap_rel": 1e-12,
    "tol_feas": 1e-12,
    "reduced_tol_gap_abs": 1e-9,
    "reduced_tol_gap_rel": 1e-9,
    "reduced_tol_feas": 1e-9,
}


def smallest_spread(shares: FloatArray) -> tuple[FloatArray, float]:
    """Return the valid shares v with the smallest max (v - p) - min (v - p), and that spread.

    Parameters
    ----------
    shares
        p, shape (n,), sum 1.

    Raises
    ------
    UsageError
        If the shares do not sum to 1.
    PluginError
        If the solver finds no solution.

    Notes
    -----
    The smallest spread is theta - min p where p has a negative entry, with theta the threshold
    of the projection (v = (p - theta)^+), and 0 where it has none.
    """
    import cvxpy

    convex: Any = cvxpy  # its functions are not annotated
    wanted = convex.Variable(shares.size)
    change = wanted - shares
    return _solved(convex, wanted, convex.max(change) - convex.min(change), shares)


def smallest_distance(shares: FloatArray) -> tuple[FloatArray, float]:
    """Return valid shares v with the smallest sum of abs(v - p), and that distance.

    Parameters
    ----------
    shares
        p, shape (n,), sum 1.

    Raises
    ------
    UsageError
        If the shares do not sum to 1.
    PluginError
        If the solver finds no solution.

    Notes
    -----
    The distance is twice the sum of the negative parts of p; the solution is not unique.
    """
    import cvxpy

    convex: Any = cvxpy
    wanted = convex.Variable(shares.size)
    return _solved(convex, wanted, convex.norm1(wanted - shares), shares)


def _solved(
    convex: Any,
    wanted: Any,
    objective: Any,
    shares: FloatArray,
) -> tuple[FloatArray, float]:
    total = float(shares.sum())
    if not abs(total - 1.0) <= 1e-9 * max(float(np.abs(shares).max()), 1.0):
        raise UsageError(f"shares sum to {total!r}, not to 1", hint="divide them by their sum")
    program = convex.Problem(convex.Minimize(objective), [wanted >= 0, convex.sum(wanted) == 1.0])
    program.solve(solver=convex.CLARABEL, **_TIGHT)
    if wanted.value is None:
        raise PluginError(
            f"Clarabel ended as {program.status!r} on {shares.size} shares",
            hint="give shares of moderate size",
        )
    return np.asarray(wanted.value, dtype=np.float64), float(program.value)
