"""Transforms of the tail of a noise beyond any point, against integrals."""

import numpy as np
import pytest

from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace

T = np.array([-300.0, -35.0, -3.0, 0.0, 2.0, 40.0, 120.0])
NOISES = [
    (Laplace(10.0), lambda k: np.exp(-abs(k) / 10.0) / 20.0),
    (Gaussian(12.0), lambda k: np.exp(-k * k / 288.0) / (12.0 * np.sqrt(2 * np.pi))),
]
IDS = ["laplace", "gaussian"]


def integral(function, low):
    """The integral from ``low`` on, by Gauss panels with an end at the kink at 0."""
    points, weights = np.polynomial.legendre.leggauss(20)
    edges = np.unique(np.r_[np.linspace(low, 900.0, 500), np.maximum(0.0, low)])
    half, centre = np.diff(edges)[:, None] / 2.0, (edges[1:] + edges[:-1])[:, None] / 2.0
    return (half * weights * function(centre + half * points)).sum()


@pytest.mark.parametrize("s", [-0.05, 0.0, 0.02, 0.1, 0.100001, 1.5])
@pytest.mark.parametrize(("noise", "density"), NOISES, ids=IDS)
def test_real_transform(noise, density, s):
    got = noise.tail_transform(T, np.array([[s]]))
    for k, moments in enumerate(got):
        want = [
            integral(lambda y, t=t, k=k: density(y) * (y - t) ** k * np.exp(-s * (y - t)), t)
            for t in T
        ]
        np.testing.assert_allclose(moments[0], want, rtol=1e-9)


@pytest.mark.parametrize("z", [-0.03, 0.05 + 0.2j, 0.1, 0.1 + 1e-7j, 0.1001 - 0.4j, -0.02 + 0.3j])
@pytest.mark.parametrize(("noise", "density"), NOISES, ids=IDS)
def test_complex_transform(noise, density, z):
    got = noise.tail_characteristic(T[1:], np.array([[z + 0j]]))[0]

    def part(of):
        return [
            integral(lambda y, t=t: of(density(y) * np.exp(-z * (y - max(t, 0.0)))), t)
            for t in T[1:]
        ]

    np.testing.assert_allclose(got.real, part(np.real), rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(got.imag, part(np.imag), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("noise", [Laplace([5.0, 20.0]), Gaussian([5.0, 20.0])])
def test_each_entity_has_its_own_noise_and_variable(noise):
    t, z = np.array([-7.0, 4.0]), np.array([[0.3 + 0.2j, 0.05 - 0.1j]])
    whole = noise.tail_characteristic(t, z)
    for i in range(2):
        alone = noise.at(np.array([i])).tail_characteristic(t[i : i + 1], z[:, i : i + 1])
        np.testing.assert_allclose(alone[:, 0], whole[:, i], rtol=1e-14)


@pytest.mark.parametrize("noise", [Laplace(10.0), Gaussian(10.0)])
def test_far_to_the_left_nothing_overflows(noise):
    z = np.array([[-50.0 + 200j], [-800.0 + 3000j]])
    assert (np.abs(noise.tail_characteristic(np.array([-90.0, -1.0, 0.0, 5.0]), z)) < 1).all()


def test_noise_on_the_whole_numbers_has_none():
    noise = Geometric(0.5)
    assert noise.tail_transform(T, np.ones((1, 1))) is None
    assert noise.tail_characteristic(T, np.ones((1, 1), dtype=complex)) is None
