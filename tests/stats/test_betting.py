"""Wealth against a claim. A count of false verdicts fails beyond the 1e-6 quantile."""

import math

import numpy as np
import pytest
from scipy import special

from dpaudit.errors import UsageError
from dpaudit.stats.betting import Book, Wealth

NULLS, RISK = 1_000, 0.05
ALLOWED = next(k for k in range(NULLS) if special.bdtrc(k, NULLS, RISK) < 1e-6)


def tight(epsilon, delta):
    """The outputs of the mechanism that loses exactly (epsilon, delta), under A and under B."""
    p = special.expit(epsilon)
    ours = np.array([delta, 0.0, (1 - delta) * p, (1 - delta) * (1 - p)])
    return ours, ours[[1, 0, 3, 2]]


def book(ours, theirs, right):
    sign = np.array([1.0, -1.0, 1.0, -1.0])
    rates = (1.0 - 1e-4) * np.stack([ours, theirs]) + 2.5e-5
    return Book(sign=sign, right=np.array([0.99999, 0.99999, right, right]), rates=rates)


def most(claimed, delta, true, rng, *, rounds=4, pairs=100, trust=None):
    ours, theirs = tight(*true)
    wealth, best = Wealth(np.array([claimed]), delta), -math.inf
    told = book(ours, theirs, trust or min(0.99995, special.expit(true[0])))
    for _ in range(rounds):
        counts = [rng.multinomial(pairs, law).astype(float) for law in (ours, theirs)]
        wealth.bet(told, *counts)
        best = max(best, float(wealth.log()[0]))
    return best


@pytest.mark.slow
@pytest.mark.parametrize("delta", [0.0, 0.01])
@pytest.mark.parametrize("trust", [0.75, 0.95])
def test_a_true_claim_is_refuted_as_seldom_as_promised(delta, trust):
    """Whatever was predicted, looked at after every round. False alarm below 1e-6."""
    rng = np.random.default_rng(3)
    false = sum(
        most(0.5, delta, (0.5, delta), rng, trust=trust) >= -math.log(RISK) for _ in range(NULLS)
    )
    assert false <= ALLOWED


@pytest.mark.parametrize(
    ("claimed", "delta", "pairs"), [(0.5, 0.0, 200), (0.5, 0.01, 300), (8.0, 0.01, 30_000)]
)
def test_a_broken_claim_is_refuted(claimed, delta, pairs):
    """At a large epsilon with a delta only the likelihoods grow: their power is tested there."""
    true = (claimed + 1.0, 10 * delta)
    assert most(claimed, delta, true, np.random.default_rng(5), pairs=pairs) >= math.log(1e6)


def test_paying_for_wrong_guesses_less_than_the_claim_allows_is_noticed():
    """The negative control: bets against epsilon = 0 win against a mechanism of epsilon = 1/2."""
    rng = np.random.default_rng(3)
    false = sum(most(0.0, 0.0, (0.5, 0.0), rng) >= -math.log(RISK) for _ in range(100))
    assert special.bdtrc(false - 1, 100, RISK) < 1e-6


def test_expected_wealth_is_one_at_most_for_a_pair_of_outputs():
    """Exactly, summed over all outcomes of a pair, at the mechanism that loses all it may."""
    for epsilon, delta in ((0.5, 0.0), (0.5, 0.05), (3.0, 0.01)):
        ours, theirs = tight(epsilon, delta)
        for right in (0.6, 0.8, 0.99, 1.0 - 1e-12):
            expected = 0.0
            for a in range(4):
                for b in range(4):
                    wealth = Wealth(np.array([epsilon]), delta)
                    wealth.bet(book(ours, theirs, right), np.eye(4)[a], np.eye(4)[b])
                    expected += ours[a] * theirs[b] * math.exp(float(wealth.log()[0]))
            assert expected <= 1.0 + 1e-9


def test_nothing_is_won_or_lost_without_a_guess():
    wealth = Wealth(np.array([0.0, 1.0]))
    wealth.bet(
        Book(sign=np.zeros(2), right=np.full(2, 0.5)), np.array([5.0, 5]), np.array([10.0, 0])
    )
    np.testing.assert_array_equal(wealth.log(), [0.0, 0.0])
    assert wealth.pairs == 10


NONE = [
    ([-1.0], 0.0),
    ([math.nan], 0.0),
    ([math.inf], 0.0),
    ([1.0], 1.0),
    ([1.0], math.nan),
]


@pytest.mark.parametrize(("epsilons", "delta"), NONE)
def test_a_claim_that_is_none_is_refused(epsilons, delta):
    with pytest.raises(UsageError, match="claims of epsilon"):
        Wealth(np.array(epsilons), delta)


def test_a_pair_has_an_output_of_each_side():
    with pytest.raises(UsageError, match="3 outputs of one side and 4"):
        Wealth(np.array([1.0])).bet(
            Book(sign=np.ones(1), right=np.ones(1)), np.array([3.0]), np.array([4.0])
        )
