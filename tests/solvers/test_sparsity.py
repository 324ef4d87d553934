import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpaudit.errors import UsageError
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.solvers import sparsity
from dpaudit.solvers.keeping import kept

NOISES = {
    "laplace": lambda eps: Laplace(1.0 / eps),
    "geometric": Geometric,
    "gaussian": lambda eps: Gaussian(1.0 / eps),
}
tables = st.lists(st.integers(0, 60), min_size=1, max_size=30).map(lambda x: np.array(x, float))


@pytest.mark.parametrize("name", NOISES)
@given(counts=tables, k=st.integers(1, 20), epsilon=st.sampled_from([0.05, 0.5, 3.0]))
def test_keeping_and_dropping_make_one(name, counts, k, epsilon):
    noise = NOISES[name](epsilon)
    keep, drop = kept(counts, noise, k)
    np.testing.assert_allclose(keep + drop, 1.0, rtol=1e-14)
    assert np.all((keep >= 0) & (drop >= 0))


@pytest.mark.parametrize("name", NOISES)
def test_keeping_against_simulation(name):
    """400,000 draws, 6 standard errors at 6 counts (false alarm 2e-8); the control is k + 1."""
    noise, counts = NOISES[name](0.5), np.array([5.0, 8.0, 9.0, 10.0, 12.0, 15.0])
    noisy = counts + noise.sample(np.random.default_rng(3), (400_000, 6))
    share = (noisy >= 10.0).mean(axis=0)

    def off(k):
        keep, drop = kept(counts, noise, k)
        return np.abs(share - keep) / np.sqrt(keep * drop / 400_000)

    assert off(10.0).max() < 6.0
    assert off(11.0).min() > 6.0


@pytest.mark.parametrize("name", NOISES)
def test_crossings_are_where_both_are_equal(name):
    counts = np.array([0.0, 0.0, 1.0, 2.0, 5.0, 9.0, 40.0])
    for epsilon in (0.3, 1.0, 4.0):
        noise = NOISES[name](epsilon)
        for other in (
            -sparsity.suppression_bias(counts, 10),
            -sparsity.noisy_suppression_bias(counts, 10, noise),
        ):
            share = sparsity.crossing_share(counts, noise, other)
            assert sparsity.clipped_bias(counts, noise, share) == pytest.approx(other, rel=1e-9)


@pytest.mark.parametrize("name", NOISES)
def test_below_the_crossing_budget_there_is_no_crossing_share(name):
    counts = np.array([1.0, 2.0, 5.0, 9.0, 40.0])
    other = -sparsity.suppression_bias(counts, 10)
    root = sparsity.crossing_epsilon(counts, NOISES[name], other)
    assert sparsity.clipped_bias(counts, NOISES[name](root)) == pytest.approx(other, rel=1e-12)
    assert sparsity.crossing_share(counts, NOISES[name](root * 0.999), other) is None
    assert sparsity.crossing_share(counts, NOISES[name](root * 1.001), other) > 0


def test_noise_inflates_and_suppression_deflates():
    counts = np.array([0.0, 3.0, 12.0])
    assert sparsity.clipped_bias(counts, Laplace(1.0)) > 0
    assert sparsity.suppression_bias(counts, 10) == -3.0
    assert sparsity.suppression_bias(counts, 10, fill=4.0) == 1.0
    assert sparsity.noisy_suppression_bias(counts, 10, Laplace(1.0)) < 0


def test_degenerate_tables():
    nothing = np.zeros(4)
    assert sparsity.suppression_bias(nothing, 10) == 0.0
    assert sparsity.clipped_bias(nothing, Laplace(2.0)) == 4.0
    assert sparsity.crossing_share(nothing, Laplace(1.0), 0.0) == 1.0
    assert sparsity.crossing_epsilon(nothing, NOISES["laplace"], 5.0) is None
    assert sparsity.crossing_epsilon(np.array([20.0]), NOISES["laplace"], 0.0) is None
    one = np.array([2.0**53])
    assert sparsity.clipped_bias(one, Laplace(1.0)) == 0.0
    assert math.isfinite(sparsity.clipped_bias(one, Laplace(1e300)))
    assert sparsity.crossing_share(one, Laplace(0.0), 3.0) == 1.0
    for share in (-0.1, 1.0, math.nan):
        with pytest.raises(UsageError, match="empty_share"):
            sparsity.clipped_bias(one, Laplace(1.0), share)
