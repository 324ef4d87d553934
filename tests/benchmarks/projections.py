"""What the projection on the simplex costs beside POT and cvxpy: run by ``make bench``.

Bars (PERFORMANCE W2): a vector of 16,000 to a million entries at least 5 times faster than POT and
1,000 times than cvxpy with OSQP and with Clarabel, within 1e-12 of the total of the projection
by sorting in extended precision; batches of 1,000 entries or more at least 2.5 times faster than
POT, of fewer no slower. cvxpy is timed once, and not on a million entries.
"""

from __future__ import annotations

import math
import os
import sys
import warnings

import numpy as np
from harness import Row, cpu, pairs, seconds, show

from dpaudit.model.arrays import FloatArray
from dpaudit.solvers.simplex import project_onto_simplex
from dpaudit.stats.compiled import SETTING

SIZES = (16_000, 100_000, 1_000_000)
BATCHES = ((64, 16_000), (1000, 1000), (10_000, 100), (100_000, 5))
SCALE = 100.0


def census(*shape: int) -> tuple[FloatArray, float]:
    """Return noisy counts, half of the true ones 0, and the true total of a row."""
    rng = np.random.default_rng(2)
    counts = np.floor(np.exp(rng.normal(4.0, 2.0, shape[-1]))) * (rng.random(shape[-1]) < 0.5)
    return counts + rng.laplace(0.0, SCALE, shape), float(counts.sum())


def extended(point: FloatArray, total: float) -> FloatArray:
    """Return the projection by sorting, in long double."""
    exact = point.astype(np.longdouble)
    falling = np.sort(exact)[::-1]
    level = (np.cumsum(falling) - total) / np.arange(1, exact.size + 1)
    return np.maximum(exact - level[np.flatnonzero(falling > level)[-1]], 0)


def by_cvxpy(point: FloatArray, total: float, solver: str) -> None:
    """Project with a general solver at its own tolerances."""
    import cvxpy

    part = cvxpy.Variable(point.size)
    misses = cvxpy.sum_squares(part - point)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        problem = cvxpy.Problem(cvxpy.Minimize(misses), [part >= 0, cvxpy.sum(part) == total])
        problem.solve(solver=solver)


def single(n: int) -> list[Row]:
    """Return what one vector costs, and how right it is."""
    from ot.utils import proj_simplex

    point, total = census(n)
    ratio, own = pairs(
        lambda: proj_simplex(point, total),
        lambda: project_onto_simplex(point, total),
        times=max(1, 200_000 // n),
    )
    found = project_onto_simplex(point, total)
    off = float(np.abs(found - extended(point, total)).max() / total)
    sums = abs(math.fsum(found) - total) / (math.ulp(total) * n**0.5)
    rows = [
        Row(f"{n:,}: POT / own, CPU", ratio, 5.0, more=True),
        Row(f"{n:,}: largest error / total", off, 1e-12),
        Row(f"{n:,}: error of the sum, ulps times root of n", sums, 4.0),
    ]
    if n < SIZES[-1]:
        rows += [
            Row(
                f"{n:,}: cvxpy with {solver} / own, CPU",
                cpu(lambda solver=solver: by_cvxpy(point, total, solver)) / own,
                1000.0,
                more=True,
            )
            for solver in ("OSQP", "CLARABEL")
        ]
    return rows


def batch(rows: int, n: int) -> Row:
    """Return what a batch costs beside POT, which takes columns."""
    from ot.utils import proj_simplex

    points, total = census(rows, n)
    columns = np.ascontiguousarray(points.T)
    ratio, _ = pairs(
        lambda: proj_simplex(columns, total), lambda: project_onto_simplex(points, total)
    )
    bar = 2.5 if n >= 1000 else 1.0
    return Row(f"{rows:,} rows of {n:,}: POT / own, CPU", ratio, bar, more=True)


def compiled() -> list[Row]:
    """Return what one vector costs with the extra ``fast``: the same bits."""
    from ot.utils import proj_simplex

    os.environ[SETTING] = "always"
    rows = []
    for n in SIZES:
        point, total = census(n)
        ratio, _ = pairs(
            lambda point=point, total=total: proj_simplex(point, total),
            lambda point=point, total=total: project_onto_simplex(point, total),
            times=max(1, 200_000 // n),
        )
        rows.append(Row(f"{n:,}, with numba: POT / own, CPU", ratio, 5.0, more=True))
    return rows


def main() -> int:
    """Print each figure beside its bar; return 1 if one is broken."""
    seconds(lambda: by_cvxpy(*census(100), "OSQP"), times=1)  # imports cvxpy
    rows = [row for n in SIZES for row in single(n)]
    rows += [batch(*shape) for shape in BATCHES]
    return show("projections", rows + compiled())


if __name__ == "__main__":
    sys.exit(main())
