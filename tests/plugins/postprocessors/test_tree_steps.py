"""Post-processors on a tree: hierarchical least squares, non-negative hierarchical, top-down."""

import numpy as np
import pytest
from scipy import stats

import dpaudit
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.none import NoNoise
from dpaudit_plugins.mechanisms import laplace
from dpaudit_plugins.postprocessors import (
    hierarchical_least_squares,
    non_negative_hierarchical,
    top_down,
)

FALSE_ALARM = 1e-6
DRAWS = 100_000
TREE = dpaudit.Hierarchy.of(["state", "county"], [["A"] * 3 + ["B"] * 6, [*"abc", *"defghi"]])
COUNTS = TREE.totals(np.array([3.0, 10, 200, 0, 0, 2, 5, 8, 30]))
LEAST = hierarchical_least_squares.HierarchicalLeastSquares
POSITIVE = non_negative_hierarchical.NonNegativeHierarchical
DOWN = top_down.TopDown
STEPS = [LEAST, POSITIVE, DOWN]


def limit(comparisons):
    """Simultaneous two-sided normal limit at false alarm 1e-6."""
    return stats.norm.isf(FALSE_ALARM / comparisons / 2)


def worst(sample, mean):
    error = sample.std(axis=0, ddof=1) / np.sqrt(len(sample))
    gap = np.abs(sample.mean(axis=0) - mean)
    return (gap[gap > 1e-9] / np.maximum(error[gap > 1e-9], 1e-300)).max(initial=0.0)


def by_level(*scales):
    return Laplace(TREE.spread(scales))


def made(step, noise, **more):
    return step(hierarchy=TREE, noise=noise, **more)


NOISES = [
    by_level(0.0, 10.0, 10.0),
    by_level(2.0, 5.0, 20.0),
    Gaussian(12.0),
    Geometric(0.1),
    NoNoise(),
]


def test_each_module_offers_its_step():
    modules = (hierarchical_least_squares, non_negative_hierarchical, top_down)
    for module, step in zip(modules, STEPS, strict=True):
        assert module.dpaudit_postprocessors() == (step,)
        assert step.hierarchical
        assert step.vectorised
        assert step.keeps == {"additive"}
        assert step.nonnegative == (step is not LEAST)


@pytest.mark.parametrize("noise", NOISES, ids=range(len(NOISES)))
def test_least_squares_bias_and_variance_agree_with_simulation(noise):
    """Simultaneously over nodes, false alarm 1e-6; the control is noise of a scale 30 % off."""
    step = made(LEAST, noise)
    noisy = COUNTS + noise.sample(np.random.default_rng(7), (DRAWS, TREE.size))
    processed = step.process(noisy)
    bias, variance = step.bias(COUNTS, noise), step.variance(COUNTS, noise)
    np.testing.assert_array_equal(bias, np.zeros(TREE.size))
    assert worst(processed, COUNTS) < limit(TREE.size)
    squares = (processed - COUNTS) ** 2
    assert worst(squares, variance) < limit(TREE.size)
    control = step.control(COUNTS, noise)
    np.testing.assert_allclose(control.mean + control.deviation(noisy), processed, atol=1e-9)
    if noise.variance.any():
        assert worst(squares, 1.69 * variance) > limit(TREE.size)
        assert worst(processed + 0.5, COUNTS) > limit(TREE.size)
        assert (variance <= np.broadcast_to(noise.variance, TREE.size) + 1e-12).all()


