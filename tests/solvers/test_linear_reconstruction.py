"""Bits from noisy sums, by least absolute values and by least squares."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dpaudit.errors import UsageError
from dpaudit.solvers.linear_reconstruction import least_absolute, least_squares, likelier

SOLVERS = {"lp": least_absolute, "ls": least_squares}


def puzzle(n, m, noise, amplitude, seed):
    rng = np.random.default_rng(seed)
    bits, queries = rng.integers(0, 2, n), rng.integers(0, 2, (m, n))
    if noise == "lap":
        return bits, queries, queries @ bits + rng.laplace(0, amplitude, m)
    return bits, queries, queries @ bits + rng.uniform(-amplitude, amplitude, m)


def accuracy(solver, *given):
    bits, queries, answers = puzzle(*given)
    return float((np.rint(solver(queries, answers)) == bits).mean())


@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.golden
def test_every_stored_puzzle(shared):
    items = json.loads((shared / "golden" / "attacks.json").read_text())
    due = [item for item in items if item["id"].startswith("dinur_nissim/")]
    assert len(due) == 30
    for item in due:
        given = item["input"]
        found = [
            accuracy(SOLVERS[given["method"]], given["n"], given["m"], given["noise"],
                     _amplitude(given), seed)
            for seed in given["seeds"]
        ]  # fmt: skip
        assert np.mean(found) == pytest.approx(item["output"]["mean_accuracy"], abs=0.02), item


def _amplitude(given):
    """Uniform noise is stored to three digits of sqrt(n) times a power of two."""
    root = np.sqrt(given["n"])
    exact = [root * f for f in (0.25, 0.5, 1.0, 2.0)] if given["noise"] != "lap" else []
    near = [value for value in exact if abs(value - given["amp"]) < 1e-2]
    return near[0] if near else given["amp"]


def test_the_likelier_method_is_that_of_the_noise():
    """Of 20 puzzles each 18 at least are told apart; at random 10 would be (below 1e-3)."""
    chosen = {"lap": 0, "unif": 0}
    for seed in range(20):
        for noise, method in (("lap", "least-absolute"), ("unif", "least-squares")):
            _bits, queries, answers = puzzle(32, 256, noise, 3.0, seed)
            chosen[noise] += likelier(queries, answers)[1] == method
    assert min(chosen.values()) >= 18


def test_exact_sums_are_met():
    exact = np.array([True, False, False])
    found = least_absolute(
        np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]), np.array([3.0, 5.0, 0.0]), np.inf, exact
    )
    assert found.sum() == pytest.approx(3.0)
    with pytest.raises(UsageError, match="exact sums"):
        least_absolute(np.eye(2), np.array([-1.0, 0.0]), np.inf, np.array([True, True]))
    with pytest.raises(UsageError, match="answers"):
        least_absolute(np.eye(2), np.zeros(3))
