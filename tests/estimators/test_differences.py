"""Second differences of black boxes: closed forms, their own error, kinks and limits."""

import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dpaudit
from dpaudit.estimators.autodiff import second_derivatives
from dpaudit.estimators.differences import memory_of, second_differences
from dpaudit.model.arrays import keep_freed_memory
from dpaudit_plugins.decisions.allotment import Allotment
from dpaudit_plugins.decisions.formula import Formula


def problem(n, seed=0):
    rng = np.random.default_rng(seed)
    counts = np.round(np.exp(rng.normal(5.0, 1.2, n))) + 1.0
    return counts, rng.uniform(0.8, 1.2, n), rng.uniform(20.0, 200.0, n)


def shares(weights):
    return lambda x: weights * x / (weights * x).sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("n", [2, 7, 300, 1500])
def test_the_allotment_agrees_with_its_closed_form_within_the_stated_error(n):
    counts, weights, variance = problem(n)
    found = second_differences(shares(weights), counts, variance)
    exact = Allotment(weights=weights).curvature(counts, variance)
    assert found.defined.all()
    assert (np.abs(found.value - exact) <= found.error).all()
    if n > 2:
        assert found.error.max() <= 1e-3 * np.abs(exact).max()
        assert np.abs(found.value - exact).max() <= 1e-4 * np.abs(exact).max()


@given(
    st.lists(st.floats(-3, 3), min_size=3, max_size=3),
    st.lists(st.floats(0.01, 4.0), min_size=3, max_size=3),
)
def test_a_quadratic_is_exact_to_rounding(point, variance):
    """P_i = x_i^2 + x_1 x_2: 1/2 tr(H_i V) = v_i whatever x is; the product has no diagonal."""
    counts, variance = np.array(point), np.array(variance)
    found = second_differences(
        lambda x: x**2 + x[..., :1] * x[..., 1:2], counts, variance, most_work=10**6
    )
    assert found.defined.all()
    assert (np.abs(found.value - variance) <= found.error + 1e-12).all()


def test_more_inputs_than_outcomes():
    """Two outcomes from rows of two counts each, P_i = x_i1 / x_i0: second order x_1 v_0 / x_0^3"""
    counts, variance = np.array([80.0, 4.0, 600.0, 30.0]), np.full(4, 2.0)
    found = second_differences(lambda x: x[..., 1::2] / x[..., ::2], counts, variance)
    exact = np.array([4.0, 30.0]) * 2.0 / np.array([80.0, 600.0]) ** 3
    np.testing.assert_allclose(found.value, exact, rtol=1e-4)
    assert (np.abs(found.value - exact) <= found.error).all()


def test_what_has_no_noise_is_not_moved():
    counts, weights, variance = problem(5)
    variance[[0, 3]] = 0.0
    found = second_differences(shares(weights), counts, variance)
    exact = Allotment(weights=weights).curvature(counts, variance)
    np.testing.assert_allclose(found.value, exact, rtol=1e-3, atol=1e-12)
    still = second_differences(shares(weights), counts, np.zeros(5))
    np.testing.assert_array_equal(still.value, np.zeros(5))


def test_kinks_and_jumps_at_the_counts_are_named():
    counts, variance = np.array([0.0, 10.0, 0.5, 30.0]), np.full(4, 4.0)
    kink = second_differences(lambda x: np.maximum(x, 0.0) + x**2, counts, variance)
    np.testing.assert_array_equal(kink.defined, [False, True, True, True])
    np.testing.assert_allclose(kink.value[1:], 4.0, rtol=1e-9)
    jump = second_differences(lambda x: (x >= 10.0).astype(float), counts, variance)
    np.testing.assert_array_equal(jump.defined, [True, False, True, True])
    np.testing.assert_array_equal(jump.value[[0, 2, 3]], 0.0)


def test_a_kink_that_everybody_feels_through_the_sum_is_named():
    counts, variance = np.array([0.0, 10.0, 20.0]), np.full(3, 4.0)
    found = second_differences(
        lambda x: np.maximum(x, 0) / np.maximum(x, 0).sum(axis=-1, keepdims=True), counts, variance
    )
    assert not found.defined.any()


