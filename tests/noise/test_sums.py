"""Sums of two noises, against many digits, enumeration, dense quadrature and simulation."""

import itertools

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from dpaudit.noise.conditioning import Bend, expected_chance
from dpaudit.noise.discrete_gaussian import DiscreteGaussian
from dpaudit.noise.exact_ratio import Ratio
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.none import NoNoise
from dpaudit.noise.released import Released
from dpaudit.noise.rounded import RoundedGaussian, RoundedLaplace
from dpaudit.noise.sums import chance_of_ratio, difference_tail, laplace_sum_tail
from dpaudit.testing.faults import share_differs

X1 = np.array([4.0, 30.0, 160.0, 0.0, 3.0, 12.0])
X0 = np.array([80.0, 600.0, 3305.0, 0.0, 50.0, 200.0])
FIVE = Ratio.of(0.05)
NOISES = [
    Laplace(10.0),
    Gaussian(10.0),
    Geometric(0.1),
    DiscreteGaussian(6.0),
    RoundedLaplace(8.0),
    RoundedGaussian(7.0),
]


def partial_fractions(t, first, second):
    """The textbook tail of a sum of two Laplace variates, in 60 digits."""
    with mpmath.workdps(60):
        t, a, b = (mpmath.mpf(float(each)) for each in (abs(t), first, second))
        if a == b:
            return mpmath.exp(-t / a) * (0.5 + t / (4 * a))
        return (a * a * mpmath.exp(-t / a) - b * b * mpmath.exp(-t / b)) / (2 * (a * a - b * b))


@pytest.mark.parametrize("apart", [0.0, 1e-15, 1e-12, 1e-8, 1e-4, 0.1, 1.0, 99.0])
@pytest.mark.parametrize("t", [0.0, 1e-3, 1.0, 15.0, 400.0, 5000.0])
def test_laplace_sums_keep_their_digits(t, apart):
    first, second = 10.0, 10.0 * (1.0 + apart)
    wanted = partial_fractions(t, first, second)
    for scales in ((first, second), (second, first)):
        got = laplace_sum_tail(np.array(t), *map(np.array, scales))
        assert abs(mpmath.mpf(float(got)) / wanted - 1) < 1e-13
        below = laplace_sum_tail(np.array(-t), *map(np.array, scales))
        np.testing.assert_allclose(below, float(1 - wanted) if t else float(wanted), rtol=1e-15)


def test_the_textbook_formula_is_lost_where_scales_are_close():
    """The negative control of the test above."""
    a, b, t = 10.0, 10.0 * (1 + 1e-12), 15.0
    naive = (a * a * np.exp(-t / a) - b * b * np.exp(-t / b)) / (2 * (a * a - b * b))
    assert abs(naive / float(partial_fractions(t, a, b)) - 1) > 1e-6


def test_one_scale_may_be_nothing():
    for t in (0.3, 20.0):
        got = laplace_sum_tail(np.array([t, -t]), np.array(7.0), np.zeros(()))
        np.testing.assert_allclose(got, [0.5 * np.exp(-t / 7), 1 - 0.5 * np.exp(-t / 7)])
    assert laplace_sum_tail(np.array(1.0), np.zeros(()), np.zeros(())) == 0
    assert laplace_sum_tail(np.array(-1.0), np.zeros(()), np.zeros(())) == 1


@pytest.mark.parametrize("ratio", [0.05, 1.0, 3.0])
@pytest.mark.parametrize(
    ("make", "law"), [(Laplace, stats.laplace), (Gaussian, stats.norm)], ids=["laplace", "gaussian"]
)
def test_closed_forms_against_dense_quadrature(make, law, ratio):
    """An integral over the first noise, panel by panel, with scipy's densities."""
    for t in (-30.0, -1.0, 0.0, 2.0, 40.0):

        def inner(u, t=t):
            return law.pdf(u, scale=8.0) * law.cdf((u - t) / ratio, scale=5.0)

        edges = sorted({-320.0, 0.0, t, 320.0, t - 20 * ratio, t + 20 * ratio})
        wanted = sum(
            integrate.quad(inner, a, b, epsabs=1e-14, epsrel=1e-12, limit=200)[0]
            for a, b in itertools.pairwise(edges)
        )
        got = difference_tail(np.array([t]), make(8.0), make(5.0), ratio)
        np.testing.assert_allclose(got, wanted, rtol=1e-10)


def test_closed_forms_are_for_two_of_a_kind():
    t = np.zeros(1)
    assert difference_tail(t, Laplace(1.0), Gaussian(1.0), 1.0) is None
    assert difference_tail(t, Geometric(1.0), Geometric(1.0), 1.0) is None


