"""Outcomes of known moments that are never far from those whose moments are asked for.

A release Y that was made from what a mechanism gave, M, by steps that move no value by more than
d has E Y within d of E M; what is left to simulate of the bias is Y - M, which is at most d, and
of the squared error (Y - x)^2 - (M - x)^2. A rare large jump of the mechanism, which no draw need
show, is in the moments that the mechanism declares.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np

from dpaudit.estimators.chain import Chain
from dpaudit.estimators.known import sum_of_square
from dpaudit.model.arrays import FloatArray
from dpaudit.model.estimate import Estimate
from dpaudit.model.structure import Linear, Structure


@attrs.frozen(kw_only=True, eq=False)
class Near:
    """Outcomes near those of a release, or sums of them; all in the unit of the decision.

    Parameters
    ----------
    bias, variance
        Of the near outcomes, exact but for numerical errors, shape (m,); no variance where that
        of a sum is not known.
    distance
        How far the outcome of the release is from the near one at most, shape (m,).
    """

    bias: Estimate
    variance: Estimate | None
    distance: FloatArray

    @property
    def square(self) -> Estimate | None:
        """The mean squared error of the near outcomes, shape (m,), where it is known."""
        return None if self.variance is None else sum_of_square(self.bias, self.variance)

    def against(self, shift: FloatArray) -> Near:
        """Return the same outcomes with errors that are larger by ``shift`` (m,)."""
        return attrs.evolve(self, bias=self.bias.plus(shift))

    def summed(self, sums: Callable[[FloatArray], FloatArray], *, independent: bool) -> Near:
        """Return the sums of the outcomes, as ``sums`` takes them of values (m,)."""

        def added(part: Estimate) -> Estimate:
            return Estimate.exact(sums(part.value), error=sums(part.high - part.value))

        known = self.variance if independent else None
        return Near(
            bias=added(self.bias),
            variance=None if known is None else added(known),
            distance=sums(self.distance),
        )

    def unseen_bias(self, risk: float) -> FloatArray:
        """Return what events of probability ``risk`` may add to the bias simulated beside it."""
        return 2.0 * risk * self.distance + (self.bias.high - self.bias.value)

    def unseen_square(self, square: Estimate, risk: float) -> FloatArray:
        """Return what such events may add to the mean squared error simulated beside ``square``.

        With e the error of the near outcome, abs((Y - x)^2 - (M - x)^2) is at most
        2 d abs(e) + d^2: over the events, 2 d sqrt(risk E e^2) + d^2 risk by Cauchy and Schwarz.
        """
        carried = self.distance * (
            2.0 * np.sqrt(risk * np.maximum(square.high, 0.0)) + self.distance * risk
        )
        return carried + (square.high - square.value)

    def certain(self, part: Estimate) -> tuple[FloatArray, FloatArray]:
        """Return what a moment of the outcomes cannot be below or above, shape (m,).

        ``part`` is :attr:`variance` or :attr:`square`. Their roots are norms: by Minkowski those
        of Y and of M differ by at most that of Y - M, which is at most d.
        """
        least, most = np.sqrt(np.clip(part.low, 0.0, None)), np.sqrt(np.maximum(part.high, 0.0))
        return np.clip(least - self.distance, 0.0, None) ** 2, (most + self.distance) ** 2


def near_outcomes(chain: Chain, structure: Structure | None) -> Near | None:
    """Return the outcomes of the mechanism's own release, where they are known and near.

    The decision must take every count alone and linearly. Nothing is returned where the moments
    of the release itself are known, nor where the mechanism draws nothing at random.
    """
    if not isinstance(structure, Linear) or structure.slope is None or chain.replicates is not None:
        return None
    distance, bare = chain.moved, chain.bare
    bias, variance = bare.closed_bias(), bare.closed_variance()
    if distance is None or bias is None or variance is None or not np.any(variance.high > 0):
        return None
    if chain.closed_bias() is not None and chain.closed_variance() is not None:
        return None
    size = np.abs(structure.slope)
    return Near(
        bias=bias.scaled(structure.slope),
        variance=variance.scaled(size**2),
        distance=distance * size,
    )
