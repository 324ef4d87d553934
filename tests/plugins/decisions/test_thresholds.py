"""One count against a threshold, and two against a ratio."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dpaudit
from dpaudit.inputs import ColumnName
from dpaudit.noise.discrete_gaussian import DiscreteGaussian
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.none import NoNoise
from dpaudit.noise.rounded import RoundedGaussian
from dpaudit.testing.faults import share_differs
from dpaudit_plugins.decisions import ratio_threshold, threshold
from dpaudit_plugins.decisions.ratio_threshold import RatioThreshold
from dpaudit_plugins.decisions.threshold import Threshold

NOISES = [Laplace(4.0), Gaussian(4.0), Geometric(0.25), DiscreteGaussian(3.0), RoundedGaussian(5.0)]
X = np.array([0.0, 2.0, 9.0, 10.0, 11.0, 30.0])
NAMES = ("all", "young")
ROWS = np.array([[80.0, 4.0], [600.0, 30.0], [3305.0, 160.0], [3305.0, 166.0], [0.0, 0.0]])


def ratio_rule(**parameters):
    asked = {"numerator": "young", "denominator": "all", "ratio": 0.05, "counts": NAMES}
    return RatioThreshold(**asked | parameters)


def test_each_module_offers_its_decision():
    assert tuple(threshold.dpaudit_decisions()) == (Threshold,)
    assert tuple(ratio_threshold.dpaudit_decisions()) == (RatioThreshold,)
    assert (Threshold.rows, RatioThreshold.rows) == (False, True)


@pytest.mark.parametrize("at", [10.0, 9.5, 0.0, -3.0, np.array([0.0, 2.0, 8.7, 10.0, 12.0, 1e4])])
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("clipped", [False, True])
@pytest.mark.parametrize("noise", [*NOISES, NoNoise()], ids=lambda noise: type(noise).__name__)
def test_thresholds_agree_with_simulation(noise, clipped, strict, at):
    """Exact binomial bounds; false alarm below 1e-6 for each of 120 cases."""
    rule, rng, draws = Threshold(at=at, strict=strict), np.random.default_rng(5), 20_000
    noisy = X + noise.sample(rng, (draws, X.size))
    noisy = np.maximum(noisy, 0.0) if clipped else noisy
    hits = rule.decide(noisy).sum(axis=0)
    assert not share_differs(rule.probability(X, noise, clipped=clipped), hits, draws)
    off = Threshold(at=at + 6.0, strict=strict).probability(X, noise, clipped=clipped)
    assert share_differs(off, hits, draws), "the control is not noticed"


@given(at=st.integers(-5, 40), counts=st.lists(st.integers(0, 50), min_size=1, max_size=6))
def test_without_noise_the_chance_is_the_truth(at, counts):
    x = np.array(counts, dtype=float)
    for strict in (False, True):
        rule = Threshold(at=at, strict=strict)
        for noise in (NoNoise(), Laplace(0.0), Geometric(np.inf)):
            for clipped in (False, True):
                got = rule.probability(x, noise, clipped=clipped)
                np.testing.assert_array_equal(got, rule.decide(x))


def test_at_the_threshold_whole_numbers_lean_towards_the_law():
    """Continuous noise tosses a coin at the line; whole-number noise may rest on it."""
    at, x = 10_000.0, np.array([10_000.0])
    loose, strict = Threshold(at=at), Threshold(at=at, strict=True)
    for noise in (Laplace(10.0), Gaussian(10.0)):
        assert loose.probability(x, noise, clipped=False) == 0.5
        assert strict.probability(x, noise, clipped=False) == 0.5
    rest = np.tanh(0.05)
    noise = Geometric(0.1)
    np.testing.assert_allclose(loose.probability(x, noise, clipped=False), 0.5 + rest / 2)
    np.testing.assert_allclose(strict.probability(x, noise, clipped=False), 0.5 - rest / 2)


def test_a_safe_count_fails_with_a_tiny_chance_that_keeps_its_digits():
    chance = Threshold(at=10_000).probability(np.array([3_000.0]), Laplace(10.0), clipped=True)
    np.testing.assert_allclose(chance, 0.5 * np.exp(-700.0), rtol=1e-12)


def test_draws_are_decided_one_by_one():
    noisy = np.random.default_rng(1).normal(10, 5, (3, 2, 6))
    rule = Threshold(at=np.arange(6.0))
    for i, j in np.ndindex(3, 2):
        np.testing.assert_array_equal(rule.decide(noisy)[i, j], rule.decide(noisy[i, j]))


@pytest.mark.parametrize(
    ("at", "error", "message"),
    [
        (ColumnName("line"), dpaudit.UsageError, "'line' is not filled in"),
        (np.array([*"abcdef"]), dpaudit.DataError, "'a' is not a number"),
        (np.array([1.0, 2.0, np.nan, 4.0, 5.0, 6.0]), dpaudit.DataError, r"nan \(entity 3\)"),
        (np.inf, dpaudit.DataError, r"inf \(entity 1\)"),
        (np.ones(3), dpaudit.DataError, r"shape \(3,\) for 6 entities"),
    ],
)
def test_wrong_thresholds(at, error, message):
    with pytest.raises(error, match=message):
        Threshold(at=at).decide(X)
    with pytest.raises(error, match=message):
        Threshold(at=at).probability(X, Laplace(1.0), clipped=False)


def test_ratios_are_compared_without_division():
    rule = ratio_rule()
    np.testing.assert_array_equal(rule.decide(ROWS), [1, 1, 0, 1, 1])
    np.testing.assert_array_equal(ratio_rule(strict=True).decide(ROWS), [0, 0, 0, 1, 0])
    np.testing.assert_array_equal(rule.decide(np.array([[-100.0, -4.0], [-100.0, -6.0]])), [1, 0])
    assert rule.reads == (1, 0)
    assert ratio_rule(counts=("x", "young", "y", "all")).reads == (1, 3)


def test_seven_of_a_hundred_is_seven_percent():
    row = np.array([[100.0, 7.0]])
    assert row[0, 1] < 0.07 * row[0, 0]
    assert ratio_rule(ratio=0.07).decide(row) == 1
    assert ratio_rule(ratio=0.07, strict=True).decide(row) == 0


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("clipped", [False, True])
@pytest.mark.parametrize("noise", [*NOISES, NoNoise()], ids=lambda noise: type(noise).__name__)
def test_ratio_thresholds_agree_with_simulation(noise, clipped, strict):
    """Exact binomial bounds; false alarm below 1e-6 for each of 24 cases."""
    rule, rng, draws = ratio_rule(strict=strict), np.random.default_rng(6), 50_000
    noisy = ROWS + noise.sample(rng, (draws, ROWS.size)).reshape(draws, *ROWS.shape)
    noisy = np.maximum(noisy, 0.0) if clipped else noisy
    hits = rule.decide(noisy).sum(axis=0)
    known = rule.probability(ROWS, noise, clipped=clipped)
    assert not share_differs(getattr(known, "value", known), hits, draws)
    off = ratio_rule(strict=strict, ratio=0.048).probability(ROWS, noise, clipped=clipped)
    assert share_differs(getattr(off, "value", off), hits, draws), "the control is not noticed"


def test_each_count_has_its_own_noise():
    """Noise of rows is that of the raveled table: one scale for each cell."""
    scales = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 10.0]])
    known = ratio_rule().probability(ROWS, Gaussian(scales.ravel()), clipped=False)
    for i, row in enumerate(ROWS):
        alone = ratio_rule().probability(row[None], Gaussian(scales[i]), clipped=False)
        np.testing.assert_allclose(known[i], alone[0], rtol=1e-13)


def test_harm_is_decided_by_the_margin_beside_the_noise():
    """METHODS-decisions 4.4: at 6 percent the miss chance falls as counties grow."""
    rows = np.array([[size, 0.06 * size] for size in (80.0, 600.0, 3305.0)])
    chance = ratio_rule().probability(rows, Laplace(10.0), clipped=False)
    np.testing.assert_allclose(1.0 - chance, [0.46, 0.275, 0.018], atol=3e-3)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"numerator": "all"}, ValueError, "numerator and denominator are both 'all'"),
        ({"ratio": 0.0}, ValueError, "ratio"),
        ({"ratio": np.inf}, ValueError, "ratio"),
        ({"numerator": "old"}, dpaudit.DataError, "parameter 'numerator': the data have no count"),
        ({"counts": ()}, dpaudit.DataError, "no counts are filled in"),
    ],
)
def test_wrong_ratio_thresholds(parameters, error, message):
    with pytest.raises(error, match=message):
        ratio_rule(**parameters).decide(ROWS)
