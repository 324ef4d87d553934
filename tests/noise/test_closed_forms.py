"""Every closed form of every noise, against sums or integrals of its probabilities."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special

from dpaudit.noise import discrete_gaussian
from dpaudit.noise.discrete_gaussian import DiscreteGaussian
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.lattice import LatticeNoise
from dpaudit.noise.none import NoNoise
from dpaudit.noise.rounded import RoundedGaussian, RoundedLaplace, rounded

CONTINUOUS = {
    "laplace": (Laplace, lambda k, b: np.exp(-abs(k) / b) / (2 * b)),
    "gaussian": (Gaussian, lambda k, b: np.exp(-k * k / (2 * b * b)) / (b * np.sqrt(2 * np.pi))),
}


def geometric_pmf(k, epsilon):
    return np.tanh(epsilon / 2) * np.exp(-epsilon * abs(k))


def rounded_laplace_pmf(k, scale):
    tails = np.sinh(0.5 / scale) * np.exp(-abs(k) / scale)
    return np.where(k == 0, -np.expm1(-0.5 / scale), tails)


def rounded_gaussian_pmf(k, sigma):
    low = special.ndtr((-abs(k) + 0.5) / sigma) - special.ndtr((-abs(k) - 0.5) / sigma)
    return np.where(k == 0, -special.erf(-0.5 / sigma / np.sqrt(2)), low)


def discrete_gaussian_pmf(k, sigma):
    mass = np.exp(-0.5 * (k / sigma) ** 2)
    return mass / mass.sum()


LATTICE = {
    "discrete-gaussian": (DiscreteGaussian, discrete_gaussian_pmf, (0.2, 1.0, 10.0, 35.0)),
    "geometric": (Geometric, geometric_pmf, (0.1, 1.0, 3.0)),
    "rounded-laplace": (RoundedLaplace, rounded_laplace_pmf, (0.2, 1.0, 10.0)),
    "rounded-gaussian": (RoundedGaussian, rounded_gaussian_pmf, (0.2, 1.0, 10.0)),
}
S = (0.0, 1e-6, 0.01, 0.0999999, 0.1, 0.3, 1.0, 5.0)


def integral(function, breaks):
    """Integrate panel by panel, so that neither kinks nor narrow peaks are missed."""
    parts = [
        integrate.quad(function, a, b, epsabs=0, epsrel=1e-13, limit=200)[0]
        for a, b in itertools.pairwise(breaks)
        if b > a
    ]
    return sum(parts)


def panels(low, high, *centres):
    """Edges at the centres and at distances that grow from each by factors of two."""
    steps = (high - low) * 2.0 ** -np.arange(0, 14)
    edges = [c + side * d for c in centres for d in (0, *steps) for side in (-1, 1)]
    return sorted({low, high, *(e for e in edges if low < e < high)})


@pytest.mark.parametrize("name", CONTINUOUS)
@pytest.mark.parametrize("scale", [0.3, 10.0])
@pytest.mark.parametrize("x", [0.0, 2.0, 35.0])
@pytest.mark.parametrize("s", S)
def test_clipped_transform_of_continuous_noise(name, scale, x, s):
    noise_class, density = CONTINUOUS[name]
    noise = noise_class(scale)
    got = noise.clipped_transform(np.array([x]), np.array([[s]]))
    edges = panels(0.0, x + 60 * scale, 0.0, x)
    for power, value in enumerate(got):
        want = integral(lambda w, k=power: w**k * np.exp(-s * w) * density(w - x, scale), edges)
        want += float(noise.cdf(np.array(-x))) if power == 0 else 0.0
        assert value.shape == (1, 1)
        np.testing.assert_allclose(value[0, 0], want, rtol=1e-11)


@pytest.mark.parametrize("name", LATTICE)
@pytest.mark.parametrize("x", [0.0, 1.0, 2.0, 35.0])
@pytest.mark.parametrize("s", S)
def test_clipped_transform_of_whole_noise(name, x, s):
    noise_class, pmf, values = LATTICE[name]
    k = np.arange(-2000, 2001, dtype=float)
    w = np.maximum(x + k, 0.0)
    for value in values:
        got = noise_class(value).clipped_transform(np.array([x]), np.array([[s]]))
        for power, result in enumerate(got):
            want = np.sum(w**power * np.exp(-s * w) * pmf(k, value))
            np.testing.assert_allclose(result[0, 0], want, rtol=1e-11)


@pytest.mark.parametrize("name", CONTINUOUS)
@pytest.mark.parametrize("scale", [0.3, 10.0])
def test_density(name, scale):
    noise_class, density = CONTINUOUS[name]
    t = np.linspace(-8 * scale, 8 * scale, 41)
    np.testing.assert_allclose(noise_class(scale).density(t), density(t, scale), rtol=1e-13)


@pytest.mark.parametrize("name", LATTICE)
def test_whole_noise_has_no_density(name):
    noise_class, _, values = LATTICE[name]
    assert noise_class(values[0]).density(np.zeros(1)) is None


@pytest.mark.parametrize("name", CONTINUOUS)
@pytest.mark.parametrize("t", [-60.0, -3.0, 0.0, 0.5, 20.0])
def test_clipped_moments_of_continuous_noise(name, t):
    noise_class, density = CONTINUOUS[name]
    scale = 2.0
    noise, at = noise_class(scale), np.array(t)
    edges = panels(t - 80 * scale, t, t, 0.0)
    for power, got in enumerate((noise.cdf(at), noise.excess(at), noise.excess_square(at))):
        want = integral(lambda u, k=power: (t - u) ** k * density(u, scale), edges)
        np.testing.assert_allclose(got, want, rtol=1e-11)


@pytest.mark.parametrize("name", LATTICE)
@pytest.mark.parametrize("t", [-60.0, -3.5, -1.0, 0.0, 0.5, 1.0, 20.25])
def test_clipped_moments_of_whole_noise(name, t):
    noise_class, pmf, values = LATTICE[name]
    k, at = np.arange(-2000, 2001, dtype=float), np.array(t)
    for value in values:
        noise, below = noise_class(value), np.maximum(t - k, 0.0)
        mass = pmf(k, value)
        np.testing.assert_allclose(noise.cdf(at), np.sum(mass[k <= t]), rtol=1e-11)
        np.testing.assert_allclose(noise.excess(at), np.sum(below * mass), rtol=1e-11)
        np.testing.assert_allclose(noise.excess_square(at), np.sum(below**2 * mass), rtol=1e-11)


@pytest.mark.parametrize("name", LATTICE)
def test_moments_of_whole_noise(name):
    noise_class, pmf, values = LATTICE[name]
    k = np.arange(-2000, 2001, dtype=float)
    for value in values:
        noise, mass = noise_class(value), pmf(k, value)
        variance = np.sum(k**2 * mass)
        np.testing.assert_allclose(noise.variance, variance, rtol=1e-11)
        np.testing.assert_allclose(noise.mean_absolute, np.sum(abs(k) * mass), rtol=1e-11)
        fourth = np.sum(k**4 * mass) - 3 * variance**2
        np.testing.assert_allclose(noise.fourth_cumulant, fourth, rtol=1e-11, atol=1e-8)


def test_moments_of_continuous_noise():
    assert Laplace(10.0).fourth_cumulant == 120_000.0
    assert Laplace(10.0).mean_absolute == 10.0
    assert Gaussian(10.0).fourth_cumulant == 0.0
    np.testing.assert_allclose(Gaussian(10.0).mean_absolute, 7.978845608028654, rtol=1e-15)


def test_wide_rounded_gaussian_joins_the_summed_one():
    t = -np.array([0.0, 1.0, 7.0, 5000.0, 15_000.0])
    below, above = RoundedGaussian(1999.999), RoundedGaussian(2000.001)
    scale = 2000.001 / 1999.999
    np.testing.assert_allclose(above.excess(t * 1.0), below.excess(t), rtol=1e-4)
    np.testing.assert_allclose(
        above.excess(np.zeros(1)) / below.excess(np.zeros(1)), scale, rtol=1e-12
    )
    np.testing.assert_allclose(above.variance, 2000.001**2 + 1 / 12, rtol=1e-14)
    np.testing.assert_allclose(below.variance, 1999.999**2 + 1 / 12, rtol=1e-14)


@pytest.mark.parametrize(
    ("noise", "want"),
    [
        (Laplace(10.0), 5.0 * np.exp(-70.0)),
        (Geometric(0.1), np.exp(-0.1 * 701) / -np.expm1(-0.2)),
        # 35 (phi(20) - 20 Q(20)) in 120-digit arithmetic
        (Gaussian(35.0), 4.7950437315535298e-89),
    ],
    ids=["laplace", "geometric", "gaussian"],
)
def test_far_tail_is_accurate_relative_to_itself(noise, want):
    np.testing.assert_allclose(noise.excess(np.array(-700.0)), want, rtol=1e-12)


PARAMETERS = st.floats(min_value=1e-3, max_value=1e3)
MAKERS = st.sampled_from([Laplace, Gaussian, Geometric, RoundedLaplace])
EVERY = [Laplace, Gaussian, Geometric, RoundedLaplace, RoundedGaussian, DiscreteGaussian]


@given(make=MAKERS, parameter=PARAMETERS, t=st.floats(min_value=-1e6, max_value=1e6))
def test_excess_identities(make, parameter, t):
    """(t - X)^+ - (X - t)^+ = t - X, and squares add up to E (t - X)^2."""
    noise, at = make(parameter), np.array([t])
    one, other = noise.excess(at), noise.excess(-at)
    np.testing.assert_allclose(one - other, at, rtol=1e-9, atol=1e-9)
    total = noise.excess_square(at) + noise.excess_square(-at)
    np.testing.assert_allclose(total, at**2 + noise.variance, rtol=1e-9)
    assert (noise.excess_square(at) >= noise.excess(at) ** 2 * (1 - 1e-12)).all()


@given(
    make=MAKERS,
    parameter=PARAMETERS,
    x=st.integers(min_value=0, max_value=2**53),
    s=st.floats(min_value=0, max_value=1e3),
)
def test_transform_bounds(make, parameter, x, s):
    """0 <= phi <= 1, and psi^2 <= phi chi by Cauchy and Schwarz."""
    phi, psi, chi = make(parameter).clipped_transform(np.array([float(x)]), np.array([[s]]))
    assert 0 <= phi[0, 0] <= 1 + 1e-14
    assert psi[0, 0] >= 0
    assert psi[0, 0] ** 2 <= phi[0, 0] * chi[0, 0] * (1 + 1e-12) + 1e-300


@pytest.mark.parametrize("make", [Laplace, Gaussian, Geometric, RoundedLaplace, DiscreteGaussian])
@pytest.mark.parametrize("parameter", [1e-300, 1e300, 0.0])
def test_extreme_parameters_give_numbers(make, parameter):
    noise = make(np.inf if make is Geometric and parameter == 0 else parameter)
    t = np.array([-(2.0**53), -5.5, -1.0, 0.0, 0.5, 1.0, 2.0**53])
    x, s = np.array([0.0, 1.0, 2.0**53]), np.array([[0.0], [1e-20], [1e-3], [3.0], [1e10]])
    results = [noise.cdf(t), noise.excess(t), noise.excess_square(t), noise.variance]
    results += [noise.fourth_cumulant, noise.mean_absolute, *noise.clipped_transform(x, s)]
    assert not any(np.isnan(result).any() for result in results)


@pytest.mark.parametrize(
    "noise",
    [
        Laplace(0.0),
        Gaussian(0.0),
        Geometric(np.inf),
        NoNoise(),
        DiscreteGaussian(0.0),
        RoundedGaussian(0.0),
    ],
)
def test_no_noise_is_no_noise(noise):
    t = np.array([-2.0, -1.0, 0.0, 1.0, 3.0])
    np.testing.assert_array_equal(noise.cdf(t), t >= 0)
    np.testing.assert_allclose(noise.excess(t), np.maximum(t, 0.0), atol=1e-200)
    assert noise.variance == 0
    phi, psi, chi = noise.clipped_transform(np.array([0.0, 3.0]), np.array([[0.0], [1.0]]))
    np.testing.assert_allclose(phi, [[1, 1], [1, np.exp(-3)]], rtol=1e-14)
    np.testing.assert_allclose(psi, [[0, 3], [0, 3 * np.exp(-3)]], rtol=1e-14, atol=1e-200)
    np.testing.assert_allclose(chi, [[0, 9], [0, 9 * np.exp(-3)]], rtol=1e-14, atol=1e-200)


@pytest.mark.parametrize("make", EVERY)
def test_one_parameter_for_each_entity(make):
    parameters, x = np.array([0.3, 1.0, 8.0]), np.array([0.0, 4.0, 30.0])
    s = np.array([[0.0], [0.2]])
    together = make(parameters)
    for i, parameter in enumerate(parameters):
        alone = make(parameter)
        for name in ("variance", "fourth_cumulant", "mean_absolute"):
            assert getattr(together, name)[i] == getattr(alone, name)
        for name in ("cdf", "excess", "excess_square"):
            got = getattr(together, name)(np.stack([x, -x]))
            np.testing.assert_allclose(got[:, i], getattr(alone, name)(np.stack([x, -x]))[:, i])
        pairs = zip(
            together.clipped_transform(x, s),
            alone.clipped_transform(x, s * np.ones(3)),
            strict=True,
        )
        for got, want in pairs:
            np.testing.assert_allclose(got[:, i], want[:, i], rtol=1e-14)


def test_rounded_noise():
    assert isinstance(rounded(Laplace(3.0)), RoundedLaplace)
    assert isinstance(rounded(Gaussian(3.0)), RoundedGaussian)
    each = rounded(Gaussian([3.0, 4.0, 0.0]))
    np.testing.assert_array_equal(each.sigma, [3.0, 4.0, 0.0])
    for whole in (Geometric(1.0), DiscreteGaussian(3.0), each, NoNoise()):
        assert rounded(whole) is whole


@pytest.mark.parametrize("make", EVERY)
def test_an_entity_without_noise_is_exact(make):
    """Scale 0 (an infinite rate) for some entities: an invariant of the release."""
    exact = np.inf if make is Geometric else 0.0
    noise = make([2.0, exact, 0.5, exact])
    drawn = noise.sample(np.random.default_rng(1), (500, 4))
    assert (drawn[:, [1, 3]] == 0).all()
    assert (drawn[:, 0] != 0).any()
    assert (drawn[:, 2] != 0).any()
    np.testing.assert_array_equal(noise.variance[[1, 3]], 0.0)
    np.testing.assert_array_equal(noise.cdf(np.array([-1.0]))[[1, 3]], 0.0)
    np.testing.assert_array_equal(noise.cdf(np.array([0.0]))[[1, 3]], 1.0)
    x = np.array([3.0, 3.0, 0.0, 0.0])
    phi, psi, chi = noise.clipped_transform(x, np.array([[0.0], [0.5]]))
    want = np.exp(-np.array([[0.0], [0.5]]) * x)[:, [1, 3]]
    np.testing.assert_allclose(phi[:, [1, 3]], want, rtol=1e-14)
    np.testing.assert_allclose(psi[:, [1, 3]], want * x[[1, 3]], rtol=1e-14, atol=1e-200)
    np.testing.assert_allclose(chi[:, [1, 3]], want * x[[1, 3]] ** 2, rtol=1e-14, atol=1e-200)


@pytest.mark.parametrize("make", [RoundedGaussian, DiscreteGaussian])
def test_grouped_noise_draws_what_each_group_draws(make):
    sigmas = np.array([4.0, 0.7, 4.0, 0.0])
    variates = make.variates(np.random.default_rng(2), (30, 4))
    together = make(sigmas).from_variates(variates)
    for i, sigma in enumerate(sigmas):
        alone = make(sigma).from_variates(tuple(v[:, i] for v in variates))
        np.testing.assert_array_equal(together[:, i], alone)


@pytest.mark.parametrize("x", [0.0, 1.0, 50.0, 400.0, 3000.0, 1e6])
@pytest.mark.parametrize("sigma", [30.5, 200.0])
def test_transform_of_wide_discrete_noise_agrees_with_its_sum(sigma, x):
    """The Euler-Maclaurin route against the sum over the table, on both sides of its switch."""
    noise = discrete_gaussian._One(sigma)
    s = np.array([[0.0], [1e-6], [1e-3], [0.01], [0.1], [0.24], [0.26], [0.5], [1.0], [50.0]])
    got = noise.clipped_transform(np.array([x]), s)
    want = LatticeNoise.clipped_transform(noise, np.array([x]), s)
    for one, other in zip(got, want, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-290)


def test_wide_discrete_noise_agrees_with_its_sum():
    sigma = 2500.0
    wide = DiscreteGaussian(sigma)
    k = np.arange(-40 * sigma, 1.0)
    pmf = np.exp(-0.5 * (k / sigma) ** 2)
    pmf /= 2.0 * pmf.sum() - 1.0
    mass = np.cumsum(pmf)
    for m in (0, 1, 17, 2500, 30_000, 92_000):
        below = pmf[: k.size - m]
        depth = np.arange(below.size - 1, -1, -1.0)
        at = np.array(-float(m))
        np.testing.assert_allclose(wide.cdf(at), mass[-1 - m], rtol=1e-11)
        np.testing.assert_allclose(wide.excess(at), (depth * below).sum(), rtol=1e-11)
        np.testing.assert_allclose(wide.excess_square(at), (depth**2 * below).sum(), rtol=1e-11)
