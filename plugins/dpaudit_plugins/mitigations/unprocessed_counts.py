"""Deciding from the noisy counts as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

import dpaudit
from dpaudit_plugins.mitigations._changed import takes_negative_counts


@attrs.frozen(kw_only=True)
class UnprocessedCounts(dpaudit.Mitigation):
    """Decide from the noisy counts before any step was applied to them.

    Noise of mean zero leaves a linear decision unbiased, and other decisions with the bias of
    their curvature alone. Whoever decides must be ready for counts below zero.

    References
    ----------
    METHODS-decisions 7.3; Tran, Fioretto, Van Hentenryck and Yao (2021), Decision making with
    differential privacy under a fairness lens, IJCAI, section 6.
    """

    name: ClassVar[str] = "unprocessed-counts"

    def applies(self, subject: dpaudit.Pipeline) -> bool:
        """Return whether a step can be left out: noise of mean zero, and a rule that bears it."""
        noisy = bool(subject.steps) and subject.mechanism.noise() is not None
        return noisy and takes_negative_counts(subject)

    def apply(self, subject: dpaudit.Pipeline) -> dpaudit.Pipeline:
        """Return the pipeline without steps between the mechanism and the decision."""
        return attrs.evolve(subject, steps=())

    def cost(self) -> str:
        """Return that counts may be negative."""
        return "counts that may be negative and do not add up"


@dpaudit.hookimpl
def dpaudit_mitigations() -> Sequence[type[dpaudit.Mitigation]]:
    """Offer the mitigation."""
    return (UnprocessedCounts,)
