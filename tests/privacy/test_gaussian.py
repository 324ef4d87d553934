import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from dpaudit.errors import UsageError
from dpaudit.privacy.gaussian import analytic_gaussian_sigma, gaussian_delta


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 1.0, 5.0])
@pytest.mark.parametrize("sigma", [0.3, 1.0, 4.0, 100.0])
def test_delta_is_the_integral_of_the_privacy_loss(epsilon, sigma):
    """Integrate (f(y) - e^epsilon f(y - 1))^+ for the two neighbouring outputs, directly."""
    cut = 0.5 - epsilon * sigma**2

    def gap(y):
        one = math.exp(-((y / sigma) ** 2) / 2)
        other = math.exp(epsilon - (((y - 1) / sigma) ** 2) / 2)
        return (one - other) / (sigma * math.sqrt(2 * math.pi))

    edges = cut - sigma * np.array([0, 0.5, 1, 2, 4, 8, 16, 40])
    want = sum(
        integrate.quad(gap, low, high, epsabs=0, epsrel=1e-12)[0]
        for high, low in itertools.pairwise(edges)
    )
    assert gaussian_delta(epsilon, sigma) == pytest.approx(want, rel=1e-9)


def test_delta_of_narrow_differences():
    """epsilon = 0: the total variation distance 2 Phi(a) - 1, here 2 a phi(0) but for a^3."""
    assert gaussian_delta(0.0, 1e12) == pytest.approx(1e-12 / math.sqrt(2 * math.pi), rel=1e-13)


@given(
    epsilon=st.floats(min_value=1e-6, max_value=500),
    log_delta=st.floats(min_value=-300, max_value=-0.01),
    sensitivity=st.floats(min_value=1e-3, max_value=1e3),
)
def test_sigma_solves_for_delta(epsilon, log_delta, sensitivity):
    delta = 10.0**log_delta
    sigma = analytic_gaussian_sigma(epsilon, delta, sensitivity)
    assert gaussian_delta(epsilon, sigma, sensitivity) == pytest.approx(delta, rel=1e-8)
    assert gaussian_delta(epsilon, sigma * 1.001, sensitivity) < delta
    assert gaussian_delta(epsilon, sigma / 1.001, sensitivity) > delta


def test_the_classic_calibration_is_larger():
    """sqrt(2 ln(1.25 / delta)) / epsilon, valid below epsilon = 1 (Dwork and Roth 2014, A.1)."""
    for epsilon in (0.1, 0.5, 0.99):
        assert analytic_gaussian_sigma(epsilon, 1e-5) < math.sqrt(2 * math.log(1.25e5)) / epsilon


@pytest.mark.parametrize("epsilon", [0.0, 1e-300, 1e10, 1e300])
@pytest.mark.parametrize("delta", [1e-300, 1e-5, 1 - 1e-10])
def test_extremes(epsilon, delta):
    sigma = analytic_gaussian_sigma(epsilon, delta)
    assert 0 < sigma < math.inf
    if epsilon == 0:
        want = 0.5 / stats.norm.isf(0.5 - 0.5 * delta) if delta > 1e-10 else None
        assert want is None or sigma == pytest.approx(want, rel=1e-6)


def test_no_epsilon_no_delta():
    assert gaussian_delta(math.inf, 1.0) == 0.0
    assert gaussian_delta(1.0, 1e300) == 0.0


@pytest.mark.parametrize(
    ("call", "arguments", "message"),
    [
        (analytic_gaussian_sigma, (1.0, 0.0), "delta 0.0"),
        (analytic_gaussian_sigma, (1.0, 1.0), "delta 1.0"),
        (analytic_gaussian_sigma, (math.inf, 0.1), "epsilon inf"),
        (analytic_gaussian_sigma, (math.nan, 0.1), "epsilon nan"),
        (analytic_gaussian_sigma, (1.0, 0.1, 0.0), "sensitivity 0.0"),
        (analytic_gaussian_sigma, (0.0, 1e-310), "needs a sigma beyond"),
        (gaussian_delta, (-1.0, 1.0), "epsilon -1.0"),
        (gaussian_delta, (1.0, 0.0), "sigma 0.0"),
        (gaussian_delta, (1.0, 1.0, math.nan), "sensitivity nan"),
    ],
)
def test_wrong_arguments(call, arguments, message):
    with pytest.raises(UsageError, match=message):
        call(*arguments)


@pytest.mark.parametrize("epsilon", [600.0, 8863.0, 1e300])
def test_a_large_epsilon_needs_next_to_no_noise_and_overflows_nowhere(epsilon):
    sigma = analytic_gaussian_sigma(epsilon, 1e-6)
    assert 0 < sigma < 1 / math.sqrt(epsilon)
    assert gaussian_delta(epsilon, 1e300) == 0.0
