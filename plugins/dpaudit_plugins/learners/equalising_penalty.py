"""A penalty on what sets groups apart: what clipping does to them, and what noise does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import attrs

import dpaudit
from dpaudit.training.accounting import Query
from dpaudit_plugins.learners._mitigated import Mitigated


@attrs.frozen(kw_only=True)
class EqualisingPenalty(Mitigated):
    """Add what sets groups apart to the loss, for clipping (gamma_1) and noise (gamma_2).

    gamma_1 sum_a |<g_a - g, g - clipped g>| + gamma_2 sum_a |h_a - h|, with g mean gradients and h
    the mean of 1 - sum_k f_k^2. Both couple people, through the signs of the differences and
    through g - clipped g, which within a step are taken as fixed. With ``private`` all of them come
    from noisy queries that are counted, and every person's gradient, penalty included, is clipped
    as always. Without they are exact, as the objective is written in the paper: then **nothing is
    promised**.

    Parameters
    ----------
    strength
        gamma_2.
    alignment
        gamma_1. Of a net the penalty's gradient is its Gauss-Newton part.
    private
        Whether signs and directions come from noisy statistics.

    References
    ----------
    Tran, Dinh and Fioretto (2021), Differentially private empirical risk minimization under the
    fairness lens, NeurIPS, Section 6 (the objective; its private form is METHODS-learning 4.1).
    """

    name: ClassVar[str] = "equalising-penalty"
    asks: ClassVar[str] = "sum of closeness and number of people of each group"

    strength: float = attrs.field(default=0.3, validator=attrs.validators.ge(0.0))
    alignment: float = attrs.field(default=0.0, validator=attrs.validators.ge(0.0))
    private: bool = True

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if not self.strength and not self.alignment:
            raise ValueError("strength and alignment are both 0: nothing would be penalised")

    @property
    def is_noisy(self) -> bool:
        """Whether the signs come from noisy statistics."""
        return self.private

    def rule(self) -> Any:
        """Return the rule."""
        from dpaudit.training.group_alignment import equalising

        return partial(equalising, strength=self.strength, alignment=self.alignment)

    def statistics(self, multiplier: float) -> tuple[Query, ...]:
        """Return what is asked of every batch."""
        asked = super().statistics(multiplier) if self.strength else ()
        if not (self.private and self.alignment):
            return asked
        names = ("sum of what clipping takes off", "sum of gradients along it, by group")
        noise = self.statistic_ratio * multiplier
        return (*asked, *(Query(name=name, noise_multiplier=noise) for name in names))

    def privacy(self, data: dpaudit.TrainingData) -> dpaudit.Guarantee:
        """Return what is promised: nothing where the signs are exact."""
        if self.private:
            return super().privacy(data)
        return dpaudit.Guarantee(neighbours=self.neighbours)

    def counted(self, data: dpaudit.TrainingData) -> tuple[str, ...]:
        """Return the account, or why there is none."""
        if self.private:
            return super().counted(data)
        return ("the signs of the penalty are exact functions of the data: no budget bounds this",)

    def caveats(self) -> tuple[str, ...]:
        """Say it where nothing is promised, and what is not counted where something is."""
        if self.private:
            return super().caveats()
        return ("as written in the paper, this objective is not private",)


@dpaudit.hookimpl
def dpaudit_learners() -> Sequence[type[dpaudit.Learner]]:
    """Offer the learner."""
    return (EqualisingPenalty,)
