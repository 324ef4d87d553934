"""Pruning and training on, with or without regard to groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.training.runs import Arm, ModelRuns
from dpaudit_plugins.learners._nets import Net, numbers

if TYPE_CHECKING:
    from dpaudit.training.nets import Penalty, Sgd

_RATE = [attrs.validators.ge(0.0), attrs.validators.lt(1.0)]


@attrs.frozen(kw_only=True)
class Prunes(Net):
    """A net whose smallest weights are set to 0.

    Parameters
    ----------
    rate
        The share of the weights that go.
    scope
        ``global`` (the smallest of all layers together) or ``layer`` (of each layer).
    fine_tune
        Epochs of training on the weights that are left.

    References
    ----------
    Han, Pool, Tran and Dally (2015), Learning both weights and connections for efficient neural
    networks, NeurIPS; Tran, Fioretto, Kim and Naidu (2022), Pruning has a disparate impact on model
    accuracy, NeurIPS.
    """

    rate: float = attrs.field(validator=_RATE)
    scope: Literal["global", "layer"] = "global"
    fine_tune: int = attrs.field(default=0, validator=attrs.validators.ge(0))

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Pruned, and not pruned."""
        return ("made", "plain")

    def train(
        self, data: dpaudit.TrainingData, replicates: range, seed: int, arm: Arm = "made"
    ) -> ModelRuns:
        """Return a net for each replicate; the two arms start and shuffle alike."""
        self.has(arm)
        rows = [
            self.trained(data, r, seed) if arm == "plain" else self.pruned(data, r, seed)
            for r in replicates
        ]
        return ModelRuns(data=data, model=self.model(data), parameters=np.stack(rows))

    def pruned(self, data: dpaudit.TrainingData, replicate: int, seed: int) -> FloatArray:
        """Return the parameters after pruning (and training on) of one replicate, shape (P,)."""
        from dpaudit.training import nets

        model = self.model(data)
        before = self.dense(data, replicate, seed)
        theta, kept = nets.magnitude_pruned(model, before, self.rate, self.scope)
        if not self.fine_tune:
            return theta
        rng = numbers(seed, replicate, 2)
        return self.descent(self.fine_tune).run(
            model, theta, data.train, rng, kept=kept, penalty=self.penalty()
        )

    def dense(self, data: dpaudit.TrainingData, replicate: int, seed: int) -> FloatArray:
        """Return the parameters that are pruned."""
        return self.trained(data, replicate, seed)

    def descent(self, epochs: int) -> Sgd:
        """Return how it trains on."""
        from dpaudit.training import nets

        return nets.Sgd(epochs=epochs, batch=self.batch, step=self.step)

    def penalty(self) -> Penalty | None:
        """Return what training on adds to the loss."""
        return None
