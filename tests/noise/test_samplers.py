"""Samplers follow their distributions; each test has a negative control that must fail."""

import decimal

import numpy as np
import pytest
from scipy import stats

from dpaudit.errors import UsageError
from dpaudit.noise.discrete_gaussian import DiscreteGaussian
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.none import NoNoise
from dpaudit.noise.rounded import RoundedGaussian, RoundedLaplace
from dpaudit.noise.thresholds import ThresholdTable, gaussian_thresholds

FALSE_ALARM = 1e-6
DRAWS = 40_000
EVERY = [Laplace, Gaussian, Geometric, RoundedLaplace, RoundedGaussian, DiscreteGaussian]


def p_value(sample, noise):
    """Kolmogorov's test for continuous noise, Pearson's chi-square for whole noise."""
    if not noise.lattice:
        return stats.kstest(sample, noise.cdf).pvalue
    reach = 0
    while noise.cdf(np.array(-reach - 2.0)) * sample.size > 10:
        reach += 1
    edges = np.arange(-reach, reach + 1) - 0.5
    at = np.concatenate([[0.0], noise.cdf(edges), [1.0]])
    observed = np.bincount(np.searchsorted(edges, sample), minlength=edges.size + 1)
    return stats.chisquare(observed, np.diff(at) * sample.size).pvalue


@pytest.mark.parametrize("make", EVERY)
def test_sampler_follows_the_distribution(make):
    """False alarm 1e-6; the control is the same sample against a scale 30 % off."""
    sample = make(0.7).sample(np.random.default_rng(11), (DRAWS, 1))[:, 0]
    assert p_value(sample, make(0.7)) > FALSE_ALARM
    assert p_value(sample, make(0.7 * 1.3)) < FALSE_ALARM


@pytest.mark.parametrize("make", EVERY)
def test_variates_are_shared_and_left_alone(make):
    variates = make.variates(np.random.default_rng(3), (5, 7))
    before = [v.copy() for v in variates]
    first, second = make(1.0).from_variates(variates), make(1.0).from_variates(variates)
    np.testing.assert_array_equal(first, second)
    for now, then in zip(variates, before, strict=True):
        np.testing.assert_array_equal(now, then)
    np.testing.assert_array_equal(make(1.0).sample(np.random.default_rng(3), (5, 7)), first)
    assert first.shape == (5, 7)


def test_rounded_noise_shares_the_variates_of_its_family():
    for plain, whole in ((Laplace, RoundedLaplace), (Gaussian, RoundedGaussian)):
        variates = plain.variates(np.random.default_rng(5), (9,))
        assert plain.family == whole.family
        noise = plain(4.0).from_variates(variates)
        np.testing.assert_array_equal(whole(4.0).from_variates(variates), np.rint(noise))


def test_budgets_move_together():
    variates = Geometric.variates(np.random.default_rng(5), (2000,))
    noisy, calm = Geometric(0.1).from_variates(variates), Geometric(0.2).from_variates(variates)
    assert np.corrcoef(noisy, calm)[0, 1] > 0.99


def test_no_noise_leaves_the_generator_alone():
    rng = np.random.default_rng(1)
    before = rng.bit_generator.state
    np.testing.assert_array_equal(NoNoise().sample(rng, (2, 3)), np.zeros((2, 3)))
    assert rng.bit_generator.state == before


@pytest.mark.parametrize("make", [Laplace, Gaussian, RoundedGaussian, DiscreteGaussian])
@pytest.mark.parametrize("scale", [-1.0, np.inf, np.nan, [1.0, -2.0]])
def test_wrong_scales(make, scale):
    with pytest.raises(UsageError, match=r"is not in \[0, 1e\+305\]"):
        make(scale)


@pytest.mark.parametrize("epsilon", [0.0, -1.0, np.nan, 1e-306])
def test_wrong_rates(epsilon):
    with pytest.raises(UsageError, match="epsilon_per_unit"):
        Geometric(epsilon)


def exact_threshold(sigma, j):
    """2^64 P(X <= -j) by summing 120-digit decimals, independently of the recurrence."""
    with decimal.localcontext() as context:
        context.prec = 120
        variance = decimal.Decimal(sigma) ** 2
        terms = [(-decimal.Decimal(k * k) / (2 * variance)).exp() for k in range(int(30 * sigma))]
        share = sum(terms[j:]) / (2 * sum(terms[1:]) + 1)
        return int((share * 2**64).to_integral_value())


@pytest.mark.parametrize("sigma", [0.3, 1.0, 7.25])
def test_thresholds_are_right_to_the_last_bit(sigma):
    made = gaussian_thresholds(sigma)
    for j in (1, 2, 3, made.size - 1, made.size):
        if 1 <= j <= made.size:
            assert int(made[j - 1]) == exact_threshold(sigma, j)
    assert exact_threshold(sigma, made.size + 1) == 0


