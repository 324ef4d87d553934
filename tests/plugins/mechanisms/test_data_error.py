import math

import numpy as np
import pytest

from dpaudit_plugins.mechanisms.data_error import DataError

COUNTS = np.array([10.0, 200.0, 0.0, 3_000.0])
SIZES = np.array([2_500.0, 2_501.0, 65_000.0, 65_001.0])
CENSUS = {"coefficients": (0.67, 0.42, 0.35, 0.28, 0.23, 0.15),
          "bounds": (2_500.0, 5_000.0, 10_000.0, 20_000.0, 65_000.0)}  # fmt: skip


def test_classes_hold_their_upper_bound():
    assert DataError(**CENSUS, size=SIZES).coefficient.tolist() == [0.67, 0.42, 0.23, 0.15]


def test_releases_with_and_without_a_budget_see_the_same_surveys():
    alone, both = (
        DataError(**CENSUS, size=SIZES, epsilon=epsilon).release(COUNTS, np.random.default_rng(1))
        for epsilon in (None, 1e12)
    )
    np.testing.assert_allclose(alone, both, atol=1e-9)
    assert (alone != COUNTS)[[0, 1, 3]].all()
    assert alone[2] == 0.0


def test_estimates_are_never_negative_and_noise_may_be():
    rng = np.random.default_rng(1)
    wide = {"coefficient_of_variation": 3.0}
    assert DataError(**wide).release(np.full(1_000, 5.0), rng).min() == 0
    assert DataError(**wide, epsilon=0.1).release(np.full(1_000, 5.0), rng).min() < 0
    assert DataError(**wide).nonnegative
    assert not DataError(**wide, epsilon=0.1).nonnegative


def test_the_guarantee_is_that_of_the_noise():
    alone, both = (DataError(coefficient_of_variation=0.3, epsilon=e) for e in (None, 0.5))
    assert not alone.privacy().promises
    assert "not a guarantee" in alone.privacy().uncovered[0]
    assert both.privacy().epsilon == 0.5
    assert "no protection" in both.caveats()[0]
    still = np.array([1.0, 5.0])
    exact = DataError(coefficient_of_variation=0.0, epsilon=0.5, neighbours="replace")
    np.testing.assert_allclose(exact.variance(still), 2 * (2 / 0.5) ** 2)
    np.testing.assert_allclose(exact.bias(still), 0.0, atol=1e-12)
    assert math.isinf(alone.privacy().epsilon)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "one way"),
        ({"coefficient_of_variation": 0.1, "size": SIZES}, "one way"),
        ({"coefficients": (0.1, 0.2), "bounds": (5.0,)}, "one way"),
        ({"coefficient_of_variation": 0.1, "bounds": (5.0,)}, "one way"),
        ({"coefficients": (0.1, 0.2), "size": SIZES}, "2 coefficients need 1 bounds"),
        ({**CENSUS, "bounds": (5.0, 4.0, 6.0, 7.0, 8.0), "size": SIZES}, "do not rise"),
        ({"coefficients": (0.1, -0.2), "bounds": (5.0,), "size": SIZES}, "-0.2 is negative"),
    ],
    ids=range(7),
)
def test_what_does_not_fit_is_said(given, said):
    with pytest.raises(ValueError, match=said):
        DataError(**given)
