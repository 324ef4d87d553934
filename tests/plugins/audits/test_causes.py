"""What goes with excess risk: the largest of several correlations pays for their number."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dpaudit_plugins.audits.causes import _correlated, _ranks, largest_by_chance


def chance(properties, risks, seed=0):
    ranks = np.stack([_ranks(each) for each in properties])
    return largest_by_chance(ranks, risks, 0.95, np.random.default_rng(seed))


def test_three_groups_say_nothing_however_well_they_go_together():
    """Two of the six orders of three groups have a correlation of one in size."""
    assert chance(np.array([[1.0, 2.0, 3.0]]), np.array([5.0, 6.0, 7.0])).value == pytest.approx(
        1 / 3
    )


def test_many_groups_in_order_are_no_chance():
    found = chance(np.arange(12.0)[None], np.arange(12.0) ** 2)
    assert found.high < 0.001
    assert found.low <= found.value


@pytest.mark.parametrize("groups", [5, 12])
def test_the_best_of_many_is_found_by_chance_as_often_as_said(groups):
    """Of 400 nulls more than the binomial's 1e-6 quantile fail once in 1e6; the control does."""
    rng, nulls, most = np.random.default_rng(groups), 400, stats.binom.ppf(1 - 1e-6, 400, 0.05)
    told, control = 0, 0
    for seed in range(nulls):
        properties, risks = rng.normal(size=(9, groups)), rng.normal(size=groups)
        told += chance(properties, risks, seed).value <= 0.05
        ranks = np.stack([_ranks(each) for each in properties])
        best = np.abs(_correlated(ranks, risks[None])).max()
        control += stats.t.sf(best * np.sqrt((groups - 2) / max(1 - best**2, 1e-12)),
                              groups - 2) <= 0.025  # fmt: skip
    assert told <= most
    assert control > most
