import numpy as np
import pytest

from dpaudit.noise.discrete_gaussian import DiscreteGaussian
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.stats.laws import law_gap

MADE = [Laplace, Gaussian, DiscreteGaussian, lambda scale: Geometric(1.0 / scale)]


@pytest.mark.parametrize("make", MADE)
def test_the_right_law_agrees_and_others_do_not(make):
    """False alarm 1e-6; the controls are a scale 5 % off and a shift of a tenth."""
    rng = np.random.default_rng(5)
    noise, other = make(4.0), make(4.2)
    draws = noise.sample(rng, (64, 2_000))
    gap, limit = law_gap(noise.cdf, draws, whole=noise.lattice, rng=rng)
    assert gap <= limit
    gap, limit = law_gap(other.cdf, draws, whole=noise.lattice, rng=rng)
    assert gap > limit
    if not noise.lattice:
        gap, limit = law_gap(noise.cdf, draws + 0.1, whole=False, rng=rng)
        assert gap > limit


def test_one_wrong_entity_among_many_is_found():
    rng = np.random.default_rng(6)
    draws = Laplace(4.0).sample(rng, (512, 300))
    assert np.less_equal(*law_gap(Laplace(4.0).cdf, draws, whole=False, rng=rng))
    draws[:, 7] *= 3.0
    assert np.greater(*law_gap(Laplace(4.0).cdf, draws, whole=False, rng=rng))


def test_the_false_alarm_is_below_its_rate():
    """300 samples of the right law: with the stated 1e-6 none may differ (rate 3e-4)."""
    rng = np.random.default_rng(7)
    ratios = [
        np.divide(*law_gap(Gaussian(1.0).cdf, rng.standard_normal((16, 9)), whole=False, rng=rng))
        for _ in range(300)
    ]
    assert max(ratios) < 1.0
    assert max(ratios) > 0.3  # the limit is no empty promise
