"""Report noisy max: the entity whose noisy count is largest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.laplace import laplace_variates
from dpaudit_plugins.mechanisms._largest import chosen_under_exponential, chosen_under_laplace
from dpaudit_plugins.mechanisms._selection import Selection, below_largest, one_hot


@attrs.frozen(kw_only=True, eq=False)
class NoisyMax(Selection):
    """Add noise of scale 2 / epsilon to every count and choose the largest.

    With ``monotone`` the scale is 1 / epsilon. With exponential noise it is the mechanism known
    as permute-and-flip.

    Parameters
    ----------
    epsilon
        Privacy-loss budget of the choice, positive; ``inf`` chooses the largest.
    monotone
        Use that one person more or less moves all counts in one direction; not under
        ``replace``.
    distribution
        ``laplace``, or ``exponential`` (one-sided, and never worse).

    References
    ----------
    Dwork and Roth (2014), The algorithmic foundations of differential privacy, Claim 3.9.
    McKenna and Sheldon (2020), Permute-and-flip: a new mechanism for differentially private
    selection, NeurIPS; Ding, Kifer and others (2021), The permute-and-flip mechanism is identical
    to report-noisy-max with exponential noise.

    Examples
    --------
    >>> made = NoisyMax(epsilon=1.0, distribution="exponential")
    >>> made.probabilities(np.array([0.0, 1.0])).value.round(4)
    array([0.3033, 0.6967])
    """

    name: ClassVar[str] = "noisy-max"

    distribution: Literal["laplace", "exponential"] = "laplace"

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return 1 for the chosen entity and 0 for all others.

        Counts are compared in units of the noise below the largest, so that equal counts are
        never told apart by rounding.
        """
        if self.distribution == "laplace":
            (unit,) = laplace_variates(rng, counts.shape)
        else:
            unit = rng.standard_exponential(counts.shape)
        return one_hot(int(np.argmax(unit - below_largest(counts, self._rate()))), counts.size)

    def privacy(self) -> dpaudit.Guarantee:
        """Return epsilon-differential privacy."""
        return dpaudit.Guarantee(neighbours=self.neighbours, epsilon=self.epsilon)

    def probabilities(self, counts: FloatArray) -> dpaudit.Estimate:
        """Return the probability that each entity is chosen, by quadrature, shape (n,)."""
        below = below_largest(counts, self._rate())
        if self.distribution == "laplace":
            return chosen_under_laplace(below)
        return chosen_under_exponential(below)


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (NoisyMax,)
