"""Post-processors that know the noise: posterior mean, debiased clip, shrinkage."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import integrate, stats

import dpaudit
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.none import NoNoise
from dpaudit.noise.rounded import RoundedGaussian, RoundedLaplace
from dpaudit_plugins.postprocessors import debiased_clip, posterior_mean, shrinkage

FALSE_ALARM = 1e-6
DRAWS = 100_000
COUNTS = np.array([0.0, 0.0, 3.0, 12.0, 40.0, 145.0])
NOISES = [
    Laplace(10.0),
    Laplace(np.array([1.0, 2.0, 5.0, 10.0, 20.0, 40.0])),
    Gaussian(12.0),
    Geometric(0.1),
    RoundedLaplace(8.0),
    RoundedGaussian(9.0),
    NoNoise(),
]
NAMES = [f"{noise.family}-{i}" for i, noise in enumerate(NOISES)]
MEAN, DEBIASED, SHRUNKEN = (
    posterior_mean.PosteriorMean,
    debiased_clip.DebiasedClip,
    shrinkage.Shrinkage,
)


def limit(comparisons):
    """Simultaneous two-sided normal limit at false alarm 1e-6."""
    return stats.norm.isf(FALSE_ALARM / comparisons / 2)


def worst(sample, mean):
    error = sample.std(axis=0, ddof=1) / np.sqrt(len(sample))
    gap = np.abs(sample.mean(axis=0) - mean)
    return (gap[gap > 1e-9] / np.maximum(error[gap > 1e-9], 1e-300)).max(initial=0.0)


def value(known):
    return known.value if isinstance(known, dpaudit.Estimate) else known


def draws(noise, seed=7):
    return COUNTS + noise.sample(np.random.default_rng(seed), (DRAWS, COUNTS.size))


def test_each_module_offers_its_step():
    for module, step in zip(
        (posterior_mean, debiased_clip, shrinkage), (MEAN, DEBIASED, SHRUNKEN), strict=True
    ):
        assert module.dpaudit_postprocessors() == (step,)
        assert step.vectorised
        assert step().uncovered() == ()
        with pytest.raises(dpaudit.UsageError, match="does not know the noise") as caught:
            step().process(COUNTS)
        assert "right after the mechanism" in caught.value.hint


@pytest.mark.parametrize("noise", NOISES, ids=NAMES)
@pytest.mark.parametrize("make", [MEAN, DEBIASED])
def test_bias_agrees_with_simulation(make, noise):
    """Simultaneously over entities, false alarm 1e-6; the controls are the bias of clipping and,
    for Laplace noise, that of a scale 30 % off."""
    step = make(noise=noise)
    processed = step.process(draws(noise))
    bias = value(step.bias(COUNTS, noise))
    assert worst(processed, COUNTS + bias) < limit(COUNTS.size)
    if noise.variance.any():
        assert worst(processed, COUNTS + noise.excess(-COUNTS)) > limit(COUNTS.size)
    if isinstance(noise, Laplace) and noise.scale.ndim == 0:
        off = make(noise=noise).bias(COUNTS, Laplace(13.0))
        assert worst(processed, COUNTS + off) > limit(COUNTS.size)


@pytest.mark.parametrize("noise", NOISES, ids=NAMES)
def test_variance_of_the_debiased_clip_agrees_with_simulation(noise):
    """Simultaneously over entities, false alarm 1e-6; the control is the plain clip's variance."""
    step = DEBIASED(noise=noise)
    variance = step.variance(COUNTS, noise)
    if variance is None:
        assert noise.family in ("gaussian", "none")
        return
    processed = step.process(draws(noise))
    squares = (processed - COUNTS - value(step.bias(COUNTS, noise))) ** 2
    assert worst(squares, variance) < limit(COUNTS.size)
    below, square = noise.excess(-COUNTS), noise.excess_square(-COUNTS)
    assert worst(squares, noise.variance - square - below * (2 * COUNTS + below)) > limit(6)


def quad(function, split):
    ends = [-np.inf, *sorted(split), np.inf]
    return sum(
        integrate.quad(function, a, b, epsabs=1e-12, epsrel=1e-11, limit=200)[0]
        for a, b in itertools.pairwise(ends)
    )


@pytest.mark.parametrize("make", [MEAN, DEBIASED])
@pytest.mark.parametrize("x", [0.0, 1.0, 7.5, 30.0])
def test_bias_is_the_integral_of_the_step(make, x):
    for noise, density in (
        (Laplace(3.0), lambda t: np.exp(-abs(t) / 3.0) / 6.0),
        (Gaussian(4.0), lambda t: stats.norm.pdf(t, scale=4.0)),
    ):
        step = make(noise=noise)

        def change(y, step=step, density=density, x=x):
            return float(step.process(np.array([y]))[0] - y) * density(y - x)

        known = step.bias(np.array([x]), noise)
        want = quad(change, {-60.0, 0.0, x, x + 60.0})
        assert value(known)[0] == pytest.approx(want, rel=1e-8, abs=1e-10)
        if isinstance(known, dpaudit.Estimate):
            assert known.method == "quadrature"
            assert known.high[0] - known.value[0] < 1e-10


