"""Chances of one released count, against sums over probabilities and many digits."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpaudit.noise.discrete_gaussian import DiscreteGaussian
from dpaudit.noise.exact_ratio import Ratio
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.none import NoNoise
from dpaudit.noise.released import Released
from dpaudit.noise.rounded import RoundedGaussian, RoundedLaplace

COUNTS = np.array([0.0, 3.0, 40.0, 2.5])
LEVELS = np.array([-2.0, -0.5, 0.0, 0.3, 2.0, 2.5, 3.0, 39.7, 40.0, 41.0])[:, None]
K = np.arange(-3000, 3001)
MASSES = {
    "geometric": (Geometric(0.2), np.tanh(0.1) * np.exp(-0.2 * np.abs(K))),
    "discrete-gaussian": (DiscreteGaussian(3.0), np.exp(-(K**2) / 18.0)),
    "rounded-laplace": (
        RoundedLaplace(4.0),
        np.where(K == 0, -np.expm1(-0.125), np.sinh(0.125) * np.exp(-np.abs(K) / 4.0)),
    ),
}
METHODS = {
    "at_least": np.greater_equal,
    "above": np.greater,
    "at_most": np.less_equal,
    "below": np.less,
}


@pytest.mark.parametrize("clipped", [False, True])
@pytest.mark.parametrize("family", MASSES)
def test_whole_number_noise_against_enumeration(family, clipped):
    noise, mass = MASSES[family]
    values = COUNTS[:, None] + K
    values = np.maximum(values, 0.0) if clipped else values
    released = Released(noise, COUNTS, clipped)
    for name, compare in METHODS.items():
        wanted = (compare(values, LEVELS[..., None]) * (mass / mass.sum())).sum(axis=-1)
        np.testing.assert_allclose(getattr(released, name)(LEVELS), wanted, rtol=1e-12, atol=1e-15)


def test_more_than_and_at_least_differ_only_where_a_tie_is_possible():
    at, whole = np.full(2, 10.0), np.array([10.0, 7.0])
    for noise, gap in ((Geometric(0.5), np.tanh(0.25)), (Laplace(2.0), 0.0), (Gaussian(2.0), 0.0)):
        released = Released(noise, whole)
        differ = released.at_least(at) - released.above(at)
        np.testing.assert_allclose(differ, gap * np.exp([0.0, -1.5]), atol=1e-15)
        np.testing.assert_allclose(released.at_least(at - 0.1), released.above(at - 0.1))


@pytest.mark.parametrize(
    ("noise", "tail"),
    [
        (Laplace(10.0), lambda t: mpmath.exp(-t / 10) / 2),
        (Gaussian(10.0), lambda t: mpmath.erfc(t / 10 / mpmath.sqrt(2)) / 2),
        (RoundedGaussian(10.0), lambda t: mpmath.erfc((t - 0.5) / 10 / mpmath.sqrt(2)) / 2),
    ],
)
@pytest.mark.parametrize("far", [1.0, 50.0, 300.0])
def test_both_tails_keep_their_digits(noise, tail, far):
    """Where 1 - P(X < t) would have no digit left: the negative control."""
    counts = np.array([1000.0])
    wanted = float(tail(mpmath.mpf(far)))
    up = Released(noise, counts).at_least(counts + far)
    down = Released(noise, counts).at_most(counts - far)
    np.testing.assert_allclose([up, down], wanted, rtol=1e-12)
    lossy = 1.0 - Released(noise, counts).below(counts + far)
    assert (abs(lossy / wanted - 1) > 1e-4).all() == (far == 300.0)


def test_without_noise_the_count_decides():
    counts = np.array([9.0, 10.0, 11.0])
    for noise in (NoNoise(), Laplace(0.0), Gaussian(0.0), Geometric(np.inf), Laplace(1e-300)):
        released = Released(noise, counts)
        for name, compare in METHODS.items():
            np.testing.assert_array_equal(
                getattr(released, name)(np.full(3, 10.0)), compare(counts, 10.0)
            )


@pytest.mark.parametrize("noise", [Laplace(3.0), Gaussian(3.0), Geometric(0.3), NoNoise()])
@given(
    counts=st.lists(st.integers(0, 10**6), min_size=1, max_size=5),
    level=st.floats(-1e6, 1e6),
    clipped=st.booleans(),
)
def test_complements(noise, counts, level, clipped):
    released = Released(noise, np.array(counts, dtype=float), clipped)
    levels = np.full(len(counts), level)
    np.testing.assert_allclose(released.at_least(levels) + released.below(levels), 1, atol=1e-14)
    np.testing.assert_allclose(released.above(levels) + released.at_most(levels), 1, atol=1e-14)
    assert (released.above(levels) <= released.at_least(levels)).all()


def test_large_counts_lose_no_person():
    """2^53 - 1 persons: the level is rounded before the count is taken away."""
    counts = np.array([2.0**53 - 1.0])
    chance = Released(Geometric(1.0), counts).at_least(counts - 1.0)
    np.testing.assert_allclose(chance, 1.0 - np.exp(-2.0) / (1 + np.exp(-1.0)), rtol=1e-14)


class Lopsided(Geometric):
    """The same noise that does not say that it is symmetric."""

    symmetric = False


def test_noise_that_is_not_symmetric():
    released, plain = (
        Released(kind(np.array([0.5, 0.5, 0.5, 0.5])), COUNTS) for kind in (Lopsided, Geometric)
    )
    for name in METHODS:
        ours, theirs = getattr(released, name)(LEVELS), getattr(plain, name)(LEVELS)
        np.testing.assert_allclose(ours, theirs, atol=1e-15)


def test_one_count_of_each_row():
    rows = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    noise = Laplace(np.arange(1.0, 7.0))
    second = Released.of_column(noise, rows, 1, clipped=True)
    np.testing.assert_array_equal(second.counts, [10.0, 20.0, 30.0])
    np.testing.assert_array_equal(second.unit, [2.0, 4.0, 6.0])
    np.testing.assert_array_equal(second.at(np.array([2])).unit, [6.0])
    assert second.clipped
    assert Released.of_column(Laplace(5.0), rows, 0, clipped=False).unit.tolist() == [5.0] * 3


@pytest.mark.parametrize(
    ("value", "over", "under"),
    [(0.05, 1, 20), (0.07, 7, 100), (0.0131, 131, 10_000), (1 / 3, 1, 3), (2.0, 2, 1)],
)
def test_ratios_are_what_is_written(value, over, under):
    ratio = Ratio.of(value)
    assert (ratio.over, ratio.under) == (over, under)
    assert ratio.value == value


def test_ties_of_ratios_are_exact():
    """0.07 * 100 is above 7 in floating point: the negative control."""
    percent = np.arange(1, 100)
    lost = sum(float(p) < (p / 100) * 100.0 for p in percent)
    assert lost > 0
    for p in percent:
        ratio = Ratio.of(p / 100)
        counts = 100.0 * np.arange(1, 2000)
        assert (ratio.margin(p * counts / 100, counts) == 0).all()
        assert (ratio.times(counts) == p * counts / 100).all()
        assert (ratio.into(p * counts / 100) == counts).all()


def test_other_ratios_are_taken_as_they_are():
    for value in (np.pi / 10, 1e-9 * np.e):
        assert Ratio.of(value) == Ratio(value, 1.0)
        assert Ratio.of(value).value == value
