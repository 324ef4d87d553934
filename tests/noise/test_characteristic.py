"""Characteristic functions of noise, plain and clipped, against sums and integrals."""

import numpy as np
import pytest
from scipy import integrate

from dpaudit.noise.discrete_gaussian import DiscreteGaussian
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.none import NoNoise
from dpaudit.noise.rounded import RoundedGaussian, RoundedLaplace

THETA = np.array([[0.0], [1e-6], [0.03], [0.1], [0.7], [2.9]])
X = np.array([-400.0, -35.0, -3.0, -1.0, 0.0, 1.0, 2.0, 35.0, 400.0])
CONTINUOUS = [
    (Laplace(10.0), lambda k: np.exp(-abs(k) / 10.0) / 20.0),
    (Gaussian(12.0), lambda k: np.exp(-k * k / 288.0) / (12.0 * np.sqrt(2 * np.pi))),
]
WHOLE = [
    Geometric(0.1),
    Geometric(2.0),
    RoundedLaplace(3.0),
    RoundedGaussian(4.5),
    DiscreteGaussian(4.5),
    NoNoise(),
]
K = np.arange(-4000.0, 4001.0)


def pmf(noise):
    lower = noise.cdf(-np.abs(K)) - noise.cdf(-np.abs(K) - 1.0)
    return np.where(K == 0, 1.0 - 2.0 * noise.cdf(np.array(-1.0)), lower)


@pytest.mark.parametrize("x", X)
@pytest.mark.parametrize(("noise", "density"), CONTINUOUS, ids=["laplace", "gaussian"])
def test_clipped_characteristic_of_continuous_noise(noise, density, x):
    edges = sorted({0.0, max(x, 0.0), *np.linspace(max(x, 0.0), max(x, 0.0) + 500.0, 60)})
    if x > 0:
        edges = sorted({*edges, *np.linspace(max(0.0, x - 500.0), x, 60)})
    points, weights = np.polynomial.legendre.leggauss(40)
    low, high = np.array(edges[:-1])[:, None], np.array(edges[1:])[:, None]
    w = ((low + high) / 2 + (high - low) / 2 * points).ravel()
    mass = ((high - low) / 2 * weights).ravel() * density(w - x)
    want = noise.cdf(np.array(-x)) + np.exp(1j * THETA * w) @ mass
    got = noise.clipped_characteristic(np.array([[x]]), THETA)
    assert got.shape == (6, 1)
    np.testing.assert_allclose(got[:, 0], want, rtol=0, atol=1e-13)


@pytest.mark.parametrize("noise", WHOLE, ids=lambda noise: repr(noise)[:24])
def test_clipped_characteristic_of_whole_noise(noise):
    got = noise.clipped_characteristic(X, THETA)
    for column, x in enumerate(X):
        want = np.exp(1j * THETA * np.maximum(x + K, 0.0)) @ pmf(noise)
        np.testing.assert_allclose(got[:, column], want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("noise", WHOLE, ids=lambda noise: repr(noise)[:24])
@pytest.mark.parametrize("shift", [0.0, -0.04])
def test_characteristic_of_whole_noise(noise, shift):
    theta = THETA + 1j * shift
    inside = np.abs(K) < 700
    want = np.exp(1j * theta * K[inside]) @ pmf(noise)[inside]
    np.testing.assert_allclose(noise.characteristic(theta)[:, 0], want, rtol=1e-12, atol=1e-13)
    assert noise.strip > abs(shift)


@pytest.mark.parametrize(("noise", "density"), CONTINUOUS, ids=["laplace", "gaussian"])
def test_characteristic_of_continuous_noise(noise, density):
    for theta in (0.0, 0.05, 0.4):
        half = integrate.quad(lambda k, t=theta: density(k) * np.cos(t * k), 0, 400, limit=900)[0]
        got = noise.characteristic(np.array([[theta]]))[0, 0]
        np.testing.assert_allclose(got, 2.0 * half, atol=1e-12)
    tilted = integrate.quad(lambda k: 2.0 * density(k) * np.cosh(0.05 * k), 0, 900, limit=900)[0]
    np.testing.assert_allclose(noise.characteristic(np.array([[-0.05j]]))[0, 0], tilted, rtol=1e-10)


def test_stacked_centres_broadcast():
    centres = np.array([[[3.0, 7.0]], [[-2.0, 0.0]]])
    for noise in (Laplace([1.0, 5.0]), Gaussian(3.0), Geometric([0.2, 1.0]), RoundedGaussian(2.0)):
        together = noise.clipped_characteristic(centres, THETA)
        assert together.shape == (2, 6, 2)
        for row, centre in zip(together, centres, strict=True):
            np.testing.assert_array_equal(row, noise.clipped_characteristic(centre, THETA))


def test_too_wide_a_table_is_refused():
    assert RoundedGaussian(3000.0).clipped_characteristic(X, THETA) is None
    assert RoundedGaussian(3000.0).characteristic(THETA) is None
    assert RoundedGaussian(1500.0).clipped_characteristic(X, np.ones((2000, 1))) is None


def test_noise_of_some_entities():
    some = Laplace([1.0, 2.0, 3.0]).at(np.array([2, 0]))
    np.testing.assert_array_equal(some.scale, [3.0, 1.0])
    one = Laplace(4.0)
    assert one.at(np.array([1])) is one
    np.testing.assert_array_equal(one.parameters(3)[:, 0], [4.0, 4.0, 4.0])
    assert NoNoise().parameters(2).shape == (2, 1)


def test_no_noise_scale():
    for noise in (Laplace(0.0), Gaussian(0.0), Geometric(np.inf)):
        got = noise.clipped_characteristic(X, THETA)
        np.testing.assert_allclose(got, np.exp(1j * THETA * np.maximum(X, 0.0)), atol=1e-12)


@pytest.mark.parametrize("make", [DiscreteGaussian, RoundedGaussian])
def test_noise_in_groups_is_that_of_every_group(make):
    scales = np.array([4.5, 0.0, 2.0, 4.5])
    mixed, x = make(scales), np.array([-3.0, 5.0, 0.0, 7.0])
    plain, clipped = mixed.characteristic(THETA), mixed.clipped_characteristic(x, THETA)
    for i, scale in enumerate(scales):
        alone = make(scale)
        np.testing.assert_array_equal(plain[:, [i]], alone.characteristic(THETA))
        np.testing.assert_array_equal(clipped[:, [i]], alone.clipped_characteristic(x[[i]], THETA))
        assert mixed.strip[i] == alone.strip


@pytest.mark.parametrize("rate", [1e-6, 1e-12, 1e-100, 1e-300])
def test_wide_geometric_noise_has_the_characteristic_function_of_laplace_noise(rate):
    """At theta = t rate it is 1 / (1 + t^2) but for a share of rate^2; nothing cancels."""
    t = np.array([[0.0], [0.5], [1.0], [30.0]])
    noise = Geometric(rate)
    np.testing.assert_allclose(
        noise.characteristic(t * rate), 1.0 / (1.0 + t**2), rtol=1e-11 + (30.0 * rate) ** 2
    )
    # Of a count of 0, E e^{i theta X^+} = 1 + (i t / (1 - i t)) / 2.
    want = 1.0 + 0.5j * t / (1.0 - 1j * t)
    found = noise.clipped_characteristic(np.zeros(1), t * rate)
    np.testing.assert_allclose(found, want, rtol=2e-6 if rate > 1e-7 else 1e-11)
