import numpy as np
import pytest
from scipy import special

from dpaudit.stats.bands import agreement, band, band_quantile
from dpaudit.stats.moments import Moments


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
