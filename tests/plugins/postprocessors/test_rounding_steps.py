"""Random rounding and rounding by largest remainders."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

import dpaudit
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.none import NoNoise
from dpaudit_plugins.postprocessors import largest_remainder, random_round

FALSE_ALARM = 1e-6
DRAWS = 200_000
COUNTS = np.array([0.0, 1.0, 3.0, 4.5, 12.0, 145.0])
RANDOM, LARGEST = random_round.RandomRound, largest_remainder.LargestRemainder
KNOWN = [
    (Laplace(1.5), 1.0),
    (Laplace(1.5), 5.0),
    (Laplace(20.0), 5.0),
    (Laplace(np.array([0.1, 0.5, 1.0, 2.0, 5.0, 9.0])), 3.0),
    (Gaussian(0.4), 1.0),
    (Gaussian(2.0), 5.0),
    (Geometric(0.5), 1.0),
    (NoNoise(), 5.0),
]


def limit(comparisons):
    """Simultaneous two-sided normal limit at false alarm 1e-6."""
    return stats.norm.isf(FALSE_ALARM / comparisons / 2)


def worst(sample, mean):
    error = sample.std(axis=0, ddof=1) / np.sqrt(len(sample))
    gap = np.abs(sample.mean(axis=0) - mean)
    return (gap[gap > 1e-9] / np.maximum(error[gap > 1e-9], 1e-300)).max(initial=0.0)


def test_each_module_offers_its_step():
    assert random_round.dpaudit_postprocessors() == (RANDOM,)
    assert largest_remainder.dpaudit_postprocessors() == (LARGEST,)
    assert RANDOM.randomised
    assert RANDOM.unbiased
    assert RANDOM.elementwise
    assert RANDOM.keeps == {"non-negative"}
    assert LARGEST.keeps == {"whole", "total", "non-negative"}
    assert LARGEST.nonnegative
    assert RANDOM().uncovered() == LARGEST().uncovered() == ()


@pytest.mark.parametrize(("noise", "base"), KNOWN, ids=range(len(KNOWN)))
def test_bias_and_variance_agree_with_simulation(noise, base):
    """False alarm 1e-6 over entities; the controls leave the rounding out, or round to nearest."""
    counts = np.rint(COUNTS) if noise.lattice and base == 1 else COUNTS
    rng, step = np.random.default_rng(7), RANDOM(base=base)
    noisy = counts + noise.sample(rng, (DRAWS, counts.size))
    processed = step.sample(noisy, rng)
    np.testing.assert_allclose(np.mod(processed, base), 0.0)
    np.testing.assert_array_equal(step.process(noisy), noisy)
    assert worst(processed, counts + step.bias(counts, noise)) < limit(counts.size)
    squares = (processed - counts) ** 2
    assert worst(squares, step.variance(counts, noise)) < limit(counts.size)
    if not (noise.lattice and base == 1) and np.any(noise.variance < base**2):
        assert worst(squares, noise.variance + np.zeros(6)) > limit(counts.size)
    nearest = base * np.rint(noisy / base)
    if base > 1 and np.any(noise.variance < 1):
        assert worst(nearest, counts) > limit(counts.size)


def test_where_the_variance_is_not_known():
    assert RANDOM(base=5.0).variance(COUNTS, Gaussian(1.0)) is None
    assert RANDOM(base=5.0).variance(COUNTS, Geometric(1.0)) is None
    assert RANDOM().variance(COUNTS, Geometric(1.0)) is not None


@pytest.mark.parametrize("scale", [1e-300, 1e-3, 1e3, 1e100])
def test_variance_of_small_and_large_noise(scale):
    counts = np.array([0.0, 2.0, 2.0**53])
    variance = RANDOM(base=5.0).variance(counts, Laplace(scale))
    rest = np.mod(counts, 5.0)
    if scale < 1:
        np.testing.assert_allclose(variance, rest * (5 - rest), atol=5 * 5 * scale + 1e-12)
    else:
        np.testing.assert_allclose(variance, 2 * scale**2 + 25 / 6, rtol=1e-10)
        gaussian = RANDOM(base=5.0).variance(counts, Gaussian(scale))
        np.testing.assert_allclose(gaussian, scale**2 + 25 / 6, rtol=1e-10)


@pytest.mark.parametrize("base", [0.5, 0.0, -1.0])
def test_wrong_base(base):
    with pytest.raises(ValueError, match="base"):
        RANDOM(base=base)


ROWS = hnp.arrays(np.float64, (3, 5), elements=st.floats(min_value=0, max_value=1e6))


@given(noisy=ROWS, seed=st.integers(0, 2**32 - 1))
def test_largest_remainders_keep_the_rounded_total(noisy, seed):
    got = LARGEST().process(noisy)
    np.testing.assert_array_equal(got, np.rint(got))
    np.testing.assert_array_equal(got.sum(axis=-1), np.rint(noisy.sum(axis=-1)))
    assert (np.abs(got - noisy) < 1).all()
    assert (got >= 0).all()
    np.testing.assert_array_equal(LARGEST().process(got), got)
    np.testing.assert_array_equal(LARGEST().process(noisy[1]), got[1])
    order = np.random.default_rng(seed).permutation(5)
    moved = LARGEST().process(noisy[:, order])
    raised = [np.sort(a - np.floor(b)) for a, b in ((moved, noisy[:, order]), (got, noisy))]
    np.testing.assert_array_equal(*raised)


@pytest.mark.parametrize(
    ("noisy", "want"),
    [
        ([0.0, 0.0, 0.0], [0, 0, 0]),
        ([0.4], [0]),
        ([0.5, 0.5, 0.5, 0.5], [1, 0, 1, 0]),
        ([2.0**53, 0.0], [2.0**53, 0]),
    ],
)
def test_edges(noisy, want):
    np.testing.assert_array_equal(LARGEST().process(np.array(noisy)), want)


def test_negative_counts_have_no_share():
    with pytest.raises(dpaudit.UsageError, match=r"negative count -3\.5") as caught:
        LARGEST().process(np.array([1.0, -3.5]))
    assert "simplex" in caught.value.hint


@pytest.mark.parametrize("base", [0.5, 2.0**54, np.inf])
def test_a_base_below_one_person_or_beyond_whole_numbers_is_refused(base):
    with pytest.raises(ValueError, match="base"):
        random_round.RandomRound(base=base)
