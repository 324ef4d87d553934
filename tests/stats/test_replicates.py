"""Differences of groups under permuted labels: no more alarms than promised."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dpaudit.stats.replicates import over_replicates, spread_p_value, widened


def test_groups_that_permutations_leave_empty_raise_no_false_alarms():
    """Four groups that are alike, 40 % of all permuted means undefined.

    Of 2,000 tests at 0.05 more than the binomial quantile at 1e-6 are wrong by chance once in a
    million. The control, which leaves empty groups out of a permutation alone, is wrong oftener.
    """
    rng, tests = np.random.default_rng(11), 2_000
    most = stats.binom.isf(1e-6, tests, 0.05)
    wrong = careless = 0
    for _ in range(tests):
        own, drawn = rng.normal(size=(1, 4)), rng.normal(size=(1, 99, 4))
        drawn[rng.random(drawn.shape) < 0.4] = np.nan
        wrong += spread_p_value(own, drawn) <= 0.05
        bare = np.nan_to_num(drawn[0], nan=-np.inf).max(1) - np.nan_to_num(
            drawn[0], nan=np.inf
        ).min(1)
        careless += (1 + np.count_nonzero(bare >= np.ptp(own))) / 100 <= 0.05
    assert wrong <= most
    assert careless > most


def test_groups_that_differ_are_told_where_every_permutation_is_defined():
    rng = np.random.default_rng(12)
    assert spread_p_value(np.array([[3.0, -3.0]]), 0.1 * rng.normal(size=(1, 99, 2))) == 0.01


def test_an_interval_is_widened_around_its_value_and_cut():
    made = over_replicates(np.linspace(0.4, 0.6, 20), 0.95, limits=(0.0, 1.0))
    wide = widened(made, 2.0, (0.0, 1.0))
    assert float(wide.value - wide.low) == pytest.approx(2 * float(made.value - made.low))
    assert float(wide.high - wide.value) == pytest.approx(2 * float(made.high - made.value))
    assert float(widened(made, 100.0, (0.0, 1.0)).low) == 0.0
    assert widened(made, 1.0, (0.0, 1.0)).low == made.low


def test_replicates_that_are_compared_with_one_another_need_twice_the_interval():
    """1,000 means of symmetric interactions w_kj: at 2 the 95 % interval covers, at 1 it does not.

    More misses than the binomial's 1e-6 quantile at the nominal rate fail.
    """
    rng, missed = np.random.default_rng(0), {1.0: 0, 2.0: 0}
    for _ in range(1000):
        w = rng.standard_normal((20, 20))
        w = np.triu(w, 1) + np.triu(w, 1).T
        made = over_replicates(w.sum(axis=1) / 19, 0.95)
        for factor in missed:
            wide = widened(made, factor, (-9.0, 9.0))
            missed[factor] += not wide.low <= 0.0 <= wide.high
    most = stats.binom.isf(1e-6, 1000, 0.05)
    assert missed[2.0] <= most < missed[1.0]
