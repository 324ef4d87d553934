"""DPSGD-F: a clip bound for each group, from noisy counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import attrs

import dpaudit
from dpaudit_plugins.learners._mitigated import Mitigated


@attrs.frozen(kw_only=True)
class DpsgdF(Mitigated):
    """Clip each group at C (1 + its share of long gradients over that of all).

    A group that is clipped more gets a larger bound, and the noise follows the largest bound of
    **any** group: that of the groups in a batch would depend on who is in it.

    References
    ----------
    Xu, Du and Wu (2021), Removing disparate impact on model accuracy in differentially private
    stochastic gradient descent, KDD.
    """

    name: ClassVar[str] = "dpsgd-f"
    asks: ClassVar[str] = "how many gradients of each group are long and short"

    def rule(self) -> Any:
        """Return the rule."""
        from dpaudit.training.group_rules import GroupClip

        return GroupClip


@dpaudit.hookimpl
def dpaudit_learners() -> Sequence[type[dpaudit.Learner]]:
    """Offer the learner."""
    return (DpsgdF,)
