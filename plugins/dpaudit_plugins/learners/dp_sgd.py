"""DP-SGD: many private runs at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import attrs

import dpaudit
from dpaudit.training.runs import Arm, ModelRuns
from dpaudit_plugins.learners._stochastic import Stochastic


@attrs.frozen(kw_only=True)
class DpSgd(Stochastic):
    """Train by DP-SGD: Poisson batches, clipped gradients, Gaussian noise, the expected batch.

    Logistic regression, softmax or a net with one hidden layer. Give ``epsilon``, for which the
    least noise is found, or ``noise_multiplier``. The guarantee comes from a PLD or PRV accountant.

    Parameters
    ----------
    engine
        ``vectorised`` trains all replicates together; ``opacus`` trains them one by one with
        Opacus, the reference: the same law from other draws, some 40 times slower and without
        the arms that share them.

    References
    ----------
    Abadi, Chu, Goodfellow, McMahan, Mironov, Talwar and Zhang (2016), Deep learning with
    differential privacy, CCS, Algorithm 1.
    """

    name: ClassVar[str] = "dp-sgd"

    engine: Literal["vectorised", "opacus"] = "vectorised"

    @property
    def arms(self) -> tuple[Arm, ...]:
        """All arms, and of Opacus those that need no shared noise."""
        if self.engine == "opacus":
            return ("made", "plain")
        return super().arms

    @property
    def one_by_one(self) -> bool:
        """Whether Opacus trains."""
        return self.engine == "opacus"

    def train(
        self, data: dpaudit.TrainingData, replicates: range, seed: int, arm: Arm = "made"
    ) -> ModelRuns:
        """Return the runs of ``replicates``."""
        if self.engine == "vectorised" or arm != "made":
            return super().train(data, replicates, seed, arm)
        trainer = self.trainer(data)
        from dpaudit.training.opacus_runs import opacus_runs

        parameters = opacus_runs(trainer, data.train, replicates, seed)
        return ModelRuns(data=data, model=self.model(data), parameters=parameters)


@dpaudit.hookimpl
def dpaudit_learners() -> Sequence[type[dpaudit.Learner]]:
    """Offer the learner."""
    return (DpSgd,)
