import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dpaudit.errors import UsageError
from dpaudit.privacy.gaussian import gaussian_delta
from dpaudit.privacy.zcdp import (
    bounded_range_rho,
    delta_of,
    epsilon_of,
    gaussian_rho,
    gaussian_sigma,
    pure_rho,
    rho_of,
    simple_epsilon,
)

RHOS = st.floats(min_value=-12, max_value=4).map(lambda x: 10.0**x)
DELTAS = st.floats(min_value=-300, max_value=-0.001).map(lambda x: 10.0**x)


@given(rho=RHOS, epsilon=st.floats(min_value=0, max_value=50))
def test_delta_is_the_least_over_the_orders(rho, epsilon):
    """Against a grid of orders: never above any of them, and equal to the best within 1 %."""
    b = np.exp(np.linspace(-60, 60, 24_001))
    order = 1.0 + b
    growth = np.log1p(1.0 / b)
    logs = b * (order * rho - epsilon) - b * growth - np.log1p(b)
    best = min(1.0, math.exp(logs.min()))
    got = delta_of(epsilon, rho)
    assert got <= best * (1 + 1e-9)
    assert got >= best * 0.99 - 1e-300 or best < 1e-250


@given(rho=RHOS, delta=DELTAS)
def test_conversions_are_inverse_to_one_another(rho, delta):
    epsilon = epsilon_of(delta, rho)
    assert epsilon <= simple_epsilon(delta, rho) * (1 + 1e-12)
    if epsilon > 1e-3 and delta > 1e-290:
        assert delta_of(epsilon, rho) == pytest.approx(delta, rel=1e-8)
        assert rho_of(epsilon, delta) == pytest.approx(rho, rel=1e-8)


@pytest.mark.parametrize("epsilon", [0.0, 1e-300, 1e-3, 1.0, 500.0])
@pytest.mark.parametrize("delta", [1e-280, 1e-10, 0.5, 1 - 1e-12])
def test_rho_of_extremes(epsilon, delta):
    rho = rho_of(epsilon, delta)
    assert 0 <= rho < math.inf
    assert delta_of(epsilon, rho) <= delta * (1 + 1e-9)
    assert rho < 1e-200 or delta_of(epsilon, rho * 1.001) > delta


@pytest.mark.parametrize("sigma", [0.3, 1.0, 5.0, 50.0])
@pytest.mark.parametrize("delta", [1e-10, 1e-5])
def test_conversion_is_never_below_the_truth(sigma, delta):
    """The exact curve of Gaussian noise; the gap is below 8 % of epsilon plus 0.1."""
    epsilon = epsilon_of(delta, gaussian_rho(sigma))
    assert gaussian_delta(epsilon, sigma) <= delta
    assert gaussian_delta(max(0.0, 0.92 * epsilon - 0.1), sigma) > delta or epsilon < 0.12


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("sigma", [1.0, 4.0])
@pytest.mark.parametrize("times", [1, 8])
def test_against_privacy_loss_distributions(sigma, times):
    """dp-accounting's numerical composition of discrete Gaussians is at most 12 % below."""
    from dp_accounting.pld import privacy_loss_distribution

    loss = privacy_loss_distribution.from_discrete_gaussian_mechanism(sigma, sensitivity=1)
    delta = 1e-8
    numerical = loss.self_compose(times).get_epsilon_for_delta(delta)
    tight = epsilon_of(delta, times * gaussian_rho(sigma))
    assert numerical <= tight
    assert tight <= 1.12 * numerical


def test_bounded_range_of_the_exponential_mechanism():
    """The privacy loss of a softmax whose utilities move by one: its Renyi divergences."""
    rng = np.random.default_rng(3)
    for epsilon in (0.1, 1.0, 4.0):
        for _ in range(50):
            u = rng.integers(0, 8, 6)
            one, other = (
                np.exp(epsilon * v / 2) / np.exp(epsilon * v / 2).sum()
                for v in (u, u + rng.choice([-1, 1], 6))
            )
            for order in (1.01, 2.0, 8.0):
                renyi = math.log((one**order * other ** (1 - order)).sum()) / (order - 1)
                assert renyi <= bounded_range_rho(epsilon) * order * (1 + 1e-9)


def test_pure_rho_bounds_randomised_response():
    for epsilon in (0.01, 1.0, 5.0):
        p = stats.logistic.cdf(epsilon)
        for order in (1.01, 2.0, 10.0):
            terms = p**order * (1 - p) ** (1 - order) + (1 - p) ** order * p ** (1 - order)
            assert math.log(terms) / (order - 1) <= pure_rho(epsilon) * order


def test_gaussian_rho_and_back():
    assert gaussian_rho(2.0, math.sqrt(2.0)) == pytest.approx(0.25, rel=1e-15)
    assert gaussian_sigma(gaussian_rho(3.7, 2.0), 2.0) == pytest.approx(3.7, rel=1e-15)
    assert gaussian_rho(0.0) == math.inf
    assert gaussian_rho(0.0, 0.0) == 0.0
    assert gaussian_sigma(math.inf) == 0.0


def test_ends():
    assert delta_of(1.0, 0.0) == delta_of(math.inf, 1.0) == 0.0
    assert delta_of(1.0, math.inf) == 1.0
    assert epsilon_of(0.1, 0.0) == 0.0
    assert epsilon_of(0.1, math.inf) == math.inf


@pytest.mark.parametrize(
    ("call", "arguments", "message"),
    [
        (gaussian_rho, (-1.0,), "sigma -1.0"),
        (gaussian_rho, (1.0, math.nan), "sensitivity nan"),
        (gaussian_sigma, (0.0,), "infinite noise"),
        (gaussian_sigma, (math.nan,), "rho nan"),
        (delta_of, (-1.0, 1.0), "epsilon -1.0"),
        (delta_of, (1.0, math.nan), "rho nan"),
        (epsilon_of, (0.0, 1.0), "delta 0.0"),
        (epsilon_of, (1.0, 1.0), "delta 1.0"),
        (simple_epsilon, (math.nan, 1.0), "delta nan"),
        (rho_of, (math.inf, 0.1), "epsilon inf"),
        (rho_of, (1.0, 2.0), "delta 2.0"),
        (pure_rho, (-1.0,), "epsilon -1.0"),
        (bounded_range_rho, (math.nan,), "epsilon nan"),
    ],
)
def test_wrong_arguments(call, arguments, message):
    with pytest.raises(UsageError, match=message):
        call(*arguments)
