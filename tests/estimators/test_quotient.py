"""The second-order bias of one noisy count over another."""

import numpy as np
import pytest

import dpaudit
from dpaudit.estimators.ratio import quotient_bias

X1, X0 = np.array([4.0, 30.0, 160.0]), np.array([80.0, 600.0, 3305.0])


def test_half_the_second_derivative():
    step = 0.01 * X0
    bend = (X1 / (X0 + step) - 2 * X1 / X0 + X1 / (X0 - step)) / step**2
    np.testing.assert_allclose(quotient_bias(X1, X0, 50.0), 25.0 * bend, rtol=1e-3)


def test_it_agrees_with_simulation():
    """Antithetic pairs, less the quadratic term; 6 standard errors, false alarm below 1e-8.

    The control is a third more variance.
    """
    sigma, rng = 0.01 * X0, np.random.default_rng(3)
    up, top = rng.normal(0, 1, (2, 100_000, 3)) * [[sigma], [np.full(3, 2.0)]]
    pairs = 0.5 * ((X1 + top) / (X0 + up) + (X1 - top) / (X0 - up)) - X1 / X0
    error = pairs.std(axis=0) / np.sqrt(len(pairs))
    fourth = 3.0 * X1 * sigma**4 / X0**5
    gap = abs(pairs.mean(axis=0) - quotient_bias(X1, X0, sigma**2) - fourth)
    assert (gap < 6 * error).all()
    assert (abs(pairs.mean(axis=0) - quotient_bias(X1, X0, 4 * sigma**2 / 3)) > 6 * error).any()


def test_the_smaller_county_has_the_larger_bias():
    """METHODS-decisions 4.4: Loving and Terrell have one ratio and biases of 56 to 1."""
    loving, terrell = quotient_bias(X1[:2], X0[:2], 200.0)
    assert loving / terrell == pytest.approx(56.25)


def test_an_empty_denominator():
    with pytest.raises(dpaudit.UsageError, match="entity 2 is 0"):
        quotient_bias(np.ones(2), np.array([1.0, 0.0]), 1.0)
