"""The Laplace mechanism."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit.model.arrays import FloatArray
from dpaudit.noise.laplace import Laplace as LaplaceNoise
from dpaudit.privacy.sensitivity import l1_sensitivity


@attrs.frozen(kw_only=True)
class Laplace(dpaudit.Mechanism):
    """Add Laplace noise of scale D / epsilon, D the L1 sensitivity of the counts.

    For simulation and audit only. Noise drawn in floating-point arithmetic leaves traces of
    the true counts in the last digits (Mironov 2012); do not publish what this class releases.

    Parameters
    ----------
    epsilon
        Privacy-loss budget of the whole vector of counts, positive.

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

    epsilon: float = attrs.field(validator=attrs.validators.gt(0.0))

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the counts plus independent noise, persons."""
        return counts + self.noise().sample(rng, counts.shape)

    def privacy(self) -> dpaudit.Guarantee:
        """Return epsilon-differential privacy."""
        return dpaudit.Guarantee(neighbours=self.neighbours, epsilon=self.epsilon)

    def noise(self) -> LaplaceNoise:
        """Return the noise of every count."""
        return LaplaceNoise(l1_sensitivity(self.neighbours, self.cells_per_person) / self.epsilon)


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (Laplace,)
