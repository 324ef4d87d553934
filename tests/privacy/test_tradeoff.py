import numpy as np
import pytest
from scipy import special

from dpaudit.errors import UsageError
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.privacy.gaussian import gaussian_delta
from dpaudit.privacy.gdp import gaussian_epsilon, mu_lower_bound
from dpaudit.privacy.tradeoff import (
    ApproximateDp,
    GaussianCurve,
    LaplaceCurve,
    Polyline,
    from_outcomes,
    suppressed,
)  # fmt: skip

RATES = np.concatenate([[0.0], np.geomspace(1e-9, 1.0, 200_001)])
BUDGETS = (0.1, 0.5, 1.0, 4.0)


def clipped_law(noise, count, most=400):
    """Probabilities of max(0, count + X) for whole-number noise, up to ``most``."""
    at = np.arange(most + 1, dtype=np.float64)
    law = noise.cdf(at - count) - np.where(at > 0, noise.cdf(at - count - 1.0), 0.0)
    law[-1] = noise.cdf(count - at[-1])  # symmetric: P(X >= most - count)
    return law / law.sum()


@pytest.mark.parametrize(
    "curve",
    [
        *(LaplaceCurve(e) for e in BUDGETS), GaussianCurve(1.0), GaussianCurve(2.0, count=1.0),
        ApproximateDp(1.0, 0.01),
    ],
    ids=str,
)  # fmt: skip
def test_the_area_is_that_under_the_curve(curve):
    high = curve.tpr(RATES)
    assert (np.diff(high) >= -1e-12).all()
    assert curve.auc == pytest.approx(np.trapezoid(high, RATES), abs=1e-6)


@pytest.mark.parametrize("epsilon", BUDGETS)
def test_noise_stays_under_the_ceiling_of_its_guarantee(epsilon):
    ceiling = ApproximateDp(epsilon)
    assert (LaplaceCurve(epsilon).tpr(RATES) <= ceiling.tpr(RATES) + 1e-12).all()
    assert LaplaceCurve(epsilon).auc < ceiling.auc
    # The control: noise of 9 tenths of the scale breaks it.
    assert (LaplaceCurve(epsilon / 0.9).tpr(RATES) > ceiling.tpr(RATES) + 1e-6).any()
    gaussian = GaussianCurve(epsilon)
    ceiling = ApproximateDp(0.5, gaussian_delta(0.5, 1.0 / epsilon))
    assert (gaussian.tpr(RATES) <= ceiling.tpr(RATES) + 1e-12).all()


@pytest.mark.parametrize("epsilon", BUDGETS)
@pytest.mark.parametrize("count", [0, 1, 10])
def test_clipping_costs_the_attacker_nothing(epsilon, count):
    """Laplace and geometric noise, to 1e-13; the control, Gaussian noise, loses."""
    noise, curve = Laplace(1.0 / epsilon), LaplaceCurve(epsilon)
    level = np.linspace(0.0, count + 30.0 / epsilon, 5_001)
    false, true = noise.cdf(count - level), noise.cdf(count + 1.0 - level)
    np.testing.assert_allclose(curve.tpr(false), true, rtol=0, atol=1e-13)
    share = np.linspace(0.0, 1.0, 101)  # of the outputs that are 0
    np.testing.assert_allclose(
        curve.tpr(false[0] + share * (1.0 - false[0])),
        true[0] + share * (1.0 - true[0]), rtol=0, atol=1e-13,
    )  # fmt: skip
    laws = [clipped_law(Geometric(epsilon), c) for c in (count + 1, count)]
    geometric = from_outcomes(*laws)
    assert geometric.auc == pytest.approx(ApproximateDp(epsilon).auc, abs=1e-13)
    lost = GaussianCurve(1.0).tpr(0.9) - GaussianCurve(1.0, count=0.0).tpr(0.9)
    assert lost > 1e-3


def test_suppression_is_certain_or_blind():
    assert [suppressed(c, 10, marked=True).auc for c in (0, 1, 8, 9, 10)] == [1, 0.5, 0.5, 1, 1]
    assert [suppressed(c, 10, marked=False).auc for c in (0, 1, 9)] == [0.5, 0.5, 1.0]
    assert float(suppressed(9, 10, marked=True).tpr(0.0)) == 1.0


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: ApproximateDp(-1.0), "-1.0"),
        (lambda: ApproximateDp(1.0, float("nan")), "nan"),
        (lambda: LaplaceCurve(float("inf")), "inf"),
        (lambda: GaussianCurve(float("nan")), "nan"),
        (lambda: LaplaceCurve(1.0).tpr(1.5), "1.5"),
        (lambda: from_outcomes(np.array([0.5]), np.array([1.0])), "0.5"),
        (lambda: Polyline(false=[0.0, 1.0], true=[1.0, 0.5]), "fall"),
        (lambda: suppressed(-1, 10, marked=True), "-1"),
        (lambda: gaussian_epsilon(1.0, 0.0), "0.0"),
        (lambda: mu_lower_bound(2, 1, 0, 1, 0.05), "2"),
    ],
)
def test_wrong_values_are_named(make, named):
    with pytest.raises(UsageError, match=named) as raised:
        make()
    assert raised.value.hint


@pytest.mark.parametrize("mu", [0.01, 0.5, 1.0, 6.0])
@pytest.mark.parametrize("delta", [1e-12, 1e-5, 0.1])
def test_epsilon_of_mu_has_that_delta(mu, delta):
    epsilon = gaussian_epsilon(mu, delta)
    if epsilon == 0.0:
        assert gaussian_delta(0.0, 1.0 / mu) <= delta
    else:
        assert gaussian_delta(epsilon, 1.0 / mu) == pytest.approx(delta, rel=1e-9)


def test_an_attack_at_the_truth_bounds_mu_from_below():
    n, mu = 10**6, 1.5
    errors = round(n * float(special.ndtr(-mu / 2)))
    assert mu - 0.02 < mu_lower_bound(errors, n, errors, n, 1e-6) < mu
