import math

import numpy as np
import pytest
from scipy import stats

import dpaudit
from dpaudit.model.estimate import Estimate
from dpaudit.stats.moments import Moments
from dpaudit.stats.planning import draws_for, draws_until, expected_range, first_answer, looks


@pytest.mark.parametrize(
    ("n", "size"),
    [(1, 0.0), (2, 2 / math.sqrt(math.pi)), (5, 2.32593), (254, 5.649), (13184, 7.838)],
)
def test_the_expected_range_of_normal_numbers(n, size):
    assert expected_range(n) == pytest.approx(size, rel=1e-4)


def test_the_range_of_nothing_is_refused():
    with pytest.raises(dpaudit.UsageError, match="range of 0"):
        expected_range(0)


def test_as_many_draws_as_are_asked_for_give_the_relative_error():
    """With N draws of noise alone, the plain estimate of α is r α: that is what N is for."""
    rng = np.random.default_rng(0)
    moments = Moments.of(rng.normal(size=(20_000, 15)))
    needed = draws_for(moments, 0.5, 0.2)
    assert needed == pytest.approx((3.472 / (0.2 * 0.5)) ** 2, rel=0.05)
    plain = [np.ptp(rng.normal(size=(round(needed), 15)).mean(axis=0)) for _ in range(100)]
    assert np.mean(plain) == pytest.approx(0.2 * 0.5, rel=0.1)
    assert draws_for(moments, 0.0, 0.1) == math.inf
    assert draws_for(Moments.of(np.ones((8, 3))), 0.0, 0.1) == 0.0
    with pytest.raises(dpaudit.UsageError, match="relative error of 0"):
        draws_for(moments, 1.0, 0.0)


def interval(value, low, high, method="simulated"):
    return Estimate(value=value, low=low, high=high, level=0.95, method=method, draws=1000)


@pytest.mark.parametrize(
    ("estimate", "threshold", "draws"),
    [
        (interval(1.0, 0.5, 2.0), 3.0, 1000.0),
        (interval(1.0, 0.5, 2.0), 0.4, 1000.0),
        (interval(1.0, 0.5, 2.0), 1.25, 16_000.0),
        (interval(1.0, 0.5, 2.0), 0.75, 4000.0),
        (interval(1.0, 0.5, 2.0), 1.0, math.inf),
        (interval(1.0, 1.0, 1.0, "exact"), 1.0, 1000.0),
    ],
)
def test_draws_until_a_threshold_is_decided(estimate, threshold, draws):
    assert draws_until(estimate, threshold) == pytest.approx(draws)


def test_looks_double_and_share_the_risk():
    found = looks(1000, 16_000, 0.95)
    assert [look.draws for look in found] == [1000, 2000, 4000, 8000, 16_000]
    assert sum(1.0 - look.confidence for look in found) == pytest.approx(0.05)
    assert found[0].widening == pytest.approx(1.314, abs=1e-3)
    assert [look.draws for look in looks(64, 100, 0.9)] == [64, 100]
    (one,) = looks(64, 64, 0.9)
    assert (one.confidence, one.widening) == (pytest.approx(0.9), pytest.approx(1.0))
    with pytest.raises(dpaudit.UsageError, match="looks from 9 to 3"):
        looks(9, 3, 0.95)


@pytest.mark.slow
def test_stopping_at_the_first_answer_errs_no_more_than_is_said():
    """The truth is the threshold, so that every answer 'above' is wrong (one side: 2.5 %)."""
    rng = np.random.default_rng(3)
    plan, times = looks(50, 3200, 0.95), 3000
    wrong = {"planned": 0, "nominal": 0}
    counts = [look.draws for look in plan]
    for _ in range(times):
        sums = np.cumsum(rng.normal(size=counts[-1]))[np.array(counts) - 1]
        mean, error = sums / counts, 1.0 / np.sqrt(counts)
        for name, level in (("planned", plan[0].confidence), ("nominal", 0.95)):
            reach = stats.norm.isf((1.0 - level) / 2.0) * error
            answer = first_answer(np.stack([mean - reach, mean + reach], axis=1), 0.0)
            wrong[name] += answer is not None and mean[answer] > 0
    allowed = stats.binom.isf(1e-6, times, 0.025)
    assert wrong["planned"] <= allowed
    assert wrong["nominal"] > allowed, "the negative control must fail"


def test_no_look_may_decide():
    assert first_answer(np.array([[-1.0, 1.0], [-0.5, 0.5]]), 0.0) is None
