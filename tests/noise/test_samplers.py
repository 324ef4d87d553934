"""Samplers follow their distributions; each test has a negative control that must fail."""

import numpy as np
import pytest
from scipy import stats

from dpaudit.errors import UsageError
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.none import NoNoise
from dpaudit.noise.rounded import RoundedGaussian, RoundedLaplace

FALSE_ALARM = 1e-6
DRAWS = 40_000


def p_value(sample, noise):
    """Kolmogorov's test for continuous noise, Pearson's chi-square for whole noise."""
    if not noise.lattice:
        return stats.kstest(sample, noise.cdf).pvalue
    reach = 0
    while noise.cdf(np.array(-reach - 2.0)) * sample.size > 10:
        reach += 1
    edges = np.arange(-reach, reach + 1) - 0.5
    at = np.concatenate([[0.0], noise.cdf(edges), [1.0]])
    observed = np.bincount(np.searchsorted(edges, sample), minlength=edges.size + 1)
    return stats.chisquare(observed, np.diff(at) * sample.size).pvalue


@pytest.mark.parametrize("make", [Laplace, Gaussian, Geometric, RoundedLaplace, RoundedGaussian])
def test_sampler_follows_the_distribution(make):
    """False alarm 1e-6; the control is the same sample against a scale 30 % off."""
    sample = make(0.7).sample(np.random.default_rng(11), (DRAWS, 1))[:, 0]
    assert p_value(sample, make(0.7)) > FALSE_ALARM
    assert p_value(sample, make(0.7 * 1.3)) < FALSE_ALARM


@pytest.mark.parametrize("make", [Laplace, Gaussian, Geometric, RoundedLaplace, RoundedGaussian])
def test_variates_are_shared_and_left_alone(make):
    variates = make.variates(np.random.default_rng(3), (5, 7))
    before = [v.copy() for v in variates]
    first, second = make(1.0).from_variates(variates), make(1.0).from_variates(variates)
    np.testing.assert_array_equal(first, second)
    for now, then in zip(variates, before, strict=True):
        np.testing.assert_array_equal(now, then)
    np.testing.assert_array_equal(make(1.0).sample(np.random.default_rng(3), (5, 7)), first)
    assert first.shape == (5, 7)


def test_rounded_noise_shares_the_variates_of_its_family():
    for plain, whole in ((Laplace, RoundedLaplace), (Gaussian, RoundedGaussian)):
        variates = plain.variates(np.random.default_rng(5), (9,))
        assert plain.family == whole.family
        noise = plain(4.0).from_variates(variates)
        np.testing.assert_array_equal(whole(4.0).from_variates(variates), np.rint(noise))


def test_budgets_move_together():
    variates = Geometric.variates(np.random.default_rng(5), (2000,))
    noisy, calm = Geometric(0.1).from_variates(variates), Geometric(0.2).from_variates(variates)
    assert np.corrcoef(noisy, calm)[0, 1] > 0.99


def test_no_noise_leaves_the_generator_alone():
    rng = np.random.default_rng(1)
    before = rng.bit_generator.state
    np.testing.assert_array_equal(NoNoise().sample(rng, (2, 3)), np.zeros((2, 3)))
    assert rng.bit_generator.state == before


@pytest.mark.parametrize("make", [Laplace, Gaussian])
@pytest.mark.parametrize("scale", [-1.0, np.inf, np.nan, [1.0, -2.0]])
def test_wrong_scales(make, scale):
    with pytest.raises(UsageError, match=r"is not in \[0, 1e\+305\]"):
        make(scale)


@pytest.mark.parametrize("epsilon", [0.0, -1.0, np.nan, 1e-306])
def test_wrong_rates(epsilon):
    with pytest.raises(UsageError, match="epsilon_per_unit"):
        Geometric(epsilon)
