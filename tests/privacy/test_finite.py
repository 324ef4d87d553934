"""Outputs of finitely many: ratios, divergences and choices."""

import itertools
import math

import numpy as np
import pytest

import dpaudit
from dpaudit.privacy.finite import choice_probabilities, hockey_stick, log_ratio


@pytest.mark.parametrize("epsilon", [0.3, 2.0])
def test_no_change_of_scores_tells_more_than_epsilon(epsilon):
    """Every change of four scores by at most 1, at the corners: d_Y <= epsilon, and it is reached.

    With half the divisor (no factor 2) the promise is broken: the control.
    """
    rng = np.random.default_rng(0)
    worst = broken = 0.0
    for _ in range(200):
        scores = rng.uniform(0, 1, 4) * rng.choice([1.0, 8.0, 40.0])
        before = choice_probabilities(scores, epsilon)
        for signs in itertools.product([-1.0, 1.0], repeat=4):
            moved = scores + np.array(signs)
            worst = max(worst, log_ratio(before, choice_probabilities(moved, epsilon)))
            wrong = [choice_probabilities(s, epsilon, 0.5) for s in (scores, moved)]
            broken = max(broken, log_ratio(*wrong))
    assert 0.95 * epsilon < worst <= epsilon * (1 + 1e-9)
    assert broken > 1.5 * epsilon


def test_limits_of_the_budget():
    scores = np.array([2.0, 2.0, 1.0])
    np.testing.assert_allclose(choice_probabilities(scores, 0.0), 1 / 3)
    np.testing.assert_allclose(choice_probabilities(scores, math.inf), [0.5, 0.5, 0.0])
    np.testing.assert_allclose(choice_probabilities(scores, 1e6), [0.5, 0.5, 0.0])


def test_the_divergence_is_delta():
    p, q = np.array([0.6, 0.3, 0.1]), np.array([0.2, 0.3, 0.5])
    assert hockey_stick(p, q, 0.0) == pytest.approx(0.5 * np.abs(p - q).sum())
    assert hockey_stick(p, q, log_ratio(p, q)) == pytest.approx(0.0, abs=1e-15)
    events = [np.array(bits, bool) for bits in itertools.product([0, 1], repeat=3)]
    largest = max(max((a - math.e**0.4 * b)[e].sum() for e in events) for a, b in ((p, q), (q, p)))
    assert hockey_stick(p, q, 0.4) == pytest.approx(largest)
    assert log_ratio(np.array([1.0, 0.0]), np.array([0.5, 0.5])) == math.inf


@pytest.mark.parametrize(
    "call",
    [
        lambda: log_ratio(np.array([0.5, 0.5]), np.array([1.0])),
        lambda: log_ratio(np.array([0.5, 0.6]), np.array([0.5, 0.5])),
        lambda: choice_probabilities(np.ones(2), -1.0),
        lambda: choice_probabilities(np.ones(2), 1.0, 0.0),
    ],
)
def test_what_is_no_distribution_is_refused(call):
    with pytest.raises(dpaudit.UsageError):
        call()
