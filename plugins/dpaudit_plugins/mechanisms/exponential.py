"""The exponential mechanism."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.privacy.zcdp import bounded_range_rho
from dpaudit_plugins.mechanisms._selection import Selection, below_largest, one_hot


@attrs.frozen(kw_only=True, eq=False)
class Exponential(Selection):
    """Choose entity i with probability proportional to exp(epsilon x_i / 2).

    The utility is the count x_i. With ``monotone`` the 2 is left out.

    Parameters
    ----------
    epsilon
        Privacy-loss budget of the choice, positive; ``inf`` chooses the largest.
    monotone
        Use that one person more or less moves all counts in one direction; not under
        ``replace``.

    References
    ----------
    McSherry and Talwar (2007), Mechanism design via differential privacy, FOCS. Dong, Durfee
    and Rogers (2020), Optimal differential privacy composition for exponential mechanisms, ICML
    (bounded range). Cesar and Rogers (2021), Bounding, concentrating, and truncating: unifying
    privacy loss composition for data analytics, ALT (rho = epsilon^2 / 8).

    Examples
    --------
    >>> Exponential(epsilon=1.0).probabilities(np.array([0.0, 1.0, 3.0])).value.round(4)
    array([0.1402, 0.2312, 0.6285])
    """

    name: ClassVar[str] = "exponential"

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return 1 for the chosen entity and 0 for all others."""
        cumulated = np.cumsum(self._weights(counts))
        index = np.searchsorted(cumulated, rng.random() * cumulated[-1], side="right")
        return one_hot(min(int(index), counts.size - 1), counts.size)

    def privacy(self) -> dpaudit.Guarantee:
        """Return epsilon-differential privacy, and rho = epsilon^2 / 8 by bounded range."""
        rho = bounded_range_rho(self.epsilon)
        return dpaudit.Guarantee(neighbours=self.neighbours, epsilon=self.epsilon, rho=rho)

    def probabilities(self, counts: FloatArray) -> dpaudit.Estimate:
        """Return the probability that each entity is chosen, shape (n,)."""
        weights = self._weights(counts)
        return dpaudit.Estimate.exact(weights / weights.sum())

    def _weights(self, counts: FloatArray) -> FloatArray:
        return np.exp(-below_largest(counts, self._rate()))


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (Exponential,)
