"""What mitigations inside DP-SGD share: arms, and statistics that are counted."""

from __future__ import annotations

import abc
from functools import partial
from typing import Any, ClassVar

import attrs

import dpaudit
from dpaudit.training.accounting import Query
from dpaudit.training.runs import Arm
from dpaudit_plugins.learners._forms import POSITIVE
from dpaudit_plugins.learners._stochastic import Stochastic


@attrs.frozen(kw_only=True)
class Mitigated(Stochastic):
    """DP-SGD with a rule of ``dpaudit.training.group_rules``; its plain arm has no rule.

    Group shares are taken to be public. Every statistic of a batch is noisy and is counted with
    the gradients of the same batch, before amplification.

    Attributes
    ----------
    asks
        What is asked of each batch beside the gradients, as a noun phrase; empty for nothing.

    Parameters
    ----------
    statistic_ratio
        Noise on what is asked, over its sensitivity, in units of the noise multiplier of the
        gradients. 4 costs the gradients 3 % more noise.
    """

    asks: ClassVar[str] = ""

    statistic_ratio: float = attrs.field(default=4.0, validator=POSITIVE)

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Without clipping there is nothing to mitigate, so no unclipped arms."""
        return ("made", "twin", "noiseless", "plain")

    def trainer(self, data: dpaudit.TrainingData, **arm: Any) -> Any:
        """Return what trains, with the rule where gradients are clipped."""
        made = super().trainer(data, **arm)
        if not made.clipped:
            return made
        deviation = self.statistic_ratio * made.noise_multiplier if self.is_noisy else 0.0
        return attrs.evolve(made, rule=partial(self.rule(), deviation=deviation))

    @property
    def is_noisy(self) -> bool:
        """Whether what is asked is answered with noise."""
        return bool(self.asks)

    @abc.abstractmethod
    def rule(self) -> Any:
        """Return what makes the rule: called where torch is there."""

    def statistics(self, multiplier: float) -> tuple[Query, ...]:
        """Return what is asked of every batch."""
        if not self.is_noisy:
            return ()
        return (Query(name=self.asks, noise_multiplier=self.statistic_ratio * multiplier),)
