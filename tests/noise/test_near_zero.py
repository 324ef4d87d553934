"""The short way to clipped transforms, and what only it can do: counts far above the noise."""

import numpy as np
import pytest

from dpaudit.noise.discrete_gaussian import DiscreteGaussian
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.rounded import RoundedGaussian

NOISES = [
    Laplace(10.0),
    Gaussian(14.0),
    Geometric(0.1),
    Geometric(3.0),
    DiscreteGaussian(0.4),
    DiscreteGaussian(14.0),
    DiscreteGaussian(45.0),
    DiscreteGaussian(2500.0),
    RoundedGaussian(3.0),
]
X = np.array([0.0, 1.0, 4.0, 20.0, 90.0, 1000.0])


def near(noise, at):
    s = np.array([[0.0], [at]]) / float(np.sqrt(noise.variance))
    return s, noise.near_zero(X, s)


@pytest.mark.parametrize("noise", NOISES, ids=repr)
@pytest.mark.parametrize("at", [1e-6, 1e-3, 0.005])
def test_it_agrees_with_the_long_way(monkeypatch, noise, at):
    s, found = near(noise, at)
    short = found.transform(X, s)
    own = noise._parts[0].noise if hasattr(noise, "_parts") else noise
    monkeypatch.setattr(type(own), "near_zero", lambda *_: None)
    for one, other in zip(short, own.clipped_transform(X, s), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-13)


@pytest.mark.parametrize("noise", NOISES, ids=repr)
def test_noise_far_below_the_count_keeps_its_digits(noise):
    """The variance of x + X beside x^2 would have lost ten of them."""
    x, s = np.array([1e7 * np.ceil(np.sqrt(noise.variance))]), np.zeros((1, 1))
    value, mean, variance = noise.clipped_change(x, s)
    assert value[0, 0] == 0.0
    assert abs(mean[0, 0]) <= 1e-15 * np.sqrt(noise.variance)
    assert variance[0, 0] == pytest.approx(float(noise.variance), rel=1e-14)


@pytest.mark.parametrize("noise", NOISES, ids=repr)
def test_it_is_left_where_s_is_not_small(noise):
    assert near(noise, 3.0)[1] is None