@pytest.mark.parametrize("noise", NOISES, ids=range(len(NOISES)))
@pytest.mark.parametrize("step", STEPS)
def test_results_are_additive_and_processing_twice_changes_nothing(step, noise):
    noisy = COUNTS + noise.sample(np.random.default_rng(8), (200, TREE.size))
    processed = made(step, noise).process(noisy)
    assert processed.shape == noisy.shape
    np.testing.assert_allclose(TREE.totals(processed[:, TREE.entities]), processed, atol=1e-10)
    np.testing.assert_allclose(made(step, noise).process(processed), processed, atol=1e-9)
    for row, result in zip(noisy[:5], processed[:5], strict=True):
        np.testing.assert_allclose(made(step, noise).process(row), result, atol=1e-11)
    if step.nonnegative:
        assert (processed >= 0).all()
        assert not noise.variance.any() or (noisy < 0).any()
    if step is DOWN:
        np.testing.assert_array_equal(processed, np.rint(processed))
    true = made(step, noise).process(COUNTS)
    np.testing.assert_allclose(true, COUNTS, atol=1e-12)


def test_invariants_stay_and_are_named():
    noise = NOISES[0]
    noisy = COUNTS + noise.sample(np.random.default_rng(9), (100, TREE.size))
    for step in STEPS:
        np.testing.assert_allclose(made(step, noise).process(noisy)[:, 0], COUNTS[0], rtol=1e-14)
        assert made(step, noise).uncovered() == ("the total of the counts",)
        assert made(step, NOISES[1]).uncovered() == ()
        assert step().uncovered() == ()
    some = np.full(TREE.size, 3.0)
    some[[1, 4, 5]] = 0.0
    assert made(LEAST, Laplace(some)).uncovered() == (
        "1 count of level 'state'",
        "2 counts of level 'county'",
    )


@pytest.mark.parametrize(
    ("noise", "exact", "noisy"),
    [
        (by_level(5.0, 0.0, 10.0), "state", "total"),
        (by_level(5.0, 5.0, 0.0), "county", "total"),
        (by_level(0.0, 5.0, 0.0), "county", "state"),
        (Laplace(np.repeat([0.0, 5.0], [2, 10])), "state", "state"),  # one state of two
        (Laplace(np.repeat([0.0, 5.0, 0.0], [3, 1, 8])), "county", "county"),  # counties of A
    ],
)
def test_top_down_refuses_exact_counts_that_noisy_ones_move(noise, exact, noisy):
    message = f"exact counts of level '{exact}' to fit the noisy ones of level '{noisy}'"
    with pytest.raises(dpaudit.SpecError, match=message) as caught:
        made(DOWN, noise)
    assert noisy in caught.value.hint
    for step in (LEAST, POSITIVE):
        kept = np.broadcast_to(noise.variance == 0, TREE.size)
        noisy_counts = COUNTS + noise.sample(np.random.default_rng(11), (50, TREE.size))
        found = made(step, noise).process(noisy_counts)[:, kept]
        np.testing.assert_allclose(found, np.broadcast_to(COUNTS[kept], found.shape), atol=1e-9)


@pytest.mark.parametrize(
    "noise",
    [
        by_level(0.0, 0.0, 10.0),
        Laplace(np.repeat([0.0, 5.0], [6, 6])),  # all counties of A, none of B
    ],
)
def test_top_down_keeps_exact_counts_that_nothing_moves(noise):
    step = made(DOWN, noise)
    kept = np.broadcast_to(noise.variance == 0, TREE.size)
    noisy = COUNTS + noise.sample(np.random.default_rng(12), (50, TREE.size))
    found = step.process(noisy)[:, kept]
    np.testing.assert_array_equal(found, np.broadcast_to(COUNTS[kept], found.shape))
    assert step.uncovered()[:2] == ("the total of the counts", "the counts of level 'state'")


@pytest.mark.parametrize("step", STEPS)
def test_exact_counts_are_named_as_the_mechanism_names_them(step):
    """The report lists what is not covered once."""
    mechanism = laplace.Laplace(
        epsilon=1.0, levels={"county": 1.0}, invariants=("total", "state"), hierarchy=TREE
    )
    named = mechanism.privacy().uncovered
    assert named == ("the total of the counts", "the counts of level 'state'")
    assert made(step, mechanism.noise()).uncovered() == named