def masses(noise, k):
    """Return P(X = k) from formulas, not from the class under test."""
    if isinstance(noise, Geometric):
        return np.tanh(0.05) * np.exp(-0.1 * np.abs(k))
    if isinstance(noise, RoundedLaplace):
        half = 1 / 16.0
        return np.where(k == 0, -np.expm1(-half), np.sinh(half) * np.exp(-np.abs(k) / 8.0))
    if isinstance(noise, RoundedGaussian):
        return stats.norm.cdf((k + 0.5) / 7.0) - stats.norm.cdf((k - 0.5) / 7.0)
    mass = np.exp(-(k**2) / 72.0)
    return mass / mass.sum()


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("clipped", [False, True])
@pytest.mark.parametrize("noise", NOISES[2:], ids=lambda noise: type(noise).__name__)
def test_whole_numbers_against_enumeration(noise, clipped, strict):
    """All pairs of values, compared in whole-number arithmetic."""
    k = np.arange(-450, 451)
    mass = masses(noise, k)
    got = chance_of_ratio(
        Released(noise, X1, clipped), Released(noise, X0, clipped), FIVE, strict=strict
    )
    for i in range(X1.size):
        one, two = int(X1[i]) + k[:, None], int(X0[i]) + k[None, :]
        if clipped:
            one, two = np.maximum(one, 0), np.maximum(two, 0)
        met = 20 * one > two if strict else 20 * one >= two
        wanted = mass @ met @ mass
        assert abs(got.value[i] - wanted) < 1e-13
        assert got.high[i] - got.value[i] < 1e-13


@pytest.mark.parametrize("ratio", [0.05, 0.5, 7.0])
@pytest.mark.parametrize(
    ("make", "law"), [(Laplace, stats.laplace), (Gaussian, stats.norm)], ids=["laplace", "gaussian"]
)
def test_clipped_counts_against_dense_quadrature(make, law, ratio):
    made, r = make(10.0), Ratio.of(ratio)
    got = chance_of_ratio(Released(made, X1, True), Released(made, X0, True), r, strict=False)
    for i, (x1, x0) in enumerate(zip(X1, X0, strict=True)):

        def inner(v, x1=x1, x0=x0):
            return law.pdf(v - x0, scale=10.0) * law.sf(ratio * v - x1, scale=10.0)

        bend = x1 / ratio
        ends = {0.0, x0, bend, x0 + 400, x0 + 40, bend + 100 / ratio, bend - 100 / ratio}
        edges = sorted(end for end in ends if 0 <= end <= x0 + 400)
        body = sum(
            integrate.quad(inner, a, b, epsabs=1e-15, epsrel=1e-13, limit=200)[0]
            for a, b in itertools.pairwise(edges)
        )
        wanted = body + law.cdf(-x0, scale=10.0)
        assert abs(got.value[i] - wanted) <= got.high[i] - got.value[i] + 1e-13
        assert got.high[i] - got.value[i] < 1e-11


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("clipped", [False, True])
@pytest.mark.parametrize("noise", [*NOISES, NoNoise()], ids=lambda noise: type(noise).__name__)
def test_chances_agree_with_simulation(noise, clipped, strict):
    """Exact binomial bounds; false alarm below 1e-6 for each of 28 cases."""
    rng, draws = np.random.default_rng(4), 50_000
    one = X1 + noise.sample(rng, (draws, X1.size))
    two = X0 + noise.sample(rng, (draws, X0.size))
    if clipped:
        one, two = np.maximum(one, 0.0), np.maximum(two, 0.0)
    hits = (FIVE.margin(one, two) > 0 if strict else FIVE.margin(one, two) >= 0).sum(axis=0)
    known = chance_of_ratio(
        Released(noise, X1, clipped), Released(noise, X0, clipped), FIVE, strict=strict
    )
    chance = getattr(known, "value", known)
    assert not share_differs(chance, hits, draws)
    if isinstance(noise, NoNoise):
        return
    off = chance_of_ratio(Released(noise, X1 + 2.0), Released(noise, X0), FIVE, strict=strict)
    assert share_differs(getattr(off, "value", off), hits, draws), "the control is not noticed"


