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
        assert bias is None
        assert variance is None
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
