"""Reweighting: every group counts alike in the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import attrs

import dpaudit
from dpaudit_plugins.learners._mitigated import Mitigated


@attrs.frozen(kw_only=True)
class Reweighted(Mitigated):
    """Weigh each loss by 1 / (number of groups x share of the group) before clipping.

    Nothing is asked of the data, so it costs no budget; the clip undoes part of it. Weights after
    the clip would raise the sensitivity, and sampling by weight would give people different
    budgets.
    """

    name: ClassVar[str] = "reweighted"

    def rule(self) -> Any:
        """Return the rule."""
        from dpaudit.training.group_rules import Reweighted as Rule

        return Rule


@dpaudit.hookimpl
def dpaudit_learners() -> Sequence[type[dpaudit.Learner]]:
    """Offer the learner."""
    return (Reweighted,)
