"""Splitting the budget of a hierarchical mechanism in another way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import attrs

import dpaudit
from dpaudit_plugins.mitigations._changed import found


@attrs.frozen(kw_only=True)
class BudgetSplit(dpaudit.Mitigation):
    """Give each level of the tree another share of the same budget.

    The guarantee stays as it is. More for the level that is decided on lowers its variance, and
    with it the bias of curvature and clipping there; it does harm to every level that pays, and
    to totals that must be right on their own.

    Parameters
    ----------
    levels
        The share of the budget that each measured level gets, by name; they sum to 1. Levels
        that the mechanism publishes exactly stay exact.

    Raises
    ------
    SpecError
        If a level is unknown or left out.

    References
    ----------
    METHODS-decisions 8.1; Abowd et al. (2022), The 2020 Census disclosure avoidance system
    TopDown algorithm, Harvard Data Science Review, section 5 (allocations by level).
    """

    name: ClassVar[str] = "budget-split"

    levels: Mapping[str, float]

    def applies(self, subject: dpaudit.Pipeline) -> bool:
        """Return whether the mechanism measures a tree with a budget for each level."""
        mechanism = subject.mechanism
        return mechanism.measures == "hierarchy" and hasattr(mechanism, "levels")

    def apply(self, subject: dpaudit.Pipeline) -> dpaudit.Pipeline:
        """Return the pipeline with the budget split anew."""
        found(self, subject, self.applies(subject) or None)
        try:
            mechanism = attrs.evolve(subject.mechanism, levels=dict(self.levels))  # type: ignore[call-arg]
        except ValueError as error:
            raise dpaudit.SpecError(
                f"mitigation {self.name!r}: {error}", hint="give positive shares that sum to 1"
            ) from error
        return attrs.evolve(subject, mechanism=mechanism)

    def cost(self) -> str:
        """Return that other levels pay."""
        return "more noise at the levels whose share of the budget falls"


@dpaudit.hookimpl
def dpaudit_mitigations() -> Sequence[type[dpaudit.Mitigation]]:
    """Offer the mitigation."""
    return (BudgetSplit,)