@pytest.mark.parametrize("sigma", [1e-3, 0.02])
def test_narrow_discrete_noise_is_no_noise(sigma):
    assert gaussian_thresholds(sigma).size == 0
    assert (DiscreteGaussian(sigma).sample(np.random.default_rng(1), (1000,)) == 0).all()


def test_discrete_noise_is_symmetric_to_the_last_bit():
    table = ThresholdTable(gaussian_thresholds(3.0))
    ends = np.array([0, 2**64 - 1], dtype=np.uint64)
    edges = np.concatenate([gaussian_thresholds(3.0), ends])
    below, above = table.invert(edges), table.invert(~edges)
    np.testing.assert_array_equal(below, -above)
    np.testing.assert_array_equal(table.invert(edges[:5] - np.uint64(1)) + 1, below[:5])


@pytest.mark.parametrize("sigma", [0.7, 10.0, 300.0, 3000.0])
def test_the_guide_table_changes_nothing(sigma):
    table = ThresholdTable(gaussian_thresholds(sigma))
    bits = np.random.default_rng(8).integers(0, 2**64, size=(40_000,), dtype=np.uint64)
    bits[:4] = [0, 2**64 - 1, 2**63, 2**63 - 1]
    bits[4 : 4 + 500] = gaussian_thresholds(sigma)[:500][np.arange(500) % min(500, table.reach)]
    pieces = np.concatenate([table.invert(bits[i : i + 100]) for i in range(0, 40_000, 100)])
    np.testing.assert_array_equal(table.invert(bits), pieces)


@pytest.mark.parametrize("sigma", [3.0, 1e5, 3e5])
def test_larger_budgets_have_smaller_noise_of_the_same_sign(sigma):
    variates = DiscreteGaussian.variates(np.random.default_rng(9), (3000,))
    noisy = DiscreteGaussian(sigma).from_variates(variates)
    calm = DiscreteGaussian(sigma / 2).from_variates(variates)
    assert (np.abs(calm) <= np.abs(noisy)).all()
    assert (np.sign(calm) * np.sign(noisy) >= 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("sigma", [10.0, 100.0])
def test_discrete_gaussian_at_ten_million_draws(sigma):
    """Chi-square against the exact pmf, false alarm 1e-6; the control has a sigma 1 % off."""
    sample = DiscreteGaussian(sigma).sample(np.random.default_rng(12), (10_000_000,))
    assert p_value(sample, DiscreteGaussian(sigma)) > FALSE_ALARM
    assert p_value(sample, DiscreteGaussian(sigma * 1.01)) < FALSE_ALARM


@pytest.mark.slow
@pytest.mark.parametrize("sigma", [2e4, 3e5, 1e9])
def test_wide_discrete_gaussian(sigma):
    """Kolmogorov's test (conservative for whole numbers), false alarm 1e-6; control 30 % off."""
    sample = DiscreteGaussian(sigma).sample(np.random.default_rng(13), (200_000,))
    assert (sample == np.rint(sample)).all()
    assert stats.kstest(sample / sigma, stats.norm.cdf).pvalue > FALSE_ALARM
    assert stats.kstest(sample / sigma / 1.3, stats.norm.cdf).pvalue < FALSE_ALARM


def opendp_draws(kind, scale, n):
    import opendp.prelude as dp

    dp.enable_features("contrib")
    space = (
        dp.vector_domain(dp.atom_domain(T="i32")),
        (dp.l2_distance(T="f64") if kind == "gaussian" else dp.l1_distance(T="i32")),
    )
    make = dp.m.make_gaussian if kind == "gaussian" else dp.m.make_laplace
    return np.array(make(*space, scale=scale)([0] * n), dtype=np.float64)


def two_sample_p_value(one, other):
    """Chi-square of two samples over cells that hold at least ten draws together."""
    cells = np.clip(np.rint(one), -40, 40), np.clip(np.rint(other), -40, 40)
    table = np.stack([np.bincount((c + 40).astype(int), minlength=81) for c in cells])
    return stats.chi2_contingency(table[:, table.sum(axis=0) >= 10]).pvalue


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "noise", "off"),
    [
        ("gaussian", DiscreteGaussian(5.0), DiscreteGaussian(6.5)),
        ("laplace", Geometric(1 / 5.0), Geometric(1 / 6.5)),
    ],
)
def test_discrete_samplers_agree_with_exact_ones(kind, noise, off):
    """Two-sample chi-square, false alarm 1e-6; the control has a scale 30 % off."""
    n = 20_000
    exact = opendp_draws(kind, 5.0, n)
    assert two_sample_p_value(noise.sample(np.random.default_rng(14), (n,)), exact) > FALSE_ALARM
    assert two_sample_p_value(off.sample(np.random.default_rng(14), (n,)), exact) < FALSE_ALARM
