"""The least noise that keeps a budget."""

import math

import pytest

import dpaudit
from dpaudit.training import calibration
from dpaudit.training.accounting import Account, Query
from dpaudit.training.calibration import calibrated


def account(sigma):
    queries = (Query(name="gradients", noise_multiplier=sigma),)
    return Account(sample_rate=0.05, steps=400, each_step=queries)


class Stated:
    """An account whose epsilon is known; it counts how often it is asked."""

    asked = 0

    def __init__(self, sigma):
        self.sigma = sigma

    def epsilon(self, delta, accountant):
        Stated.asked += 1
        return 3.0 / self.sigma**1.3 + 0.1 / self.sigma

    def __hash__(self):
        return hash(self.sigma)

    def __eq__(self, other):
        return self.sigma == other.sigma


@pytest.mark.parametrize("epsilon", [0.05, 0.3, 1.0, 4.0, 30.0])
def test_the_noise_keeps_the_budget_and_hardly_less_would(epsilon):
    calibration._cost.cache_clear()
    Stated.asked = 0
    found = calibrated(Stated, epsilon, 1e-5)
    assert Stated(found).epsilon(1e-5, "pld") <= epsilon
    assert Stated(found / 1.0011).epsilon(1e-5, "pld") > epsilon
    assert Stated.asked < 25


def test_a_budget_is_kept_by_the_accountant():
    found = calibrated(account, 1.0, 1e-5)
    assert 0.99 < account(found).epsilon(1e-5) <= 1.0


def test_what_no_noise_keeps_is_refused():
    with pytest.raises(dpaudit.UsageError, match="epsilon 0 is not positive"):
        calibrated(account, 0, 1e-5)

    class Endless(Stated):
        def epsilon(self, delta, accountant):
            return math.inf if self.sigma < 1 else 5.0

    with pytest.raises(dpaudit.UsageError, match="no noise up to multiplier 10000"):
        calibrated(Endless, 1.0, 1e-5)
