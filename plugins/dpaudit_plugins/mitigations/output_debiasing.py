"""Subtracting from every outcome what its curvature is expected to have added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.base import Noise
from dpaudit_plugins.mitigations._changed import Changed, found, least_total, noise_seen

CLEAR = 4.0
"""A total of fewer standard deviations of its noise is too near zero to correct anything by."""


@attrs.frozen(kw_only=True, eq=False)
class Debiased(Changed):
    """The outcome of a decision minus its curvature, both at the noisy counts.

    Shares of a weighted total Z~ are divided by at least the standard deviation of its noise, and
    corrected only where Z~ is above four of them.

    Parameters
    ----------
    decision
        The decision that is corrected.
    variance
        Of the noise of every count, shape (n,), persons squared; it is public.
    """

    name: ClassVar[str] = "debiased"

    variance: FloatArray

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the corrected outcome of every entity, shape (n,)."""
        structure = self.decision.structure(counts.size)
        if not isinstance(structure, dpaudit.Proportional):
            return self._corrected(self.decision.decide(counts), counts)
        weighted = structure.weights * counts
        total = float(weighted.sum())
        deviation = float(np.sqrt((np.square(structure.weights) * self.variance).sum()))
        floor = least_total(structure.weights, deviation)
        outcome = structure.total * weighted / max(total, floor)
        return self._corrected(outcome, counts) if total >= CLEAR * floor else outcome

    def existence(self, noise: Noise | None, *, clipped: bool) -> str | None:
        """Return why the expected outcome does not exist; it does where the total is held up."""
        if isinstance(self.decision.structure(self.variance.size), dpaudit.Proportional):
            return None
        return self.decision.existence(noise, clipped=clipped)

    def _corrected(self, outcome: FloatArray, counts: FloatArray) -> FloatArray:
        curvature = self.decision.curvature(counts, self.variance)
        return outcome if curvature is None else outcome - curvature


@attrs.frozen(kw_only=True)
class OutputDebiasing(dpaudit.Mitigation):
    """Publish each outcome minus its second-order bias, estimated from the noisy counts.

    A share P_i~ = a_i x_i~ / Z~ becomes P_i~ - (P_i~ S_2 - a_i^2 v_i) / Z~^2 with
    S_2 = sum_j a_j^2 v_j. The variance v of the noise is public, so this costs no budget, and
    shares still sum to 1. What is left is of fourth order. It helps with smooth decisions on
    unprocessed counts, all the more the smaller the noise is beside the total. It does nothing
    about clipping, which no curvature shows, and does harm where the total is within a few
    standard deviations of zero: there it leaves outcomes as they are.

    References
    ----------
    METHODS-decisions 7.2 and 3.3 (derived for this project).
    """

    name: ClassVar[str] = "output-debiasing"

    def applies(self, subject: dpaudit.Pipeline) -> bool:
        """Return whether the noise of every count is known, and the curvature of the decision."""
        noise = noise_seen(subject)
        if noise is None or subject.decision.rows or subject.output:
            return False
        if isinstance(subject.decision.structure(subject.n), dpaudit.Linear):
            return False
        tried = subject.decision.curvature(np.ones(subject.n), _variance(noise, subject.n))
        return tried is not None

    def apply(self, subject: dpaudit.Pipeline) -> dpaudit.Pipeline:
        """Return the pipeline with the corrected decision."""
        noise = found(self, subject, noise_seen(subject))
        variance = _variance(noise, subject.n)
        return attrs.evolve(
            subject, decision=Debiased(decision=subject.decision, variance=variance)
        )

    def cost(self) -> str:
        """Return that outcomes follow no simple rule."""
        return "outcomes that the rule alone no longer explains"


def _variance(noise: Noise, n: int) -> FloatArray:
    return np.broadcast_to(noise.variance, (n,)).astype(np.float64)


@dpaudit.hookimpl
def dpaudit_mitigations() -> Sequence[type[dpaudit.Mitigation]]:
    """Offer the mitigation."""
    return (OutputDebiasing,)
