"""The Gaussian mechanism with its exact calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

import dpaudit
from dpaudit.noise.gaussian import Gaussian as GaussianNoise
from dpaudit.privacy.gaussian import analytic_gaussian_sigma
from dpaudit_plugins.mechanisms._additive import GaussianBudget


@attrs.frozen(kw_only=True, eq=False)
class Gaussian(GaussianBudget):
    """Add Gaussian noise with the smallest variance that spends the budget.

    For simulation and audit only. Noise drawn in floating-point arithmetic leaves traces of
    the true counts in the last digits; do not publish what this class releases.

    Parameters
    ----------
    epsilon, delta
        Privacy-loss budget of the whole release, positive and finite, and the probability that
        it does not bound, in (0, 1).
    rho
        Instead: the budget in zero-concentrated differential privacy, D^2 / (2 sigma^2).
    sigma
        Instead: the standard deviation of the noise, persons; one number, or a column with one
        for each entity. 0 is no noise, and then nothing is promised.
    levels, invariants
        The share of the budget (of rho) that each level of the tree gets, and the levels that
        are published exactly. The levels together are as private as one release with the whole
        budget, exactly: squared ratios of sensitivity to sigma add up.

    References
    ----------
    Balle and Wang (2018), Improving the Gaussian mechanism for differential privacy: analytical
    calibration and optimal denoising, ICML, Theorem 8. Dong, Roth and Su (2022), Gaussian
    differential privacy, JRSS B, section 3 (composition).

    Examples
    --------
    >>> round(float(Gaussian(epsilon=1.0, delta=1e-5).noise().sigma), 8)
    3.73063163
    >>> float(Gaussian(rho=0.125).noise().sigma)
    2.0
    """

    name: ClassVar[str] = "gaussian"

    def noise(self) -> GaussianNoise:
        """Return the noise of every count."""
        return GaussianNoise(self._split_sigma())

    def _calibrated(self, epsilon: float, delta: float, distance: float) -> float:
        return analytic_gaussian_sigma(epsilon, delta, distance)


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (Gaussian,)