def test_a_step_is_refused_before_it_takes_minutes():
    with pytest.raises(dpaudit.UsageError, match=r"20,000 counts and 20,000 outcomes need 1\.6e"):
        second_differences(lambda x: x, np.zeros(20_000), np.ones(20_000))


@pytest.mark.slow
@pytest.mark.parametrize(("inputs", "outputs"), [(2, 400_000), (200, 20_000), (300, 300)])
def test_memory_is_predicted_within_a_factor_of_two(inputs, outputs):
    weights = np.linspace(1.0, 2.0, outputs)

    def shares(x):
        weighted = x.sum(axis=-1, keepdims=True) * weights
        return weighted / weighted.sum(axis=-1, keepdims=True)

    counts, variance = np.full(inputs, 100.0), np.ones(inputs)
    keep_freed_memory()
    tracemalloc.start()
    second_differences(shares, counts, variance)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.5 <= memory_of(inputs, outputs) / peak <= 2.0


def test_ten_thousand_entities_fit_in_little_memory():
    """The bar is 100 MB and an error of 1e-4; four evaluations of every outcome for each count."""
    n, seen = 10_000, 0
    counts, weights, variance = problem(n)

    def counted(x):
        nonlocal seen
        seen += x.size
        return shares(weights)(x)

    tracemalloc.start()
    found = second_differences(counted, counts, variance)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    exact = Allotment(weights=weights).curvature(counts, variance)
    assert peak < 20 * 2**20
    assert seen == (4 * n + 1) * n
    assert np.abs(found.value - exact).max() <= 1e-4 * np.abs(exact).max()
    assert (np.abs(found.value - exact) <= found.error).all()


FORMULAS = [
    ("a * x / sum(a * x)", True),
    ("x**2 - 3 * x + 1", False),
    ("sqrt(x) * exp(-x / 1000) + log(x) / mean(x)", False),
    ("+x**-1 * a**(1 / 2) + sum(x) / a", True),
]


@pytest.mark.learn
@pytest.mark.slow
@pytest.mark.parametrize(("formula", "weighted"), FORMULAS)
def test_smooth_formulas_agree_with_differences(formula, weighted):
    counts, weights, variance = problem(9)
    counts, variance = counts + 500.0, variance / 20.0
    decision = Formula(formula=formula, where={"a": weights} if weighted else {})
    assert decision.differentiable
    exact = second_derivatives(decision.decide, counts, variance)
    found = second_differences(
        lambda x: np.stack([decision.decide(row) for row in x]), counts, variance
    )
    assert (np.abs(found.value - exact) <= found.error + 1e-9 * np.abs(exact).max()).all()


@pytest.mark.learn
@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 65, 400])
def test_automatic_derivatives_agree_with_the_closed_form(n):
    counts, weights, variance = problem(n)
    variance[0] = 0.0
    decision = Formula(formula="a * x / sum(a * x)", where={"a": weights})
    found = second_derivatives(decision.decide, counts, variance)
    exact = Allotment(weights=weights).curvature(counts, variance)
    np.testing.assert_allclose(found, exact, rtol=1e-9, atol=1e-9 * np.abs(exact).max())


def test_torch_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(dpaudit.UnavailableError, match="torch is not installed"):
        second_derivatives(lambda x: x, np.ones(2), np.ones(2))


@pytest.mark.parametrize(
    "formula", ["maximum(x, 0)", "abs(x)", "where(x > 1, x, 0)", "rank(x)", "x > 3", "round(x)"]
)
def test_formulas_with_kinks_are_not_differentiated(formula):
    assert not Formula(formula=formula).differentiable


@pytest.mark.learn
@pytest.mark.slow
def test_a_formula_on_tensors_gives_one_number_for_each_entity():
    import torch

    counts = torch.tensor([1.0, 3.0], dtype=torch.float64)
    made = Formula(formula="x / sum(x) + 0 * exp(2)").decide(counts)
    np.testing.assert_array_equal(made.numpy(), [0.25, 0.75])
    with pytest.raises(dpaudit.SpecError, match="one number"):
        Formula(formula="sum(x)").decide(counts)
