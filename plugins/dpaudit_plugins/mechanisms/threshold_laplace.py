"""Noisy counts below a threshold shown as zero: suppression with a privacy guarantee."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import attrs
import numpy as np
from numpy.typing import NDArray

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.law import log_law
from dpaudit.privacy.sensitivity import l1_sensitivity
from dpaudit.solvers.keeping import kept


@attrs.frozen(kw_only=True)
class ThresholdLaplace(dpaudit.Mechanism):
    """Add noise to every count of a known table and show 0 for what then is below k.

    Hiding small noisy counts is post-processing: the noise alone gives epsilon-differential
    privacy, on a list of cells that does not come from the people counted. It is the fair
    counterpart of suppression. For simulation and audit only, as ``laplace``.

    Parameters
    ----------
    threshold
        k, the smallest noisy count that is shown, at least 1.
    epsilon
        Privacy-loss budget of the whole vector of counts, positive.
    family
        ``laplace`` noise of scale D / epsilon, D the L1 sensitivity, or ``geometric`` noise,
        which keeps whole counts whole.

    References
    ----------
    METHODS-attacks 1.

    Examples
    --------
    >>> made = ThresholdLaplace(threshold=10, epsilon=2.0)
    >>> made.bias(np.array([10.0, 25.0])).round(12).tolist()
    [-4.75, -0.0]
    """

    name: ClassVar[str] = "threshold-laplace"
    nonnegative: ClassVar[bool] = True

    threshold: int = attrs.field(validator=attrs.validators.ge(1))
    epsilon: float = attrs.field(validator=attrs.validators.gt(0.0))
    family: Literal["laplace", "geometric"] = "laplace"

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the noisy counts that reach the threshold and 0 for others, persons."""
        noisy = counts + self.added.sample(rng, counts.shape)
        return np.where(noisy >= self.threshold, noisy, 0.0)

    def log_law(
        self, counts: FloatArray, printed: FloatArray, cells: NDArray[np.intp]
    ) -> FloatArray | None:
        """Return the log probability of 0, and the log law of the noise from k on."""
        drop = kept(counts, self.added, self.threshold)[1]
        noisy = log_law(self.added, printed - counts)
        if noisy is None:
            return None
        with np.errstate(divide="ignore"):
            above = np.where(printed >= self.threshold, noisy, -np.inf)
            return np.where(printed == 0, np.log(drop), above)

    def privacy(self) -> dpaudit.Guarantee:
        """Return epsilon-differential privacy."""
        return dpaudit.Guarantee(neighbours=self.neighbours, epsilon=self.epsilon)

    @property
    def added(self) -> dpaudit.Noise:
        """The noise Z of every count before the threshold."""
        distance = l1_sensitivity(self.neighbours, self.cells_per_person)
        if self.family == "geometric":
            return Geometric(self.epsilon / distance)
        return Laplace(distance / self.epsilon)

    def bias(self, counts: FloatArray) -> FloatArray:
        """Return the bias, shape (n,), persons; exact.

        Notes
        -----
        The release is k 1(A) + V with A: x + Z >= k and V = (x + Z - k)^+. From k on its mean
        is x - k P(not A) + E (k - x - Z)^+, below k it is k P(A) + E (x - k + Z)^+: written so,
        nothing cancels but the terms themselves. Laplace noise of scale b gives
        (k + b) / 2 e^{-(k - x) / b} - x below k and -(k - b) / 2 e^{-(x - k) / b} from k on.
        """
        keep, drop = kept(counts, self.added, self.threshold)
        beyond = self.added.excess(-np.abs(counts - self.threshold))
        below = self.threshold * keep + beyond - counts
        return np.where(counts < self.threshold, below, beyond - self.threshold * drop)

    def variance(self, counts: FloatArray) -> FloatArray:
        """Return the variance, shape (n,), persons squared; exact.

        Notes
        -----
        Var (k 1(A) + V) = k^2 P(A) P(not A) + 2 k E V P(not A) + Var V, all of them positive,
        because V is 0 outside A.
        """
        noise, k = self.added, float(self.threshold)
        keep, drop = kept(counts, noise, k)
        above = np.maximum(counts - k, 0.0)
        beyond = noise.excess(-np.abs(counts - k))
        with np.errstate(invalid="ignore", over="ignore"):
            made = k * k * keep * drop + 2.0 * k * (above + beyond) * drop
            made = made + self._spread(counts - k)
        return np.where(np.isinf(noise.variance), np.inf, made)

    def positive(self, counts: FloatArray) -> FloatArray:
        """Return P(x + Z >= k), shape (n,)."""
        return kept(counts, self.added, self.threshold)[0]

    def _spread(self, gap: FloatArray) -> FloatArray:
        """Return Var (gap + Z)^+; from 0 on by what is missing of Var Z, so as not to cancel."""
        noise = self.added
        tail, square = noise.excess(-np.abs(gap)), noise.excess_square(-np.abs(gap))
        missing = noise.variance - square - tail * (2.0 * gap + tail)
        return np.maximum(np.where(gap < 0, square - tail * tail, missing), 0.0)


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (ThresholdLaplace,)
