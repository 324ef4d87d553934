"""What published totals say about suppressed cells: the least and the most of each.

References
----------
Fischetti and Salazar (2001), Solving the cell suppression problem on tabular data with linear
constraints, Management Science 47(7), section 2 (the attacker's two linear programs).
"""

from __future__ import annotations

import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray

_INFEASIBLE = 2
_UNBOUNDED = 3


def suppression_intervals(
    sums: FloatArray, totals: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the least and the most of every hidden cell that agree with what was published.

    Parameters
    ----------
    sums
        Which cells each published total adds up, shape (m, n).
    totals
        Published totals less the published cells in them, persons, shape (m,).
    low, high
        What is known of each cell beforehand, persons, shape (n,): 1 and k - 1 of a cell whose
        suppression is marked; ``high`` may be infinite.

    Returns
    -------
    least, most
        Persons, shape (n,) each, by two linear programs (HiGHS) a cell; where they agree the
        cell is disclosed. Counts are not forced to be whole, so the interval holds the truth
        but may be wider than that of whole counts.

    Raises
    ------
    UsageError
        If shapes differ, or no table agrees with the totals.

    Examples
    --------
    >>> sums = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    >>> least, most = suppression_intervals(sums, np.array([5.0, 3.0]), np.ones(3), np.full(3, 9.0))
    >>> least.tolist(), most.tolist()
    ([3.0, 1.0, 1.0], [4.0, 2.0, 2.0])
    """
    from scipy.optimize import linprog

    n = low.size
    if sums.shape != (totals.size, n) or high.shape != low.shape or (low > high).any():
        raise UsageError(
            f"{totals.shape} totals by sums of shape {sums.shape} over cells from {low.shape} to "
            f"{high.shape}",
            hint="give sums (m, n), totals (m,), and low <= high (n,)",
        )
    found = np.empty((2, n))
    bounds = [(float(least), float(most)) for least, most in zip(low, high, strict=True)]
    for cell in range(n):
        for row, sign in enumerate((1.0, -1.0)):
            cost = np.zeros(n)
            cost[cell] = sign
            done = linprog(cost, A_eq=sums, b_eq=totals, bounds=bounds, method="highs")
            if done.status == _UNBOUNDED:
                found[row, cell] = -sign * np.inf
            elif done.fun is not None:
                found[row, cell] = sign * done.fun
            else:
                why = "no table agrees" if done.status == _INFEASIBLE else "nothing was proved"
                raise UsageError(
                    f"cell {cell} of {n}: {why} with totals {totals.tolist()} ({done.message})",
                    hint="check the totals and what is known of each cell beforehand",
                )
    return found[0], found[1]
