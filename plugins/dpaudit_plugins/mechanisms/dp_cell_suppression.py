"""Suppression decided by a noisy count that then shows the true one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.laplace import Laplace
from dpaudit.solvers.keeping import kept


@attrs.frozen(kw_only=True)
class DpCellSuppression(dpaudit.Mechanism):
    """Show the true count if it reaches k with Laplace noise on it, and 0 otherwise.

    It borrows the noise of differential privacy without its promise: a count that is shown is
    shown exactly. Of neighbours c and c + 1 the output c + 1 is possible under one alone, with
    probability P(c + 1 + Z >= k), which is the tight delta of that cell at every epsilon. It
    comes as near to 1 as counts are large; a guarantee for all tables has delta 1.

    Parameters
    ----------
    threshold
        k, the count that the noisy one must reach, at least 1.
    epsilon
        One over the scale of the noise Z, positive. It is no privacy-loss budget, and the same
        for either neighbouring relation.

    References
    ----------
    METHODS-attacks 1 (DPCS).

    Examples
    --------
    >>> made = DpCellSuppression(threshold=10, epsilon=1.0)
    >>> round(float(made.tight_delta(np.array([15.0]))[0]), 5)
    0.99876
    """

    name: ClassVar[str] = "dp-cell-suppression"
    nonnegative: ClassVar[bool] = True

    threshold: int = attrs.field(validator=attrs.validators.ge(1))
    epsilon: float = attrs.field(validator=attrs.validators.gt(0.0))

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return each count or 0, persons, of the shape of ``counts``."""
        noisy = counts + self._decider.sample(rng, counts.shape)
        return np.where(noisy >= self.threshold, counts, 0.0)

    def log_law(
        self, counts: FloatArray, printed: FloatArray, cells: NDArray[np.intp]
    ) -> FloatArray:
        """Return the log probability of the count itself and of 0, exactly."""
        keep, drop = kept(counts, self._decider, self.threshold)
        with np.errstate(divide="ignore"):
            shown = np.where(printed == counts, np.log(keep), -np.inf)
            return np.where(printed == 0, np.log(np.where(counts == 0, 1.0, drop)), shown)

    def privacy(self) -> dpaudit.Guarantee:
        """Return delta = 1 at every epsilon, the worst over all tables."""
        shown = "every count that is shown at all"
        return dpaudit.Guarantee(
            neighbours=self.neighbours, delta=1.0, every_epsilon=True, uncovered=(shown,)
        )

    def tight_delta(self, counts: FloatArray) -> FloatArray:
        """Return the tight delta between c and c + 1 people in a cell, shape (n,).

        It is the same at every epsilon; that of a table whose people are added or removed is
        the largest over its cells.
        """
        return kept(counts + 1.0, self._decider, self.threshold)[0]

    def bias(self, counts: FloatArray) -> FloatArray:
        """Return -x P(x + Z < k), shape (n,), persons; exact."""
        return -counts * kept(counts, self._decider, self.threshold)[1]

    def variance(self, counts: FloatArray) -> FloatArray:
        """Return x^2 P(x + Z >= k) P(x + Z < k), shape (n,), persons squared; exact."""
        keep, drop = kept(counts, self._decider, self.threshold)
        return counts * counts * keep * drop

    def positive(self, counts: FloatArray) -> FloatArray:
        """Return P(x + Z >= k) for positive counts, and 0 for empty ones, shape (n,)."""
        return np.where(counts > 0, kept(counts, self._decider, self.threshold)[0], 0.0)

    def caveats(self) -> tuple[str, ...]:
        """Return that the name promises more than the release keeps."""
        return ("this suppression uses noise but is not differentially private",)

    @property
    def _decider(self) -> Laplace:
        return Laplace(1.0 / self.epsilon)


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (DpCellSuppression,)
