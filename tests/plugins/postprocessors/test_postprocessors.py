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
from dpaudit_plugins.postprocessors import (
    non_negative,
    none,
    round,  # noqa: A004 (the module's name)
    simplex,
    sum_preserving,
)

COUNTS = np.array([0.0, 0.0, 3.0, 12.0, 40.0, 145.0])
TOTAL = float(COUNTS.sum())
STEPS = {
    "none": none.Unprocessed(),
    "non-negative": non_negative.NonNegative(),
    "round": round.Round(),
    "sum-preserving": sum_preserving.SumPreserving(total=TOTAL),
    "simplex": simplex.Simplex(total=TOTAL),
}
NOISES = [Laplace(10.0), Gaussian(12.0), Geometric(0.1), NoNoise()]
DRAWS = 100_000
FALSE_ALARM = 1e-6


def family(noise):
    return noise.family


def limit(comparisons):
    """Simultaneous two-sided normal limit at false alarm 1e-6."""
    return stats.norm.isf(FALSE_ALARM / comparisons / 2)


def worst(sample, mean):
    """Return the largest distance of sample means (draws, n) from ``mean`` in standard errors."""
    error = sample.std(axis=0, ddof=1) / np.sqrt(len(sample))
    gap = np.abs(sample.mean(axis=0) - mean)
    return (gap[gap > 1e-9] / np.maximum(error[gap > 1e-9], 1e-300)).max(initial=0.0)


def draws(noise, seed=7, counts=COUNTS):
    return counts + noise.sample(np.random.default_rng(seed), (DRAWS, counts.size))


def test_each_module_offers_its_step():
    for name, step in STEPS.items():
        module = {"none": none, "non-negative": non_negative, "round": round, "simplex": simplex}
        (offered,) = module.get(name, sum_preserving).dpaudit_postprocessors()
        assert offered is type(step)
        assert offered.name == name


@pytest.mark.parametrize("noise", NOISES, ids=family)
@pytest.mark.parametrize("name", STEPS)
def test_bias_and_variance_agree_with_simulation(name, noise):
    """Simultaneously over entities, false alarm 1e-6; the control is noise of a scale 30 % off."""
    step, processed = STEPS[name], STEPS[name].process(draws(noise))
    bias, variance = step.bias(COUNTS, noise), step.variance(COUNTS, noise)
    if name == "simplex":
        assert variance is None
        assert worst(processed, COUNTS + bias.value) < limit(COUNTS.size)
        assert bias.method == "quadrature" if noise.variance else (bias.value == 0).all()
        return
    assert worst(processed, COUNTS + bias) < limit(COUNTS.size)
    squares = (processed - COUNTS - bias) ** 2
    assert worst(squares, variance) < limit(COUNTS.size)
    if isinstance(noise, Laplace):
        off = Laplace(13.0)
        assert worst(squares, step.variance(COUNTS, off)) > limit(COUNTS.size)


def test_the_bias_check_would_notice_another_scale():
    step = STEPS["non-negative"]
    processed = step.process(draws(Laplace(10.0)))
    assert worst(processed, COUNTS + step.bias(COUNTS, Laplace(13.0))) > limit(COUNTS.size)


@pytest.mark.parametrize("noise", NOISES, ids=family)
@pytest.mark.parametrize("name", ["non-negative", "sum-preserving", "simplex"])
def test_control_deviations_have_mean_zero(name, noise):
    """Simultaneously over entities, false alarm 1e-6; the control is a shift of half a person."""
    step, noisy = STEPS[name], draws(noise)
    control = step.control(COUNTS, noise)
    deviation = control.deviation(noisy)
    assert deviation.shape == noisy.shape
    assert worst(deviation, 0.0) < limit(COUNTS.size)
    if noise.variance > 0:
        assert worst(deviation + 0.5, 0.0) > limit(COUNTS.size)
    if control.variance is not None:
        assert worst(deviation**2, control.variance) < limit(COUNTS.size)


