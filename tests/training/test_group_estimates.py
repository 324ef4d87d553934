"""Group values from runs: intervals hold together, and choices are paid for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import dpaudit
from dpaudit.training.group_estimates import (
    change_of_largest_difference,
    largest_difference,
    of_runs,
)

NULLS, RUNS = 1000, 30


def missed(found, truth):
    return not found.low <= truth <= found.high


def chosen_once(after, before, level):
    """The control: the pair that is furthest apart before, compared on the same runs."""
    mean = before.mean(axis=0)
    most, least = mean.argmax(), mean.argmin()
    old, new = (rows[:, most] - rows[:, least] for rows in (before, after))
    return of_runs(np.sign(new.mean()) * new - old, level)


@pytest.mark.parametrize("groups", [2, 8, 40])
def test_a_gap_that_does_not_change_is_held(groups):
    """Of 1,000 nulls at 95 percent more than the binomial's 1e-6 quantile fail once in 1e6."""
    rng = np.random.default_rng(groups)
    most = stats.binom.ppf(1 - 1e-6, NULLS, 0.05)
    own, control = 0, 0
    for _ in range(NULLS):
        after, before = rng.normal(size=(2, RUNS, groups))
        own += missed(change_of_largest_difference(after, before, 0.95), 0.0)
        control += missed(chosen_once(after, before, 0.95), 0.0)
    assert own <= most
    if groups == 40:
        assert control > most


def test_a_gap_that_narrows_is_found_run_by_run():
    rng = np.random.default_rng(1)
    shared = rng.normal(size=(RUNS, 1)) * np.arange(4.0)
    before = np.arange(4.0) + shared
    after = 0.8 * before + 0.01 * rng.normal(size=(RUNS, 4))
    found = change_of_largest_difference(after, before, 0.95)
    assert found.high < 0
    assert found.low > -1.2
    apart = [largest_difference(rows, 0.95) for rows in (after, before)]
    assert apart[0].high > apart[1].low  # the control: apart from one another nothing is seen


def test_a_known_row_is_taken_as_it_is():
    runs = np.random.default_rng(2).normal([0.0, 1.0, 3.0], 0.1, (RUNS, 3))
    found = change_of_largest_difference(runs, np.array([[0.0, 1.0, 2.0]]), 0.95)
    assert found.low < 1.0 < found.high
    assert found.high - found.low < 0.4


def test_one_group_is_apart_from_nobody():
    with pytest.raises(dpaudit.UsageError, match="there is one group"):
        largest_difference(np.zeros((3, 1)), 0.95)


def test_a_gap_that_vanishes_is_told_though_nobody_knows_who_is_furthest_apart_then():
    rng = np.random.default_rng(3)
    before = np.array([0.0, 0.1, 0.15, 1.0]) + 0.02 * rng.normal(size=(RUNS, 4))
    after = 0.02 * rng.normal(size=(RUNS, 4))
    assert change_of_largest_difference(after, before, 0.95).high < -0.9