def test_laplace_bias_of_the_debiased_clip():
    """(b / 2) e^{-r} (1/4 - r/2)."""
    r = np.array([0.0, 0.5, 1.0, 4.0])
    bias = DEBIASED(noise=Laplace(8.0)).bias(8.0 * r, Laplace(8.0))
    np.testing.assert_allclose(bias, [1.0, 0.0, -np.exp(-1.0), -7 * np.exp(-4.0)], rtol=1e-14)


def test_clipping_again_brings_the_bias_back():
    noise = Laplace(10.0)
    processed = DEBIASED(noise=noise).process(draws(noise))
    assert processed.min() == pytest.approx(-5.0)
    again = np.maximum(processed, 0.0).mean(axis=0) - COUNTS
    assert np.abs(again[0]) > 2 * abs(DEBIASED(noise=noise).bias(COUNTS, noise)[0])


@pytest.mark.parametrize("noise", NOISES, ids=NAMES)
def test_posterior_mean_is_the_ratio_of_sums_over_counts(noise):
    """By brute force over true counts: whole ones for whole-number noise, else a fine grid."""
    if isinstance(noise, Laplace) and noise.scale.ndim:
        noise = Laplace(noise.scale[2])
    noisy = np.array([-30.0, -4.0, 0.0, 1.0, 9.0, 60.0])
    got = MEAN(noise=noise).process(noisy)
    if not noise.variance.any():
        np.testing.assert_array_equal(got, np.maximum(noisy, 0.0))
        return
    step = 1.0 if noise.lattice else 0.01
    x = np.arange(0.0, 700.0, step) + (0.0 if noise.lattice else step / 2)
    gap = noisy[:, None] - x
    width = step / 2
    likelihood = (
        noise.cdf(gap) - noise.cdf(gap - 1.0)
        if noise.lattice
        else noise.cdf(gap + width) - noise.cdf(gap - width)
    )
    want = (likelihood * x).sum(axis=1) / likelihood.sum(axis=1)
    np.testing.assert_allclose(got, want, rtol=2e-5)


@given(noisy=hnp.arrays(np.float64, (2, 6), elements=st.floats(-1e9, 1e9)))
@pytest.mark.parametrize("noise", NOISES, ids=NAMES)
def test_ranges_and_shapes(noise, noisy):
    noisy = np.rint(noisy) if noise.lattice else noisy
    mean, debiased = MEAN(noise=noise).process(noisy), DEBIASED(noise=noise).process(noisy)
    assert (mean >= 0).all()
    assert (mean >= noisy - 1e-6).all()
    lowest = noise.excess(np.zeros(6))
    assert (debiased >= -lowest).all()
    assert (debiased <= np.maximum(noisy, 0.0)).all()
    if noise.variance.ndim == 0:
        order = np.array([3, 1, 0, 2, 5, 4])
        for step in (MEAN(noise=noise), DEBIASED(noise=noise), SHRUNKEN(noise=noise)):
            np.testing.assert_allclose(
                step.process(noisy[:, order]), step.process(noisy)[:, order], rtol=1e-12, atol=1e-6
            )


@pytest.mark.parametrize("noise", [*NOISES, Laplace(1e-300), Laplace(1e100), Gaussian(1e-300)])
@pytest.mark.parametrize("counts", [np.zeros(6), np.full(6, 2.0**53), np.array([5.0])])
def test_degenerate_counts(noise, counts):
    if noise.variance.ndim and counts.size == 1:
        return
    noisy = counts + noise.sample(np.random.default_rng(1), (8, counts.size))
    for make in (MEAN, DEBIASED):
        step = make(noise=noise)
        assert np.isfinite(step.process(noisy)).all()
        bias = value(step.bias(counts, noise))
        assert bias is None or np.isfinite(bias).all()
    variance = DEBIASED(noise=noise).variance(counts, noise)
    assert variance is None or (variance >= 0).all()
    methods = ["empirical-bayes"] if noise.variance.ndim else ["james-stein", "empirical-bayes"]
    for method in methods:
        assert np.isfinite(SHRUNKEN(noise=noise, method=method).process(noisy)).all()


def test_biases_that_would_take_long_are_not_known():
    assert MEAN().bias(COUNTS, RoundedGaussian(1e7)) is None
    assert MEAN().bias(np.array([0.5]), RoundedGaussian(2.0)) is None
    assert DEBIASED().bias(np.array([0.5]), Geometric(1.0)) is None


def test_james_stein_by_hand():
    values = np.array([10.0, 14.0, 6.0, 30.0, 20.0])
    got = SHRUNKEN(noise=Gaussian(4.0)).process(values)
    factor = 1 - 2 * 16.0 / ((values - 16.0) ** 2).sum()
    np.testing.assert_allclose(got, 16.0 + factor * (values - 16.0), rtol=1e-14)
    assert got.sum() == pytest.approx(values.sum())
    np.testing.assert_allclose(SHRUNKEN(noise=Gaussian(1e3)).process(values), 16.0)
    np.testing.assert_array_equal(SHRUNKEN(noise=NoNoise()).process(values), values)
    np.testing.assert_array_equal(SHRUNKEN(noise=Gaussian(9.0)).process(values[:3]), values[:3])
    np.testing.assert_array_equal(SHRUNKEN(noise=Gaussian(9.0)).process(np.full(5, 3.0)), 3.0)


