"""A penalty on differences of closeness to the boundary between groups."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import attrs

import dpaudit
from dpaudit_plugins.learners._forms import POSITIVE
from dpaudit_plugins.learners._mitigated import Mitigated


@attrs.frozen(kw_only=True)
class EqualisingPenalty(Mitigated):
    """Add gamma sum_a |h_a - h| to the loss, h the mean of 1 - sum_k f_k^2 (the gamma_2 term).

    The penalty couples people through the signs of h_a - h. With ``private`` these come from a
    noisy query that is counted, and every person's gradient, penalty included, is clipped as
    always. Without, the signs are exact, as the objective is written in the paper: then **nothing
    is promised**.

    Parameters
    ----------
    strength
        gamma_2.
    private
        Whether the signs come from noisy statistics.

    References
    ----------
    Tran, Dinh and Fioretto (2021), Differentially private empirical risk minimization under the
    fairness lens, NeurIPS, Section 6 (the objective; its private form is METHODS-learning 4.1).
    """

    name: ClassVar[str] = "equalising-penalty"
    asks: ClassVar[str] = "sum of closeness and number of people of each group"

    strength: float = attrs.field(default=0.3, validator=POSITIVE)
    private: bool = True

    @property
    def is_noisy(self) -> bool:
        """Whether the signs come from noisy statistics."""
        return self.private

    def rule(self) -> Any:
        """Return the rule."""
        from dpaudit.training.group_rules import EqualCloseness

        return partial(EqualCloseness, strength=self.strength)

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
        """Say it where nothing is promised."""
        return () if self.private else ("as written in the paper, this objective is not private",)


@dpaudit.hookimpl
def dpaudit_learners() -> Sequence[type[dpaudit.Learner]]:
    """Offer the learner."""
    return (EqualisingPenalty,)
