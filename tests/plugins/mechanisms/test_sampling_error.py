import numpy as np
import pytest
from scipy import stats

import dpaudit
from dpaudit.parameters import parameters
from dpaudit_plugins.mechanisms import sampling_error
from dpaudit_plugins.mechanisms.sampling_error import SamplingError

MARGINS, ESTIMATES = np.array([50.0, 0.0, 8.0]), np.array([300.0, 0.0, 40.0])


def test_offered():
    assert sampling_error.dpaudit_mechanisms() == (SamplingError,)
    assert parameters(SamplingError)["margin_of_error"].is_column


def test_margins_of_error():
    """90 % of errors lie within the margin: sd = margin / 1.6449."""
    noise = SamplingError(margin_of_error=MARGINS).noise()
    np.testing.assert_allclose(noise.sigma, MARGINS / 1.6448536269514722, rtol=1e-12)
    within = noise.cdf(MARGINS) - noise.cdf(-MARGINS)
    np.testing.assert_allclose(within[[0, 2]], 0.9, rtol=1e-12)
    wide = SamplingError(margin_of_error=MARGINS, level=0.95).noise()
    np.testing.assert_allclose(wide.sigma, MARGINS / 1.959963984540054, rtol=1e-12)


def test_coefficients_of_variation_scale_with_the_estimate():
    """sd = cv * estimate; the control is the root of half of it, a mistake made elsewhere."""
    for share in (0.2, np.array([0.2, 0.2, 0.2])):
        made = SamplingError(coefficient_of_variation=share, of=ESTIMATES)
        errors = made.release(np.zeros(3), np.random.default_rng(1))
        assert errors[1] == 0.0
        np.testing.assert_allclose(made.noise().variance, (0.2 * ESTIMATES) ** 2)
    draws = made.release(np.zeros((20_000, 3)), np.random.default_rng(2))[:, 0]
    assert stats.kstest(draws / 60.0, stats.norm.cdf).pvalue > 1e-6
    assert stats.kstest(draws / np.sqrt(0.5 * 60.0), stats.norm.cdf).pvalue < 1e-6


def test_it_promises_nothing_and_says_so():
    made = SamplingError(margin_of_error=MARGINS, neighbours="replace")
    assert not made.privacy().promises
    assert made.privacy().uncovered == ()
    assert "not a guarantee" in made.caveats()[0]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"of": ESTIMATES},
        {"coefficient_of_variation": 0.1},
        {"margin_of_error": MARGINS, "coefficient_of_variation": 0.1, "of": ESTIMATES},
        {"margin_of_error": MARGINS, "of": ESTIMATES},
    ],
)
def test_the_error_is_stated_in_one_way(given):
    with pytest.raises(ValueError, match="one way"):
        SamplingError(**given)


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0])
def test_wrong_level(level):
    with pytest.raises(ValueError, match="level"):
        SamplingError(margin_of_error=MARGINS, level=level)


def test_wrong_columns():
    with pytest.raises(dpaudit.DataError, match="margin_of_error"):
        SamplingError(margin_of_error=-MARGINS)
    with pytest.raises(ValueError, match="coefficient_of_variation"):
        SamplingError(coefficient_of_variation=-0.1, of=ESTIMATES)
    assert SamplingError(margin_of_error="moe").margin_of_error == "moe"