@pytest.mark.parametrize("method", ["james-stein", "empirical-bayes"])
def test_groups_shrink_on_their_own(method):
    rng = np.random.default_rng(2)
    values = rng.normal(50.0, 20.0, (3, 12))
    by = np.array(["x", "y", "x"] * 4)
    step = SHRUNKEN(noise=Gaussian(15.0), method=method, by=by)
    got = step.process(values)
    for label in ("x", "y"):
        alone = SHRUNKEN(noise=Gaussian(15.0), method=method).process(values[:, by == label])
        np.testing.assert_allclose(got[:, by == label], alone, rtol=1e-13)
        np.testing.assert_allclose(alone.mean(axis=1), values[:, by == label].mean(axis=1))


def test_empirical_bayes_by_hand():
    values, variance = np.array([10.0, 14.0, 6.0, 30.0, 99.0]), np.array([4.0, 4, 8, 16, 0])
    got = SHRUNKEN(noise=Gaussian(np.sqrt(variance)), method="empirical-bayes").process(values)
    assert got[4] == 99.0
    seen, w = values[:4], 1 / variance[:4]
    mean = (w * seen).sum() / w.sum()
    spread = (w * (seen - mean) ** 2).sum()
    between = (spread - 3) / (w.sum() - (w**2).sum() / w.sum())
    assert between > 0
    want = mean + between / (between + variance[:4]) * (seen - mean)
    np.testing.assert_allclose(got[:4], want, rtol=1e-12)


@pytest.mark.parametrize("method", ["james-stein", "empirical-bayes"])
def test_shrinkage_errs_less_in_total(method):
    """Stein: with n >= 4 the expected squared error is less; the gap is far beyond its noise."""
    noise = Gaussian(20.0)
    noisy = draws(noise)
    got = SHRUNKEN(noise=noise, method=method).process(noisy)
    gain = ((noisy - COUNTS) ** 2 - (got - COUNTS) ** 2).sum(axis=1)
    assert gain.mean() / (gain.std() / np.sqrt(DRAWS)) > limit(1)


def test_james_stein_wants_equal_noise():
    with pytest.raises(dpaudit.UsageError, match="is not equal for all counts") as caught:
        SHRUNKEN(noise=NOISES[1]).process(COUNTS)
    assert "empirical-bayes" in caught.value.hint


@pytest.mark.parametrize("method", ["james-stein", "empirical-bayes"])
@pytest.mark.parametrize("factor", [2.0**400, 2.0**-400])
def test_shrinking_does_not_depend_on_the_unit(method, factor):
    """Powers of two change no digit; squares of these numbers are still numbers."""
    noise = Laplace(10.0), Laplace(10.0 * factor)
    own, scaled = (SHRUNKEN(method=method, noise=each).process for each in noise)
    np.testing.assert_allclose(scaled(COUNTS * factor), own(COUNTS) * factor, rtol=1e-13)


def test_shrinking_keeps_nothing_of_counts_whose_noise_is_beyond_all_numbers():
    equal = SHRUNKEN(noise=Laplace(1e300)).process(COUNTS)
    np.testing.assert_allclose(equal, np.full(6, COUNTS.mean()), rtol=1e-12)
    mixed = Laplace(np.array([1e300, 1.0, 1.0, 1.0, 1.0, 1e250]))
    made = SHRUNKEN(method="empirical-bayes", noise=mixed).process(COUNTS)
    np.testing.assert_allclose(made[[0, 5]], np.full(2, COUNTS[1:5].mean()), rtol=1e-12)


@pytest.mark.parametrize("family", [Laplace, Gaussian])
def test_a_posterior_mean_under_noise_whose_variance_is_beyond_all_numbers(family):
    """In units of the noise it is the same; far below 0 it is cut off earlier, not wrong."""
    own, wide = (MEAN(noise=family(scale)).process for scale in (1.0, 2.0**600))
    counts = np.array([-20.0, -1.0, 0.0, 3.0])
    np.testing.assert_allclose(wide(counts * 2.0**600), own(counts) * 2.0**600, rtol=1e-12)
    far = wide(np.array([-1e300]))
    assert 0 < far[0] <= 1.01 * 2.0**600


@pytest.mark.parametrize("step", [MEAN, DEBIASED])
def test_a_sum_over_wide_noise_is_refused_where_it_is_long(step):
    noise = RoundedGaussian(1e7)
    assert step(noise=noise).bias(np.zeros(3), noise) is None


def test_the_variance_after_a_debiased_clip_is_infinite_with_that_of_the_noise():
    noise = Laplace(1e300)
    assert np.isinf(DEBIASED(noise=noise).variance(COUNTS, noise)).all()
