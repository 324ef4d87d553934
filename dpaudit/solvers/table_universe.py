"""Tables of whole people that agree with published sums: one of them, and how far others are.

References
----------
Abowd et al. (2025), A simulated reconstruction and reidentification attack on the 2010 U.S. Census,
Harvard Data Science Review (solution variability). METHODS-attacks 3.
"""

from __future__ import annotations

import attrs
import numpy as np
from scipy import sparse

from dpaudit.errors import UsageError
from dpaudit.model.arrays import BoolArray, FloatArray

_LIMIT = 20.0
"""Seconds that one program may take; what is not proved by then is said not to be."""


@attrs.frozen(kw_only=True, eq=False)
class Variability:
    """How far two tables with the same published sums can be apart.

    Parameters
    ----------
    people
        max over y of half the sum of abs(y - z): people who can be somewhere else.
    proved
        Whether the solver has proved that there is no larger one.
    """

    people: float
    proved: bool


def consistent(sums: sparse.csr_matrix, totals: FloatArray, cost: FloatArray) -> FloatArray:
    """Return the whole table z >= 0 with Q z = t that makes ``cost`` z smallest, shape (n,).

    Parameters
    ----------
    sums
        Q, which cells each published total adds up, shape (m, n).
    totals
        t, persons, whole, shape (m,).
    cost
        Chooses one of many solutions, shape (n,).

    Raises
    ------
    UsageError
        If no table agrees, or none was found in time.

    Examples
    --------
    >>> rows = sparse.csr_matrix(np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0],
    ...                                    [1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]]))
    >>> consistent(rows, np.array([1.0, 1.0, 1.0, 1.0]), np.array([0.0, 1.0, 1.0, 0.0])).tolist()
    [1.0, 0.0, 0.0, 1.0]
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    free = _free(sums, totals)
    made = np.zeros(sums.shape[1])
    if not free.any():
        return made
    done = milp(
        cost[free],
        constraints=[LinearConstraint(sums[:, free], totals, totals)],
        integrality=np.ones(int(free.sum()), dtype=np.int64),
        bounds=Bounds(0.0, np.inf),
        options={"time_limit": _LIMIT},
    )
    if done.x is None:
        raise UsageError(
            f"no table of whole people was found that agrees with {totals.size} totals "
            f"({done.message})",
            hint="check that the totals are published without noise",
        )
    made[free] = np.rint(done.x)
    return made


def variability(sums: sparse.csr_matrix, totals: FloatArray, table: FloatArray) -> Variability:
    """Return how far another table with the same totals can be from ``table``.

    Each cell's size of difference is written with a binary sign, so that a solved program is
    exact.

    Raises
    ------
    UsageError
        If ``table`` itself does not agree with the totals.

    Examples
    --------
    >>> rows = sparse.csr_matrix(np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0],
    ...                                    [1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]]))
    >>> variability(rows, np.ones(4), np.array([1.0, 0.0, 0.0, 1.0]))
    Variability(people=2.0, proved=True)
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    if np.abs(sums @ table - totals).max(initial=0.0) > 1e-6:  # noqa: PLR2004
        raise UsageError("the table does not have these totals", hint="find one by consistent()")
    free = np.flatnonzero(_free(sums, totals))
    m, top = free.size, float(totals.max(initial=0.0))
    if not m:
        return Variability(people=0.0, proved=True)
    own, eye = table[free], sparse.identity(m)
    padded = sparse.hstack([sums[:, free], sparse.csr_matrix((sums.shape[0], 2 * m))])
    # y, d and b: d <= y - z + 2 top b and d <= z - y + 2 top (1 - b) make d at most abs(y - z).
    above = LinearConstraint(sparse.hstack([-eye, eye, -2.0 * top * eye]), -np.inf, -own)
    below = LinearConstraint(sparse.hstack([eye, eye, 2.0 * top * eye]), -np.inf, own + 2.0 * top)
    done = milp(
        np.concatenate([np.zeros(m), -np.ones(m), np.zeros(m)]),
        constraints=[LinearConstraint(padded, totals, totals), above, below],
        integrality=np.concatenate([np.ones(m), np.zeros(m), np.ones(m)]),
        bounds=Bounds(0.0, np.concatenate([np.full(2 * m, np.inf), np.ones(m)])),
        options={"time_limit": _LIMIT, "mip_rel_gap": 0.0},
    )
    found = 0.0 if done.x is None else -0.5 * float(done.fun)
    return Variability(people=found, proved=done.status == 0)


def frequencies(
    sums: sparse.csr_matrix, totals: FloatArray, rng: np.random.Generator, count: int
) -> FloatArray:
    """Return in which share of ``count`` random solutions each cell has people, shape (n,).

    Claims are ranked by it: what is so in every solution is certain.
    """
    seen = np.zeros(sums.shape[1])
    for _ in range(count):
        seen += consistent(sums, totals, rng.normal(size=sums.shape[1])) > 0
    return seen / count


def _free(sums: sparse.csr_matrix, totals: FloatArray) -> BoolArray:
    """Return which cells are in no total of 0."""
    empty = sums[totals == 0]
    return np.asarray(empty.sum(axis=0)).ravel() == 0 if empty.shape[0] else np.ones(
        sums.shape[1], dtype=np.bool_
    )  # fmt: skip
