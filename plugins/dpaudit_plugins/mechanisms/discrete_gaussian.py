"""The discrete Gaussian mechanism."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

import dpaudit
from dpaudit.noise.discrete_gaussian import DiscreteGaussian as DiscreteGaussianNoise
from dpaudit.privacy.zcdp import gaussian_sigma, rho_of
from dpaudit_plugins.mechanisms._additive import GaussianBudget


@attrs.frozen(kw_only=True, eq=False)
class DiscreteGaussian(GaussianBudget):
    """Add discrete Gaussian noise, P(k) proportional to exp(-k^2 / (2 sigma^2)) on the integers.

    The noise of the 2020 census. Whole counts stay whole. Every probability of the simulated
    noise is right to 2^-64; the random bits are those of a simulation, so do not publish what
    this class releases.

    Parameters
    ----------
    rho
        Budget of the whole release in zero-concentrated differential privacy,
        rho = D^2 / (2 sigma^2) with D the L2 sensitivity, positive.
    epsilon, delta
        Instead: the budget to which rho converts tightly.
    sigma
        Instead: sigma of the noise, persons; one number, or a column with one for each entity.
        0 is no noise, and then nothing is promised.
    levels, invariants
        The share of rho that each level of the tree gets, and the levels that are published
        exactly.

    References
    ----------
    Canonne, Kamath and Steinke (2020), The discrete Gaussian for differential privacy, NeurIPS,
    Theorem 4 and Corollary 13.

    Examples
    --------
    >>> float(DiscreteGaussian(rho=0.125).noise().sigma)
    2.0
    """

    name: ClassVar[str] = "discrete-gaussian"

    def noise(self) -> DiscreteGaussianNoise:
        """Return the noise of every count."""
        return DiscreteGaussianNoise(self._split_sigma())

    def _calibrated(self, epsilon: float, delta: float, distance: float) -> float:
        return gaussian_sigma(rho_of(epsilon, delta), distance)


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (DiscreteGaussian,)
