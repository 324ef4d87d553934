"""The Laplace mechanism."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.laplace import Laplace as LaplaceNoise
from dpaudit.privacy.sensitivity import l1_sensitivity
from dpaudit_plugins.mechanisms._additive import Additive, check_amount
from dpaudit_plugins.mechanisms._ways import Ways


@attrs.frozen(kw_only=True, eq=False)
class Laplace(Additive):
    """Add Laplace noise of scale D / epsilon, D the L1 sensitivity of the counts.

    For simulation and audit only. Noise drawn in floating-point arithmetic leaves traces of
    the true counts in the last digits (Mironov 2012); do not publish what this class releases.

    Parameters
    ----------
    epsilon
        Privacy-loss budget of the whole release, positive.
    scale
        Instead of ``epsilon``: the scale of the noise, persons; one number, or a column with
        one for each entity. 0 is no noise, and then nothing is promised.
    levels, invariants
        The share of the budget that each level of the tree gets, and the levels that are
        published exactly.

    References
    ----------
    Dwork, McSherry, Nissim and Smith (2006), Calibrating noise to sensitivity in private data
    analysis, TCC. Mironov (2012), On significance of the least significant bits for
    differential privacy, CCS.

    Examples
    --------
    >>> float(Laplace(epsilon=0.5, neighbours="replace").noise().scale)
    4.0
    """

    name: ClassVar[str] = "laplace"
    ways: ClassVar[Ways] = (("epsilon",), ("scale",))

    epsilon: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.gt(0.0))
    )
    scale: dpaudit.Column | float | None = attrs.field(default=None, validator=check_amount)

    def privacy(self) -> dpaudit.Guarantee:
        """Return epsilon-differential privacy."""
        return dpaudit.Guarantee(
            neighbours=self.neighbours, epsilon=self._loss(), uncovered=self._exact()
        )

    def noise(self) -> LaplaceNoise:
        """Return the noise of every count."""
        return LaplaceNoise(self._spread(self._scale(), -1.0, 0.0))

    def _scale(self) -> FloatArray:
        if self.epsilon is None:
            return np.asarray(self.scale, dtype=np.float64)
        distance = l1_sensitivity(self.neighbours, self.cells_per_person)
        return np.asarray(distance / self.epsilon)

    def _loss(self) -> float:
        if self.epsilon is not None:
            return self.epsilon
        with np.errstate(divide="ignore", over="ignore"):
            return self._touched(1.0 / self._scale())


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (Laplace,)
