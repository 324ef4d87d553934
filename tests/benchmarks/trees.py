"""What the solvers on trees cost, beside their bars: run by ``make bench``.

Root, square root of n middle nodes, n entities, Laplace noise everywhere, equal weights. Bars:
non-negative least squares at least 200 times faster than cvxpy with Clarabel and 300 times than
cvxpy with OSQP at 1e4 and 1e5 entities, CPU time against CPU time; within 1e-9 of the total of
polished OSQP; optimality conditions within 1e-6; 1e6 entities within 0.15 s.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
from harness import Row, show

from dpaudit.model.arrays import FloatArray
from dpaudit.model.hierarchy import Hierarchy
from dpaudit.solvers import tree_reference
from dpaudit.solvers.top_down import top_down
from dpaudit.solvers.tree_least_squares import tree_least_squares
from dpaudit.solvers.tree_nnls import kkt_residual, tree_nnls

SIZES = (10_000, 100_000)
MILLION = 1_000_000
SLOWER = {"CLARABEL": 200.0, "OSQP": 300.0}
DIFFERENCE, RESIDUAL, SECONDS = 1e-9, 1e-6, 0.15
SCALE = 20.0


def census(n: int) -> tuple[Hierarchy, FloatArray, FloatArray]:
    """Return a tree, its true counts (half of them 0) and noisy node values."""
    rng = np.random.default_rng(0)
    middle = np.sort(rng.integers(0, round(n**0.5), n))
    paths = [[f"{i:04d}" for i in middle], [f"{i:07d}" for i in range(n)]]
    tree = Hierarchy.of(["middle", "entity"], paths)
    counts = np.where(rng.random(n) < 0.5, 0.0, np.floor(np.exp(rng.normal(2.0, 1.5, n))))
    return tree, counts, tree.totals(counts) + rng.laplace(0.0, SCALE, tree.size)


def cpu(call: Callable[[], object], repeats: int) -> float:
    """Return the median CPU seconds of some calls, after one that warms up."""
    if repeats > 1:
        call()
    seconds = []
    for _ in range(repeats):
        begun = time.process_time()
        call()
        seconds.append(time.process_time() - begun)
    return statistics.median(seconds)


def by_cvxpy(tree: Hierarchy, noisy: FloatArray, solver: str) -> None:
    """Solve with a general solver as anybody would call it, at its own tolerances."""
    import cvxpy

    parts = [cvxpy.Variable(size) for size in tree.sizes]
    limits = [parts[-1] >= 0]
    limits += [
        tree_reference._sums(tree, level) @ parts[level] == parts[level - 1]
        for level in range(1, tree.depth)
    ]
    misses = sum(
        cvxpy.sum_squares(part - noisy[tree.part(level)]) for level, part in enumerate(parts)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cvxpy.Problem(cvxpy.Minimize(misses), limits).solve(solver=solver)


def compared(n: int) -> list[Row]:
    """Return what is measured at ``n`` entities, its bar, and whether more is better."""
    tree, counts, noisy = census(n)
    ones = np.ones(tree.size)
    own = cpu(lambda: tree_nnls(tree, noisy, ones), 15)
    solved = tree_nnls(tree, noisy, ones)
    rows = [
        Row(
            f"{n:,}: cvxpy with {solver} / tree",
            cpu(lambda solver=solver: by_cvxpy(tree, noisy, solver), 1 if n > SIZES[0] else 3)
            / own,
            bar,
            True,
        )
        for solver, bar in SLOWER.items()
    ]
    polished = tree_reference.tree_nnls_reference(tree, noisy, ones, "osqp")
    difference = float(np.abs(solved - polished).max() / counts.sum())
    rows.append(Row(f"{n:,}: difference to polished OSQP / total", difference, DIFFERENCE))
    rows.append(Row(f"{n:,}: residual", kkt_residual(tree, noisy, ones, solved), RESIDUAL))
    return rows


def million() -> list[Row]:
    """Return the time and the residual at a million entities."""
    tree, _, noisy = census(MILLION)
    ones = np.ones(tree.size)
    seconds = cpu(lambda: tree_nnls(tree, noisy, ones), 5)
    residual = kkt_residual(tree, noisy, ones, tree_nnls(tree, noisy, ones))
    return [
        Row("1,000,000: seconds", seconds, SECONDS),
        Row("1,000,000: residual", residual, RESIDUAL),
    ]


def top_down_costs() -> None:
    """Print what a draw on a tree of districts in counties in states costs; it has no bar."""
    rng = np.random.default_rng(1)
    county = rng.integers(0, 3100, 13_184)
    paths = [[f"{i % 51:02d}" for i in county], [f"{i:04d}" for i in county]]
    tree = Hierarchy.of(["state", "county", "district"], [*paths, [f"{i}" for i in range(13_184)]])
    counts = np.where(rng.random(13_184) < 0.3, 0.0, np.floor(np.exp(rng.normal(5, 1.5, 13_184))))
    noisy = tree.totals(counts) + rng.laplace(0.0, SCALE, (16, tree.size))
    ones = np.ones(tree.size)
    for what, call in {
        "least squares": lambda rows: tree_least_squares(tree, rows, ones),
        "non-negative least squares": lambda rows: tree_nnls(tree, rows, ones),
        "top-down": lambda rows: top_down(tree, rows, whole=False),
        "top-down, whole": lambda rows: top_down(tree, rows),
    }.items():
        for rows in (noisy[0], noisy):
            draws = rows.size // tree.size
            each = cpu(lambda call=call, rows=rows: call(rows), 7) / draws
            leaf = each / tree.sizes[-1] * 1e9
            print(f"{what:28} {draws:3} draws: {each * 1e3:7.2f} ms, {leaf:6.0f} ns/leaf")


def main() -> int:
    """Print each figure beside its bar; return 1 if one is broken."""
    rows = [*compared(SIZES[0]), *compared(SIZES[1]), *million()]
    top_down_costs()
    return show("trees", rows)


if __name__ == "__main__":
    sys.exit(main())
