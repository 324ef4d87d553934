"""Differences of groups under permuted labels: no more alarms than promised."""

from __future__ import annotations

import numpy as np
from scipy import stats

from dpaudit.stats.replicates import spread_p_value


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
