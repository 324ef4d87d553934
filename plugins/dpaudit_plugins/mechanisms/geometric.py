"""The geometric mechanism (discrete Laplace noise)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.geometric import Geometric as GeometricNoise
from dpaudit.privacy.sensitivity import l1_sensitivity
from dpaudit_plugins.mechanisms._additive import Additive, check_amount
from dpaudit_plugins.mechanisms._ways import Ways


@attrs.frozen(kw_only=True, eq=False)
class Geometric(Additive):
    """Add two-sided geometric noise with p = exp(-epsilon / D), D the L1 sensitivity.

    Whole counts stay whole. The noise is drawn from floating-point exponential variates, which
    is right for simulation and audit; a release needs an exact sampler.

    Parameters
    ----------
    epsilon
        Privacy-loss budget of the whole release, positive.
    scale
        Instead of ``epsilon``: the scale of the noise, p = exp(-1 / scale), persons; one number,
        or a column with one for each entity. 0 is no noise, and then nothing is promised.
    levels, invariants
        The share of the budget that each level of the tree gets, and the levels that are
        published exactly.

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
    ways: ClassVar[Ways] = (("epsilon",), ("scale",))

    epsilon: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.gt(0.0))
    )
    scale: dpaudit.Column | float | None = attrs.field(default=None, validator=check_amount)

    def privacy(self) -> dpaudit.Guarantee:
        """Return epsilon-differential privacy."""
        loss = self._touched(self._rate()) if self.epsilon is None else self.epsilon
        return dpaudit.Guarantee(neighbours=self.neighbours, epsilon=loss, uncovered=self._exact())

    def noise(self) -> GeometricNoise:
        """Return the noise of every count."""
        return GeometricNoise(self._spread(self._rate(), 1.0, np.inf))

    def _rate(self) -> FloatArray:
        """Return the privacy loss per person and count, shape () or (n,)."""
        if self.epsilon is not None:
            distance = l1_sensitivity(self.neighbours, self.cells_per_person)
            return np.asarray(self.epsilon / distance)
        with np.errstate(divide="ignore", over="ignore"):
            return np.asarray(1.0 / np.asarray(self.scale, dtype=np.float64))


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (Geometric,)
