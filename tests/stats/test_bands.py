import numpy as np
import pytest
from scipy import special

from dpaudit.model.estimate import Estimate
from dpaudit.stats.bands import agreement, band, band_quantile
from dpaudit.stats.moments import Moments
from dpaudit.stats.spread import alpha, cost_of_privacy


def estimate(value, half, method="controlled"):
    value = np.asarray(value, dtype=float)
    return Estimate(
        value=value, low=value - half, high=value + half, level=0.95, method=method, draws=64
    )


def test_one_entry_has_the_student_quantile():
    assert band_quantile(0.95, 1, np.array([10.0]))[0] == pytest.approx(2.2281388519649385)


def test_a_band_widens_with_the_number_of_entities():
    wide = band_quantile(0.95, 420, np.array([1e9]))[0]
    assert wide == pytest.approx(special.ndtri(1 - 0.05 / 840), rel=1e-6)


def test_a_band_holds_its_means_and_adds_the_allowance():
    moments = Moments.of(np.random.default_rng(0).normal(size=(64, 3)))
    narrow = band(moments, 0.95, draws=128, method="simulated")
    wide = band(moments, 0.95, draws=128, method="simulated", allowance=1.0)
    np.testing.assert_allclose(wide.high - narrow.high, 1.0)
    assert narrow.draws == 128


def test_agreement_accepts_the_truth_and_refuses_a_shift():
    moments = Moments.of(np.random.default_rng(0).normal(size=(4096, 20)))
    worst, limit = agreement(np.zeros(20), moments, 0.0)
    assert worst <= limit
    worst, limit = agreement(np.full(20, 0.2), moments, 0.0)
    assert worst > limit


def test_agreement_with_no_spread_needs_equality():
    moments = Moments.of(np.ones((8, 2)))
    assert agreement(np.ones(2), moments, 0.0) == (0.0, agreement(np.ones(2), moments, 0.0)[1])
    assert agreement(np.array([1.0, 1.1]), moments, 0.0)[0] == np.inf


def test_alpha_of_exact_biases_is_their_range():
    found = alpha(Estimate.exact(np.array([-3.0, 1.0, 2.0])))
    assert (float(found.value), found.level, found.method) == (5.0, 1.0, "exact")


def test_alpha_of_noise_alone_has_zero_in_its_interval():
    found = alpha(estimate([0.1, -0.2, 0.3], 1.0), (np.array([0.1, -0.2, 0.3]),) * 2)
    assert float(found.low) == 0.0
    assert float(found.high) == pytest.approx(2.5)


def test_alpha_of_one_entity_is_zero():
    assert float(alpha(estimate([5.0], 1.0), (np.array([5.0]),) * 2).high) == 0.0


def test_one_half_chooses_and_the_other_measures():
    first, second = np.array([0.0, 3.0, 1.0]), np.array([0.5, 2.0, 0.0])
    found = alpha(estimate([0.25, 2.5, 0.5], 1.0), (first, second))
    assert float(found.value) == pytest.approx(((2.0 - 0.5) + (3.0 - 1.0)) / 2)


def test_cost_of_privacy_is_half_the_absolute_biases_when_they_cancel():
    bias = np.array([-0.01, 0.004, 0.006])
    found = cost_of_privacy(Estimate.exact(bias).scaled(1e6))
    assert float(found.value) == pytest.approx(10000.0, abs=1e-9)
    assert float(found.value) == pytest.approx(1e6 * np.abs(bias).sum() / 2)


def test_cost_of_privacy_of_noise_alone_has_zero_in_its_interval():
    found = cost_of_privacy(estimate([0.1, -0.2], 1.0), (np.array([0.1, -0.2]),) * 2)
    assert float(found.low) == 0.0
    assert float(found.high) == pytest.approx(0.9 + 1.2)
