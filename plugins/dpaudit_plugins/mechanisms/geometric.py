"""The geometric mechanism (discrete Laplace noise)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit.model.arrays import FloatArray
from dpaudit.noise.geometric import Geometric as GeometricNoise
from dpaudit.privacy.sensitivity import l1_sensitivity


@attrs.frozen(kw_only=True)
class Geometric(dpaudit.Mechanism):
    """Add two-sided geometric noise with p = exp(-epsilon / D), D the L1 sensitivity.

    Whole counts stay whole. The noise is drawn from floating-point exponential variates, which
    is right for simulation and audit; a release needs an exact sampler.

    Parameters
    ----------
    epsilon
        Privacy-loss budget of the whole vector of counts, positive.

    References
    ----------
    Ghosh, Roughgarden and Sundararajan (2012), Universally utility-maximizing privacy
    mechanisms, SIAM Journal on Computing 41(6).

    Examples
    --------
    >>> round(float(Geometric(epsilon=1.0).noise().variance), 10)
    1.8413471884
    """

    name: ClassVar[str] = "geometric"

    epsilon: float = attrs.field(validator=attrs.validators.gt(0.0))

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the counts plus independent whole-number noise, persons."""
        return counts + self.noise().sample(rng, counts.shape)

    def privacy(self) -> dpaudit.Guarantee:
        """Return epsilon-differential privacy."""
        return dpaudit.Guarantee(neighbours=self.neighbours, epsilon=self.epsilon)

    def noise(self) -> GeometricNoise:
        """Return the noise of every count."""
        distance = l1_sensitivity(self.neighbours, self.cells_per_person)
        return GeometricNoise(self.epsilon / distance)


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (Geometric,)
