"""A Lagrangian dual for equal losses of groups."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import attrs

import dpaudit
from dpaudit_plugins.learners._forms import POSITIVE
from dpaudit_plugins.learners._mitigated import Mitigated


@attrs.frozen(kw_only=True)
class LagrangianDual(Mitigated):
    """Train on L + sum_a lambda_a |L_a - L|, with multipliers that grow where a group stands apart.

    All data are protected: the losses of groups come from a noisy query that is counted, and every
    person's weighted gradient is clipped as always. The published form protects the group column
    alone. It equalises losses, not excess risk: measure what it does to every group.

    Parameters
    ----------
    rate
        rho, by which multipliers grow.
    loss_bound
        Losses are taken as at most this where they are asked, in nats.
    most
        The largest multiplier.

    References
    ----------
    Tran, Fioretto and Van Hentenryck (2021), Differentially private and fair deep learning: a
    Lagrangian dual approach, AAAI.
    """

    name: ClassVar[str] = "lagrangian-dual"
    asks: ClassVar[str] = "sum of clipped losses and number of people of each group"

    rate: float = attrs.field(default=0.05, validator=POSITIVE)
    loss_bound: float = attrs.field(default=2.0, validator=POSITIVE)
    most: float = attrs.field(default=2.0, validator=POSITIVE)

    def rule(self) -> Any:
        """Return the rule."""
        from dpaudit.training.group_rules import EqualLoss

        return partial(EqualLoss, rate=self.rate, loss_bound=self.loss_bound, most=self.most)


@dpaudit.hookimpl
def dpaudit_learners() -> Sequence[type[dpaudit.Learner]]:
    """Offer the learner."""
    return (LagrangianDual,)
