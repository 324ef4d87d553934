"""Shrinking noisy counts towards their mean, in place of clipping them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import attrs

import dpaudit
from dpaudit_plugins.mitigations._changed import found, takes_negative_counts

SHRINKAGE = "shrinkage"
"""The post-processor that takes the place of clipping."""


@attrs.frozen(kw_only=True, eq=False)
class ShrunkenCounts(dpaudit.Mitigation):
    """Move every noisy count towards the mean instead of setting negative ones to 0.

    It helps accuracy where the counts of a group are alike beside the noise: the mean squared error
    falls, and the sum keeps its mean, which clipping raises. It does harm to fairness there: small
    places gain and large ones pay, by design. Where counts differ by far more than the noise it
    leaves them nearly as they were released. Counts may be negative.

    Parameters
    ----------
    method
        ``james-stein``, for equal noise, or ``empirical-bayes``; see the post-processor.
    by
        A grouping, public: counts move towards the mean of their group.

    References
    ----------
    Efron and Morris (1973), Stein's estimation rule and its competitors, JASA 68.
    """

    name: ClassVar[str] = "shrunken-counts"

    method: Literal["james-stein", "empirical-bayes"] = "james-stein"
    by: dpaudit.Column | None = None

    def applies(self, subject: dpaudit.Pipeline) -> bool:
        """Return whether counts of entities are clipped, and the noise before that is known."""
        mechanism = subject.mechanism
        is_known = mechanism.measures == "entities" and mechanism.noise() is not None
        clipped = not subject.decision.rows and any(step.clips for step in subject.steps)
        return is_known and clipped and takes_negative_counts(subject)

    def apply(self, subject: dpaudit.Pipeline) -> dpaudit.Pipeline:
        """Return the pipeline with a shrinkage in place of the first clip, and no clip after it."""
        found(self, subject, self.applies(subject) or None)
        first = next(i for i, step in enumerate(subject.steps) if step.clips)
        by = {} if self.by is None else {"by": self.by}
        shrinkage = subject.create("postprocessor", SHRINKAGE, method=self.method, **by)
        after = (step for step in subject.steps[first:] if not step.clips)
        return attrs.evolve(subject, steps=(*subject.steps[:first], shrinkage, *after))

    def cost(self) -> str:
        """Return that large counts are understated."""
        return "large counts that are understated, and counts that may be negative"


@dpaudit.hookimpl
def dpaudit_mitigations() -> Sequence[type[dpaudit.Mitigation]]:
    """Offer the mitigation."""
    return (ShrunkenCounts,)