def test_the_general_solver_gives_the_same():
    noise = NOISES[1]
    noisy = COUNTS + noise.sample(np.random.default_rng(10), (2, TREE.size))
    want = made(POSITIVE, noise, solver="cvxpy").process(noisy)
    np.testing.assert_allclose(made(POSITIVE, noise).process(noisy), want, atol=1e-4)
    assert want.shape == noisy.shape


@pytest.mark.parametrize("step", STEPS)
def test_without_a_tree_or_the_noise(step):
    with pytest.raises(dpaudit.UsageError, match="has no hierarchy"):
        step(noise=Laplace(1.0)).process(COUNTS)
    if step is DOWN:
        np.testing.assert_array_equal(step(hierarchy=TREE).process(COUNTS), COUNTS)
        return
    with pytest.raises(dpaudit.UsageError, match="does not know the noise") as caught:
        step(hierarchy=TREE).process(COUNTS)
    assert "right after the mechanism" in caught.value.hint


# METHODS-decisions 8.2: two states, Laplace noise of scale 10 at both levels, exact total.
STATED = np.array([2.75, -0.08, -2.67, 2.97, 2.96, 1.62, -0.13, -1.61, -5.82])
STATED_DRAWS = 400_000


def two_state_biases(step):
    """Return biases and standard errors, the linear part of the step taken out draw by draw."""
    noise = NOISES[0]
    spread = noise.sample(np.random.default_rng(12), (2 * DRAWS, TREE.size))
    processed = step.process(COUNTS + spread)
    states = spread[:, 1:3] - spread[:, 1:3].mean(axis=1, keepdims=True)
    counties = spread[:, 3:]
    for part, state, n in ((slice(0, 3), 0, 3), (slice(3, 9), 1, 6)):
        mean = counties[:, part].mean(axis=1, keepdims=True)
        counties[:, part] += states[:, [state]] / n - mean
    linear = np.concatenate([states, counties], axis=1)
    left = processed[:, 1:] - COUNTS[1:] - linear
    return left.mean(axis=0), left.std(axis=0, ddof=1) / np.sqrt(len(left))


def off(bias, error):
    """Return the worst distance from the stated values, in units of what errors explain.

    The stated values are rounded to 0.01 and were simulated with as many draws again.
    """
    both = error * np.sqrt(1.0 + 2 * DRAWS / STATED_DRAWS)
    return (np.abs(bias[2:] - STATED) / (limit(9) * both[2:] + 0.005)).max()


def test_the_two_states_of_the_methods():
    """False alarm 1e-6; the controls are the joint solution and another scale's biases."""
    bias, error = two_state_biases(made(DOWN, NOISES[0], whole=False))
    assert off(bias, error) < 1.0
    assert off(1.1 * bias, error) > 1.0
    # The states hardly ever clip: a bias of 0.002 either way.
    assert np.abs(bias[:2]).max() <= 0.002 + 0.0005 + limit(2) * error[:2].max()
    joint, its_error = two_state_biases(made(POSITIVE, NOISES[0]))
    assert off(joint, its_error) > 1.0


def test_rounding_adds_little_to_the_bias_of_top_down():
    """Rounding by largest remainders moves a count by less than one at each level."""
    bias, _ = two_state_biases(made(DOWN, NOISES[0], whole=False))
    rounded, _ = two_state_biases(made(DOWN, NOISES[0]))
    assert np.abs(rounded - bias).max() < 0.2
    assert (rounded != bias).all()


@pytest.mark.parametrize("counts", [np.zeros(9), np.full(9, 2.0**49), np.arange(9.0)])
@pytest.mark.parametrize("noise", [Laplace(1e-300), Laplace(10.0), Laplace(1e100), NoNoise()])
def test_degenerate_counts(counts, noise):
    full = TREE.totals(counts)
    noisy = full + noise.sample(np.random.default_rng(1), (4, TREE.size))
    for step in STEPS:
        result = made(step, noise).process(noisy)
        assert np.isfinite(result).all()
        assert step is LEAST or (result >= 0).all()
    variance = made(LEAST, noise).variance(full, noise)
    assert (variance >= 0).all()
