"""k_i = E (y_i)^- of the projection that keeps the sum, against closed forms and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.none import NoNoise
from dpaudit.noise.rounded import RoundedGaussian, RoundedLaplace
from dpaudit.solvers.centred import negative_part
from dpaudit.stats.bands import agreement
from dpaudit.stats.moments import Moments

COUNTS = np.array([3.0, 10.0, 20.0, 0.0])
NOISES = {
    "laplace": Laplace(10.0),
    "gaussian": Gaussian(14.0),
    "geometric": Geometric(0.1),
    "rounded-laplace": RoundedLaplace(8.0),
    "rounded-gaussian": RoundedGaussian(9.0),
    "mixed-laplace": Laplace([3.0, 10.0, 30.0, 10.0]),
    "mixed-gaussian": Gaussian([3.0, 10.0, 30.0, 10.0]),
    "mixed-geometric": Geometric([0.3, 0.1, 0.05, 0.1]),
}


@pytest.mark.parametrize("x", [0.0, 1.0, 7.0, 50.0, 200.0, 2000.0])
def test_two_laplace_variates(x):
    """e = (X_1 - X_2) / 2: two Laplace variates of scale l, E (e - x)^+ = l/4 e^-u (3 + u)."""
    u = x / 5.0
    want = 5.0 / 4.0 * np.exp(-u) * (3.0 + u)
    assert negative_part(np.array([x, 1e6]), Laplace(10.0))[0] == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("n", [2, 3, 10, 254])
@pytest.mark.parametrize("x", [0.0, 1.0, 50.0, 200.0, 500.0])
def test_fine_geometric_noise_tends_to_laplace(n, x):
    """Counts in units of 1/m: the difference is c / m^2, so two values of m give the limit."""
    counts = np.r_[x, np.full(n - 1, 5000.0)]
    coarse, fine = (negative_part(counts * m, Geometric(0.1 / m))[0] / m for m in (10, 20))
    limit = fine + (fine - coarse) / 3.0
    assert negative_part(counts, Laplace(10.0))[0] == pytest.approx(limit, rel=1e-8)
    assert abs(coarse - limit) > 1e-7 * limit  # without the extrapolation they do differ


@pytest.mark.slow
@pytest.mark.parametrize("name", NOISES)
@pytest.mark.parametrize("total", [None, 20.0])
def test_simulation_agrees(name, total):
    """Simultaneous over the entities, false alarm 1e-6; a value 3% off must be found."""
    noise, rng = NOISES[name], np.random.default_rng(11)
    drawn = COUNTS + noise.sample(rng, (500_000, 4))
    size = COUNTS.sum() if total is None else total
    released = drawn - (drawn.sum(axis=1, keepdims=True) - size) / 4.0
    moments = Moments.of(np.maximum(-released, 0.0))
    found = negative_part(COUNTS, noise, total)
    worst, limit = agreement(found, moments, 0.0)
    assert worst <= limit
    worst, limit = agreement(found * 1.03, moments, 0.0)
    assert worst > limit


@given(
    counts=st.lists(st.integers(0, 10**6), min_size=2, max_size=8),
    parameter=st.floats(min_value=0.05, max_value=1e4),
    make=st.sampled_from([Laplace, Gaussian]),
)
def test_it_decreases_and_is_convex_in_the_count(counts, parameter, make):
    x = np.sort(np.array(counts, dtype=float))
    found = negative_part(x, make(parameter))
    assert (found >= 0).all()
    assert (np.diff(found) <= 1e-12 * found[:-1]).all()
    # slope between -P(e > 0) = -1/2 and 0
    assert (np.diff(found) >= -0.5 * np.diff(x) - 1e-10 * parameter).all()


def test_normal_noise_in_closed_form():
    s = 25.0 * np.sqrt(0.8)
    z = 51.0 / s
    want = s * (np.exp(-z * z / 2) / np.sqrt(2 * np.pi) - z * special.ndtr(-z))
    found = negative_part(np.array([51.0, 1e3, 1e3, 1e3, 1e3]), Gaussian(25.0))[0]
    assert found == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("noise", [Laplace(10.0), Gaussian(10.0), Geometric(0.1), NoNoise()])
def test_one_entity_gets_the_total(noise):
    np.testing.assert_array_equal(negative_part(np.array([4.0]), noise), [0.0])


def test_no_noise():
    for noise in (NoNoise(), Laplace(0.0), Gaussian(0.0)):
        np.testing.assert_array_equal(negative_part(COUNTS, noise), np.zeros(4))
        np.testing.assert_allclose(negative_part(COUNTS, noise, 1.0), [5, 0, 0, 8])


def test_where_nothing_is_known():
    assert negative_part(COUNTS + 0.5, Geometric(0.1)) is None
    assert negative_part(COUNTS, Geometric(0.1), 20.5) is None
    assert negative_part(COUNTS, RoundedGaussian(1e6)) is None
    assert negative_part(COUNTS, Laplace(1e300)) is None
    np.testing.assert_array_equal(negative_part(COUNTS, Laplace(1e-300)), np.zeros(4))


def test_extremes_stay_finite():
    counts = np.array([0.0, 1.0, 2.0**53])
    for scale in (1e-100, 1e-3, 1e10, 1e100):
        for noise in (Laplace(scale), Gaussian(scale)):
            found = negative_part(counts, noise)
            assert np.isfinite(found).all()
            assert 0.2 * scale < found[0] < scale
