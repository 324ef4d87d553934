"""The Gaussian mechanism with its exact calibration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np
from attrs import validators

import dpaudit
from dpaudit.model.arrays import FloatArray
from dpaudit.noise.gaussian import Gaussian as GaussianNoise
from dpaudit.privacy.gaussian import analytic_gaussian_sigma
from dpaudit.privacy.sensitivity import l2_sensitivity


@attrs.frozen(kw_only=True)
class Gaussian(dpaudit.Mechanism):
    """Add Gaussian noise with the smallest variance that is (epsilon, delta)-private.

    For simulation and audit only. Noise drawn in floating-point arithmetic leaves traces of
    the true counts in the last digits; do not publish what this class releases.

    Parameters
    ----------
    epsilon
        Privacy-loss budget of the whole vector of counts, positive and finite.
    delta
        Probability that the budget does not bound, in (0, 1).

    References
    ----------
    Balle and Wang (2018), Improving the Gaussian mechanism for differential privacy: analytical
    calibration and optimal denoising, ICML, Theorem 8.

    Examples
    --------
    >>> round(float(Gaussian(epsilon=1.0, delta=1e-5).noise().sigma), 8)
    3.73063163
    """

    name: ClassVar[str] = "gaussian"

    epsilon: float = attrs.field(validator=[validators.gt(0.0), validators.lt(math.inf)])
    delta: float = attrs.field(validator=[validators.gt(0.0), validators.lt(1.0)])

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the counts plus independent noise, persons."""
        return counts + self.noise().sample(rng, counts.shape)

    def privacy(self) -> dpaudit.Guarantee:
        """Return (epsilon, delta)-differential privacy."""
        return dpaudit.Guarantee(neighbours=self.neighbours, epsilon=self.epsilon, delta=self.delta)

    def noise(self) -> GaussianNoise:
        """Return the noise of every count."""
        distance = l2_sensitivity(self.neighbours, self.cells_per_person)
        return GaussianNoise(analytic_gaussian_sigma(self.epsilon, self.delta, distance))


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (Gaussian,)