@pytest.mark.parametrize("noise", NOISES[:3], ids=family)
def test_controls_remove_the_variance(noise):
    for name, share in (("non-negative", 1e-20), ("sum-preserving", 1e-20), ("simplex", 0.1)):
        step, noisy = STEPS[name], draws(noise)
        control = step.control(COUNTS, noise)
        processed = step.process(noisy)
        left = processed - control.mean - control.deviation(noisy)
        assert left.var(axis=0).sum() < share * processed.var(axis=0).sum()


def test_the_control_of_the_simplex_is_nearly_exact_where_few_counts_are_small():
    counts = np.concatenate([[5.0, 60.0], np.linspace(200, 5000, 298)])
    step, noise = simplex.Simplex(total=float(counts.sum())), Laplace(10.0)
    noisy = counts + noise.sample(np.random.default_rng(8), (4000, counts.size))
    control, processed = step.control(counts, noise), step.process(noisy)
    left = processed - control.mean - control.deviation(noisy)
    assert left.var(axis=0).sum() < 1e-4 * processed.var(axis=0).sum()


def test_the_bias_of_the_simplex_under_another_scale_is_noticed():
    step, noise = STEPS["simplex"], Laplace(10.0)
    processed = step.process(draws(noise))
    off = step.bias(COUNTS, Laplace(11.0))
    assert worst(processed, COUNTS + off.value) > limit(COUNTS.size)


@pytest.mark.parametrize("noise", NOISES, ids=family)
def test_bounds_of_the_spread_hold_it(noise):
    step = STEPS["simplex"]
    bounds, bias = step.spread_bounds(COUNTS, noise), step.bias(COUNTS, noise)
    assert bounds.low <= np.ptp(bias.value) + 1e-9
    assert np.ptp(bias.value) <= bounds.high + 1e-9
    assert "log-concave" in bounds.statement
    if noise.variance:
        assert 0 < bounds.low < bounds.high < 2.0 * bounds.low
    assert step.spread_bounds(COUNTS, Laplace(np.arange(1.0, 7.0))) is None


def test_tasks_that_share_counts_and_noise_share_the_bias():
    step = STEPS["simplex"]
    before = simplex._solved.cache_info()
    first = step.bias(COUNTS, Laplace(9.125))
    again = step.bias(COUNTS.copy(), Laplace(9.125))
    step.spread_bounds(COUNTS, Laplace(9.125))
    step.bias(COUNTS, Laplace(9.25))
    after = simplex._solved.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (2, 2)
    np.testing.assert_array_equal(first.value, again.value)


def test_the_simplex_in_whole_numbers():
    step, noise = simplex.Simplex(total=TOTAL, whole=True), Laplace(10.0)
    processed, smooth = step.process(draws(noise)), STEPS["simplex"].process(draws(noise))
    np.testing.assert_array_equal(processed, np.rint(processed))
    np.testing.assert_array_equal(processed.sum(axis=-1), TOTAL)
    assert (processed >= 0).all()
    assert (np.abs(processed - smooth) < 1.0).all()
    assert step.bias(COUNTS, noise) is None
    assert step.spread_bounds(COUNTS, noise) is None
    with pytest.raises(dpaudit.UsageError, match="whole"):
        simplex.Simplex(total=2.5, whole=True).process(COUNTS)


def test_mean_threshold_is_the_root():
    for noise in NOISES:
        threshold = simplex._mean_threshold(COUNTS, noise, TOTAL)
        assert noise.excess(COUNTS - threshold).sum() == pytest.approx(TOTAL, rel=1e-12)


def test_unequal_noise_of_the_sum_preserving_step():
    scales = np.array([1.0, 2.0, 5.0, 10.0, 20.0, 40.0])
    noise, step = Laplace(scales), STEPS["sum-preserving"]
    centring = np.eye(6) - 1 / 6
    want = (centring**2) @ (2 * scales**2)
    np.testing.assert_allclose(step.variance(COUNTS, noise), want, rtol=1e-13)


