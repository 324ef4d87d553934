"""Moments of functions of one released count, against closed forms of the noise."""

import numpy as np
import pytest

from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.none import NoNoise
from dpaudit.noise.own_moments import own_moments
from dpaudit.noise.released import Released

COUNTS = np.array([0.0, 1.0, 7.0, 12.0, 13.0, 40.0, 90.0, 5000.0])
LEVEL = 12.0
BREAKS = np.full((COUNTS.size, 1), LEVEL)
NOISES = [Laplace(3.0), Gaussian(4.0), Geometric(0.3)]


def own(counts):
    return counts, np.maximum(counts - LEVEL, 0.0), (counts >= LEVEL) * 1.0


@pytest.mark.parametrize("clipped", [True, False])
@pytest.mark.parametrize("noise", NOISES, ids=lambda noise: noise.family)
def test_means_and_covariances_are_those_of_closed_forms(noise, clipped):
    found = own_moments(Released(noise, COUNTS, clipped), own, BREAKS)
    first, second = COUNTS, noise.variance + COUNTS**2
    if clipped:
        first = first + noise.excess(-COUNTS)
        second = second - noise.excess_square(-COUNTS)
    # (z - L)^+ is (z - L) + (L - z)^+, for z = x + X
    above = COUNTS - LEVEL + noise.excess(LEVEL - COUNTS)
    step = 1.0 - noise.cdf(LEVEL - COUNTS - (1.0 if noise.lattice else 0.0))
    np.testing.assert_allclose(found.mean, [first, above, step], rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(found.covariance[0, 0], second - first**2, rtol=1e-8)
    # z 1(z >= L) is (z - L)^+ + L 1(z >= L)
    mixed = above + LEVEL * step - first * step
    np.testing.assert_allclose(found.covariance[0, 2], mixed, rtol=1e-8, atol=1e-13)
    np.testing.assert_allclose(found.covariance[2, 2], step * (1.0 - step), rtol=1e-8, atol=1e-13)
    assert (np.abs(found.mean - [first, above, step]) <= found.mean_error + 1e-15).all()


def test_a_break_that_is_not_declared_shows_in_the_error():
    given = Released(Laplace(3.0), COUNTS, clipped=True)
    found = own_moments(given, lambda x: ((x >= 9.3) * 1.0,), np.full((COUNTS.size, 1), np.inf))
    wrong = np.abs(found.mean[0] - given.at_least(np.full(COUNTS.size, 9.3)))
    assert wrong.max() > 1e-4
    assert found.mean_error.max() > wrong.max() / 10.0


def test_a_count_without_noise_is_met_exactly():
    found = own_moments(Released(Laplace(np.zeros(8)), COUNTS, clipped=True), own, BREAKS)
    np.testing.assert_array_equal(found.mean, np.stack(own(COUNTS)))
    assert not found.covariance.any()


def test_noise_of_which_nothing_is_known_has_no_moments():
    assert own_moments(Released(Geometric(1e-9), COUNTS), own, BREAKS) is None
    assert own_moments(Released(NoNoise(), COUNTS), own, BREAKS) is not None
