"""Where the proved bounds apply, and the ball of noise that clips nothing."""

import numpy as np
import pytest
from scipy import integrate, special, stats

from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.rounded import RoundedGaussian
from dpaudit.solvers.centred import negative_part
from dpaudit.solvers.simplex_bias import simplex_bias
from dpaudit.solvers.simplex_bounds import (
    mean_shift_bounds,
    no_bias_ball,
    push_bounds,
    spread_bounds,
)

COUNTS = np.array([36.0, 60.0, 200.0, 900.0])


def test_ends_of_the_spread():
    part = negative_part(COUNTS, Laplace(10.0))
    loose = spread_bounds(COUNTS, Laplace(10.0))
    tight = spread_bounds(COUNTS, Laplace(10.0), None, 0.02)
    assert loose.low == pytest.approx(part[0] - part[-1], rel=1e-11)
    assert loose.high == pytest.approx(part[0] - part[-1] + part.sum(), rel=1e-11)
    assert tight.high == pytest.approx(part[0] - part[-1] + 0.02, rel=1e-11)
    found = simplex_bias(COUNTS, Laplace(10.0)).spread
    assert loose.low < found < loose.high


def test_where_the_proof_does_not_apply():
    assert spread_bounds(COUNTS, Laplace([1.0, 2.0, 3.0, 4.0])) is None
    assert spread_bounds(COUNTS, Laplace(10.0), 0.0) is None
    assert spread_bounds(COUNTS + 0.5, Geometric(0.1)) is None
    assert spread_bounds(COUNTS, Geometric(0.1)) is not None
    assert push_bounds(COUNTS + 0.5, Geometric(0.1)) is None
    assert mean_shift_bounds(COUNTS, RoundedGaussian(1e6)) is None
    assert mean_shift_bounds(np.array([3.0]), Laplace(1.0)) == (0.0, 0.0)
    only = spread_bounds(np.array([3.0]), Laplace(1.0))
    assert only.low == 0.0
    assert only.high == 0.0


@pytest.mark.slow
def test_unequal_noise_can_turn_the_order_round():
    """Why (i) and (iii) need noise that is alike: the larger count gains more."""
    found = simplex_bias(np.array([20.0, 30.0, 500.0]), Laplace([10.0, 60.0, 10.0]))
    assert found.push[1] > found.push[0] + 1.0


def test_the_ball_under_laplace_noise():
    """Hawaii: the probability outside is 0.406 (METHODS-decisions 5.8); a gamma tail."""
    hawaii = np.array([52.0, 22563.0, 54381.0, 67054.0, 309508.0])
    ball = no_bias_ball(hawaii, Laplace(10.0))
    assert ball.radius == 52.0
    assert ball.outside == pytest.approx(0.406, abs=5e-4)
    assert ball.outside == pytest.approx(stats.gamma.sf(5.2, 5), rel=1e-12)
    assert np.abs(simplex_bias(hawaii, Laplace(10.0)).bias).max() <= ball.bias


def test_the_ball_under_normal_noise_bounds_two_entities():
    """P(abs(X_1) + abs(X_2) > r) by integration; both bounds must lie above the event's."""
    ball = no_bias_ball(np.array([50.0, 80.0]), Gaussian(10.0))
    inside = integrate.quad(
        lambda z: 2 * np.exp(-z * z / 2) / np.sqrt(2 * np.pi) * (2 * special.ndtr(5 - z) - 1), 0, 5
    )[0]
    clipped = 2.0 * special.ndtr(-5.0 / np.sqrt(0.5))
    assert clipped <= ball.outside <= 1.0 - inside
    far = no_bias_ball(np.full(254, 500.0), Gaussian(10.0))
    assert far.outside < 1e-100


def test_balls_that_say_nothing():
    assert no_bias_ball(np.zeros(3), Laplace(10.0)).outside == 1.0
    assert no_bias_ball(np.zeros(300), Gaussian(10.0)).outside == 1.0
    assert no_bias_ball(COUNTS, Geometric(1.0)) is None
    assert no_bias_ball(COUNTS, Laplace([1.0, 2.0, 3.0, 4.0])) is None
    assert no_bias_ball(COUNTS, Laplace(0.0)).bias == 0.0
    assert no_bias_ball(COUNTS, Gaussian(0.0)).bias == 0.0
    assert no_bias_ball(np.array([4.0]), Laplace(10.0)).bias == 0.0