def test_sum_preserving_with_another_total_is_biased_alike_everywhere():
    step = sum_preserving.SumPreserving(total=TOTAL + 12)
    np.testing.assert_allclose(step.bias(COUNTS, Laplace(1.0)), 2.0)


def test_clipped_variance_of_large_counts_does_not_cancel():
    counts = np.array([1e3, 1e9, 2.0**53])
    np.testing.assert_allclose(
        STEPS["non-negative"].variance(counts, Laplace(10.0)), 200.0, rtol=1e-13
    )


def test_rounding_whole_counts_only():
    step = STEPS["round"]
    assert step.bias(np.array([0.5]), Laplace(1.0)) is None
    assert step.variance(np.array([0.5]), Laplace(1.0)) is None
    each = step.variance(COUNTS, Gaussian(np.full(6, 2.0)))
    np.testing.assert_array_equal(each, step.variance(COUNTS, Gaussian(2.0)))
    assert STEPS["none"].noise_after(NOISES[0]) is NOISES[0]


def test_declared_pairs_commute():
    noisy = draws(Laplace(10.0))[:1000]
    by_name = STEPS
    for name, step in by_name.items():
        for other in step.commutes:
            assert name in by_name[other].commutes
            np.testing.assert_array_equal(
                step.process(by_name[other].process(noisy)),
                by_name[other].process(step.process(noisy)),
            )


ROWS = hnp.arrays(np.float64, (3, 5), elements=st.floats(min_value=-1e6, max_value=1e6))


@given(noisy=ROWS)
@pytest.mark.parametrize("name", STEPS)
def test_declared_flags_hold(name, noisy):
    step = STEPS[name]
    processed = step.process(noisy)
    assert step.vectorised
    for row, result in zip(noisy, processed, strict=True):
        np.testing.assert_allclose(step.process(row), result, rtol=1e-12, atol=1e-9)
    if step.nonnegative:
        assert (processed >= 0).all()
    if step.clips:
        np.testing.assert_array_equal(processed, np.clip(noisy, 0, None))
    if step.elementwise:
        for column in range(5):
            np.testing.assert_array_equal(
                step.process(noisy[:, [column]])[:, 0], processed[:, column]
            )
    if step.linear:
        middle = step.process((noisy[0] + noisy[1]) / 2)
        np.testing.assert_allclose(middle, (processed[0] + processed[1]) / 2, atol=1e-8)
    if name in ("sum-preserving", "simplex"):
        np.testing.assert_allclose(processed.sum(axis=-1), TOTAL, rtol=1e-9)


@pytest.mark.parametrize("make", [simplex.Simplex, sum_preserving.SumPreserving])
def test_a_step_without_its_total_says_so(make):
    with pytest.raises(dpaudit.UsageError, match="has no total"):
        make().process(COUNTS)
    assert "total" in make().uncovered()[0]
    assert STEPS["round"].uncovered() == ()


@pytest.mark.parametrize("counts", [np.zeros(4), np.array([7.0]), np.array([2.0**53, 0.0])])
@pytest.mark.parametrize("noise", [*NOISES[:3], Laplace(1e-300), Laplace(1e200)], ids=repr)
def test_degenerate_counts(counts, noise):
    total = float(counts.sum())
    steps = [non_negative.NonNegative(), sum_preserving.SumPreserving(total=total)]
    steps += [simplex.Simplex(total=total)]
    noisy = counts + noise.sample(np.random.default_rng(1), (8, counts.size))
    for step in steps:
        control = step.control(counts, noise)
        for result in (step.process(noisy), control.mean, control.deviation(noisy)):
            assert np.isfinite(result).all()
        variance = step.variance(counts, noise)
        assert variance is None or (variance >= 0).all()
