"""Projecting noisy shares on what can be paid out, instead of clipping counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

import dpaudit
from dpaudit_plugins.mitigations._changed import found, proportional

PROJECTION = "simplex"
"""The post-processor that projects outcomes."""


@attrs.frozen(kw_only=True)
class ProjectedOutcomes(dpaudit.Mitigation):
    """Share by the noisy counts as they are, then project the outcomes (PoS).

    The allotment is computed from unprocessed counts and projected on the non-negative outcomes
    with the right sum: on every draw the nearest payable outcome, in the largest difference of
    entities as in the sum of differences. It helps where many counts are small beside the noise,
    for clipping each count adds up over thousands of them, and the others pay. Where nothing is
    clipped it changes nothing. Payable outcomes are still less fair than those of unprocessed
    counts, which may be negative.

    References
    ----------
    Tran, Fioretto, Van Hentenryck and Yao (2021), Decision making with differential privacy under
    a fairness lens, IJCAI, Theorems 2 and 3; METHODS-decisions 6.1, 6.3 and 6.4.
    """

    name: ClassVar[str] = "projected-outcomes"

    def applies(self, subject: dpaudit.Pipeline) -> bool:
        """Return whether an amount is shared by weighted counts whose noise has mean zero."""
        is_open = not subject.output and subject.mechanism.noise() is not None
        return is_open and proportional(subject) is not None

    def apply(self, subject: dpaudit.Pipeline) -> dpaudit.Pipeline:
        """Return the pipeline without steps before the decision, and a projection after it."""
        structure = found(self, subject, proportional(subject))
        projection = subject.create("postprocessor", PROJECTION, total=structure.total)
        return attrs.evolve(subject, steps=(), output=(projection,))

    def cost(self) -> str:
        """Return that outcomes depend on one another."""
        return "outcomes of which each depends on the noise of all"


@dpaudit.hookimpl
def dpaudit_mitigations() -> Sequence[type[dpaudit.Mitigation]]:
    """Offer the mitigation."""
    return (ProjectedOutcomes,)
