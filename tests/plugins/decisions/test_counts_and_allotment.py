import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import dpaudit
from dpaudit.estimators.ratio import fourth_order_bias, second_order_bias
from dpaudit.inputs import ColumnName
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.none import NoNoise
from dpaudit_plugins.decisions import allotment, counts
from dpaudit_plugins.decisions.allotment import Allotment
from dpaudit_plugins.decisions.counts import Counts

X = np.array([40.0, 120.0, 300.0, 1000.0])
A = np.array([1.0, 1.2, 0.8, 1.0])


def test_each_module_offers_its_decision():
    assert tuple(counts.dpaudit_decisions()) == (Counts,)
    assert tuple(allotment.dpaudit_decisions()) == (Allotment,)
    assert (Counts.name, Counts.unit) == ("counts", "persons")
    assert (Allotment.name, Allotment.unit) == ("allotment", "dollars")


def test_counts_are_the_outcome():
    np.testing.assert_array_equal(Counts().decide(X), X)
    structure = Counts().structure(4)
    assert isinstance(structure, dpaudit.Linear)
    np.testing.assert_array_equal(structure.slope, np.ones(4))
    np.testing.assert_array_equal(Counts().curvature(X, X), np.zeros(4))
    assert Counts().existence(Laplace(1.0), clipped=False) is None


def test_allotment_of_known_shares():
    decided = Allotment(weights=A, appropriation=100.0).decide(X)
    np.testing.assert_allclose(decided, 100 * A * X / (A * X).sum(), rtol=1e-15)
    structure = Allotment(weights=A, appropriation=100.0).structure(4)
    assert isinstance(structure, dpaudit.Proportional)
    np.testing.assert_array_equal(structure.weights, A)
    assert structure.total == 100.0
    np.testing.assert_array_equal(Allotment().structure(3).weights, np.ones(3))


@given(
    noisy=hnp.arrays(np.float64, (3, 4), elements=st.floats(min_value=0, max_value=1e9)),
    appropriation=st.floats(min_value=0.1, max_value=1e12),
)
def test_everything_is_shared_and_draws_are_decided_one_by_one(noisy, appropriation):
    decision = Allotment(weights=A, appropriation=appropriation)
    decided = decision.decide(noisy)
    np.testing.assert_allclose(decided.sum(axis=-1), appropriation, rtol=1e-12)
    for row, outcome in zip(noisy, decided, strict=True):
        np.testing.assert_array_equal(decision.decide(row), outcome)


def test_without_any_count_the_weights_share():
    decided = Allotment(weights=A, appropriation=8.0).decide(np.zeros((2, 4)))
    np.testing.assert_allclose(decided, np.tile(8.0 * A / A.sum(), (2, 1)))
    np.testing.assert_allclose(Allotment().decide(np.array([-3.0, 3.0])), [0.5, 0.5])


def test_one_entity_takes_all():
    assert Allotment(appropriation=5.0).decide(np.array([2.0**53]))[0] == 5.0


def test_curvature_is_half_the_trace_of_the_hessian():
    decision, variance = Allotment(weights=A, appropriation=50.0), np.array([1.0, 9.0, 25.0, 4.0])
    step, numeric = 0.5, np.zeros(4)
    for j in range(4):
        move = step * np.eye(4)[j]
        bend = decision.decide(X + move) - 2 * decision.decide(X) + decision.decide(X - move)
        numeric += 0.5 * variance[j] * bend / step**2
    np.testing.assert_allclose(decision.curvature(X, variance), numeric, rtol=1e-4)
    assert Allotment().curvature(np.zeros(4), variance) is None


def test_the_expansion_agrees_with_simulation():
    """Quadratic control variate and antithetic pairs; 6 standard errors, false alarm below 1e-7."""
    noise = Gaussian(15.0)
    eta = noise.sample(np.random.default_rng(2), (200_000, 4))
    second = second_order_bias(X, A, noise.variance)
    both = second + fourth_order_bias(X, A, noise.variance, noise.fourth_cumulant)
    total, decide = (A * X).sum(), Allotment(weights=A).decide
    own, common = A * eta / total, (A * eta).sum(axis=1, keepdims=True) / total
    quadratic = -(own - decide(X) * common) * common
    pairs = 0.5 * (decide(X + eta) + decide(X - eta)) - decide(X) - quadratic
    error = pairs.std(axis=0) / np.sqrt(len(pairs))
    assert (np.abs(pairs.mean(axis=0) + second - both) < 6 * error + 2e-9).all()
    assert (np.abs(both - second) > 6 * error).any()


@pytest.mark.parametrize("order", [second_order_bias, fourth_order_bias])
def test_orders_sum_to_zero_and_need_a_total(order):
    extra = (12.0 * 5.0**4,) if order is fourth_order_bias else ()
    assert order(X, A, 50.0, *extra).sum() == pytest.approx(0, abs=1e-18)
    with pytest.raises(dpaudit.UsageError, match="sum to 0"):
        order(np.zeros(4), A, 50.0, *extra)


def test_when_the_expectation_exists():
    decision = Allotment()
    for noise in (Laplace(10.0), Gaussian(1.0)):
        assert "does not exist" in decision.existence(noise, clipped=False)
        assert decision.existence(noise, clipped=True) is None
    assert decision.existence(NoNoise(), clipped=False) is None
    assert decision.existence(None, clipped=False) is None


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.array([1.0, 0.0, 1.0, 1.0]), r"0\.0 \(entity 2\)"),
        (np.array([1.0, 1.0, -2.5, 1.0]), r"-2\.5 \(entity 3\)"),
        (np.array([np.nan, 1.0, 1.0, 1.0]), r"nan \(entity 1\)"),
        (np.array([1.0, np.inf, 1.0, 1.0]), r"inf \(entity 2\)"),
        (-1.0, r"-1\.0 \(entity 1\)"),
        (np.array(["a", "b", "c", "d"]), "'a' is not a number"),
        (np.ones(3), r"shape \(3,\) for 4 entities"),
    ],
)
def test_wrong_weights(weights, message):
    with pytest.raises(dpaudit.DataError, match=message):
        Allotment(weights=weights).decide(X)


def test_wrong_parameters():
    with pytest.raises(dpaudit.UsageError, match="'expenditure' is not filled in"):
        Allotment(weights=ColumnName("expenditure")).decide(X)
    with pytest.raises(ValueError, match="appropriation"):
        Allotment(appropriation=0.0)
