"""Ratable reduction with floors and minima of states, against bisection."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dpaudit.solvers.shared_out import shared_out, shared_out_by_state, sums

AMOUNTS = arrays(float, 6, elements=st.just(0.0) | st.floats(0.01, 1e6))
STATES = np.array([0, 2, 3])
BUDGET = st.floats(0.01, 1e7)


def bisected(spend, budget):
    """Return the level at which what is spent is the budget."""
    low, high = 0.0, 1.0
    while spend(high) < budget:
        high *= 2.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if spend(middle) > budget else (middle, high)
    return high


@given(AMOUNTS, AMOUNTS, BUDGET)
def test_floors_are_kept_as_bisection_keeps_them(weights, floors, budget):
    floors = np.where(weights > 0, floors, 0.0)
    made = shared_out(weights[None], np.array([[budget]]), floors[None])[0]
    if not weights.any():
        assert (made == 0).all()
        return
    np.testing.assert_allclose(made.sum(), budget, rtol=1e-9)
    if floors.sum() >= budget:
        np.testing.assert_allclose(made, floors * budget / floors.sum(), rtol=1e-9)
        return
    level = bisected(lambda each: np.maximum(each * weights, floors).sum(), budget)
    np.testing.assert_allclose(made, np.maximum(level * weights, floors), rtol=1e-7, atol=1e-9)


@given(AMOUNTS, AMOUNTS, arrays(float, 3, elements=st.floats(0, 1e6)), BUDGET)
def test_minima_of_states_are_kept_as_bisection_keeps_them(weights, floors, minimum, budget):
    floors = np.where(weights > 0, floors, 0.0)
    minimum = np.where(sums(weights, STATES) > 0, minimum, 0.0)
    made = shared_out_by_state(weights[None], budget, floors[None], minimum[None], STATES)[0]
    states = sums(made, STATES)
    if not weights.any():
        assert (made == 0).all()
        return
    np.testing.assert_allclose(made.sum(), budget, rtol=1e-9)
    least = np.maximum(minimum, sums(floors, STATES))
    if least.sum() >= budget:
        np.testing.assert_allclose(states, least * budget / least.sum(), rtol=1e-9, atol=1e-12)
        return

    def spent(level):
        reached = sums(np.maximum(level * weights, floors), STATES)
        return np.maximum(reached, minimum).sum()

    level = bisected(spent, budget)
    reached = np.maximum(sums(np.maximum(level * weights, floors), STATES), minimum)
    np.testing.assert_allclose(states, reached, rtol=1e-7, atol=1e-9)
    assert (made >= floors * (1 - 1e-9)).all()


def test_minima_next_to_nothing_are_kept():
    """The budget over such a sum is no number, and is not asked for."""
    weights, minimum = np.array([[1.0, 0, 0, 0, 0, 0]]), np.full((1, 3), 2.3e-313)
    minimum[0, 1:] = 0.0
    made = shared_out_by_state(weights, 1.0, np.zeros((1, 6)), minimum, STATES)
    np.testing.assert_array_equal(made, weights)


@given(AMOUNTS, BUDGET)
def test_without_floors_the_reduction_is_proportional(weights, budget):
    made = shared_out(weights[None], np.array([[budget]]), None)[0]
    total = weights.sum()
    expected = budget * weights / total if total else np.zeros(6)
    np.testing.assert_allclose(made, expected, rtol=1e-12)


@pytest.mark.parametrize("floors", [None, np.zeros((1, 6))])
def test_a_minimum_that_does_not_bind_changes_nothing(floors):
    weights = np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    made = shared_out_by_state(weights, 21.0, floors, np.full((1, 3), 1.0), STATES)
    np.testing.assert_allclose(made, weights, rtol=1e-14)


def test_draws_are_shared_out_each_by_itself():
    rng = np.random.default_rng(1)
    weights, floors = rng.gamma(0.5, size=(40, 6)), rng.gamma(0.3, size=(40, 6))
    minimum = rng.gamma(1.0, size=(40, 3))
    together = shared_out_by_state(weights, 9.0, floors, minimum, STATES)
    alone = [
        shared_out_by_state(weights[i : i + 1], 9.0, floors[i : i + 1], minimum[i : i + 1], STATES)
        for i in range(40)
    ]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-12)