@pytest.mark.parametrize("make", [Laplace, Gaussian])
def test_the_integral_agrees_with_the_closed_form(make):
    first, second = Released(make(10.0), X1), Released(make(np.geomspace(1e-3, 1e3, 6)), X0)
    closed = chance_of_ratio(first, second, FIVE, strict=False)
    found = expected_chance(
        second,
        lambda w, index: first.at(index).at_least(FIVE.times(w)),
        [Bend(FIVE.into(X1), FIVE.into(first.unit))],
    )
    assert (abs(found.value - closed) <= found.high - found.value).all()
    assert (found.high - found.value < 3e-12 + 1e-15 * X0 / second.unit).all()


@pytest.mark.parametrize("make", [Laplace, Gaussian])
def test_exact_counts_beside_noisy_ones(make):
    """An entity's count may be exact: a budget of its own, nil for some."""
    ratio, none, some = Ratio.of(0.5), np.zeros(3), np.array([0.0, 5.0, 0.0])
    x1, x0 = np.array([5.0, 5.0, 5.0]), np.array([10.0, 10.0, 11.0])
    for clipped in (False, True):
        for strict in (False, True):
            known = chance_of_ratio(
                Released(make(none), x1, clipped),
                Released(make(some), x0, clipped),
                ratio,
                strict=strict,
            )
            chance = getattr(known, "value", known)
            np.testing.assert_allclose(chance, [not strict, 0.5, 0.0], atol=1e-14)


@given(
    x1=st.integers(0, 10**5), x0=st.integers(0, 10**6), scale=st.floats(1e-2, 1e4),
    ratio=st.floats(1e-3, 1e3), clipped=st.booleans(),
)  # fmt: skip
def test_chances_are_chances_and_grow_with_the_numerator(x1, x0, scale, ratio, clipped):
    noise, r = Laplace(scale), Ratio.of(ratio)
    one, two = np.array([x1, x1 + 1], dtype=float), np.full(2, float(x0))
    first, second = Released(noise, one, clipped), Released(noise, two, clipped)
    loose = chance_of_ratio(first, second, r, strict=False)
    tight = chance_of_ratio(first, second, r, strict=True)
    error = loose.high - loose.value if clipped else np.full(2, 1e-15)
    loose, tight = (getattr(each, "value", each) for each in (loose, tight))
    assert ((tight >= 0) & (loose <= 1)).all()
    assert (tight <= loose + error).all()
    assert loose[1] >= loose[0] - error.sum()


def test_what_is_not_known_is_not_said():
    class Unknown(Laplace):
        def density(self, t):
            return None

    x = np.array([3.0])
    clipped = [Released(Unknown(1.0), x, True), Released(Laplace(1.0), x, True)]
    assert chance_of_ratio(clipped[1], clipped[0], FIVE, strict=False) is None
    assert chance_of_ratio(clipped[0], clipped[1], FIVE, strict=False) is not None
    wide = Released(Geometric(1e-9), x)
    assert chance_of_ratio(wide, wide, FIVE, strict=False) is None


def test_the_chance_of_everything_is_one():
    for noise in (*NOISES, NoNoise(), Laplace(np.array([0.0, 1e-9, 1.0, 1e3, 1e9, 1e305]))):
        for clipped in (False, True):
            whole = expected_chance(
                Released(noise, X0, clipped), lambda w, index: np.ones(w.shape), []
            )
            assert (abs(whole.value - 1) <= whole.high - whole.value).all()


def test_a_bend_that_is_not_named_is_noticed_in_the_error():
    """The negative control of the error: a step in the middle of a panel."""
    given_, step = Released(Laplace(10.0), np.array([5.0])), 12.3456
    exact = 0.5 * np.exp(-(step - 5) / 10)

    def chance(w, index):
        return (w > step).astype(float)

    found = expected_chance(given_, chance, [Bend(step)])
    assert abs(found.value - exact) <= found.high - found.value < 1e-14
    missed = expected_chance(given_, chance, [])
    assert abs(missed.value - exact) > 1e-4
    assert missed.high - missed.value > 1e-6


def test_entities_are_worked_on_in_blocks():
    """Different scales and over one block of memory: each entity has its own answer."""
    n = 3000
    x1, x0 = np.arange(n) % 50 * 1.0, np.arange(n) % 700 * 1.0
    for scales in (Geometric(np.where(np.arange(n) % 2, 0.3, 0.05)), Laplace(1.0 + np.arange(n))):
        many = chance_of_ratio(
            Released(scales, x1, True), Released(scales, x0, True), FIVE, strict=True
        )
        for i in (0, 1, 1234, 2999):
            own = scales.at(np.array([i]))
            one = chance_of_ratio(
                Released(own, x1[[i]], True), Released(own, x0[[i]], True), FIVE, strict=True
            )
            np.testing.assert_allclose(many.value[i], one.value[0], atol=1e-14)
