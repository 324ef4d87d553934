"""A net with one hidden layer, trained without privacy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import attrs

import dpaudit
from dpaudit import BoolArray
from dpaudit.training.one_hidden_layer import OneHiddenLayer
from dpaudit.training.runs import Arm, ModelRuns
from dpaudit_plugins.learners._forms import POSITIVE, one_hidden_layer
from dpaudit_plugins.learners._stochastic import dp_sgd
from dpaudit_plugins.learners._together import Together, check_batch

_WHOLE = attrs.validators.ge(1)


@attrs.frozen(kw_only=True)
class Mlp(Together):
    """Train a net with one hidden layer by SGD over Poisson batches, with no protection.

    Run r starts and draws its batches as run r of ``dp-sgd`` with the same layers does.

    Parameters
    ----------
    hidden, activation
        The layer.
    batch, steps, step
        Expected size of a batch, how many of them, and the step size.
    """

    name: ClassVar[str] = "mlp"

    hidden: int = attrs.field(default=32, validator=_WHOLE)
    activation: Literal["tanh", "relu"] = "tanh"
    batch: float = attrs.field(default=256.0, validator=POSITIVE)
    steps: int = attrs.field(default=400, validator=_WHOLE)
    step: float = attrs.field(default=1.0, validator=POSITIVE)
    device: Literal["cpu", "cuda"] = "cpu"

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Nothing is protected: it is its own plain arm."""
        return ("made", "plain")

    @property
    def arms_apart(self) -> tuple[Arm, ...]:
        """The same."""
        return self.arms

    def train(
        self, data: dpaudit.TrainingData, replicates: range, seed: int, arm: Arm = "made"
    ) -> ModelRuns:
        """Return the runs of ``replicates``, trained together."""
        return self._trained(data, replicates, seed, arm)

    def train_each(
        self,
        data: dpaudit.TrainingData,
        members: BoolArray,
        replicates: range,
        seed: int,
        arm: Arm = "made",
    ) -> ModelRuns:
        """Return runs that learn from people of their own each, trained together."""
        return self._trained(data, replicates, seed, arm, members)

    def _trained(
        self,
        data: dpaudit.TrainingData,
        replicates: range,
        seed: int,
        arm: Arm,
        members: BoolArray | None = None,
    ) -> ModelRuns:
        self.has(arm)
        model = self.model(data)
        trainer = dp_sgd(self.name)(
            sizes=(model.features, model.hidden, model.classes), activation=model.activation,
            batch=self.batch, steps=self.steps, step=self.step, device=self.device,
            clipped=False, clip_norm=1.0, noise_sign=0, noise_multiplier=1.0,
        )  # fmt: skip
        parameters = trainer.train(data.train, replicates, seed, members)
        return ModelRuns(data=data, model=model, parameters=parameters)

    def check(self, data: dpaudit.TrainingData) -> None:
        """Refuse labels and batches that do not fit."""
        self.model(data)
        check_batch(self.batch, data)

    def model(self, data: dpaudit.TrainingData) -> OneHiddenLayer:
        """Return the form of the parameters."""
        return one_hidden_layer(data, self.hidden, self.activation)


@dpaudit.hookimpl
def dpaudit_learners() -> Sequence[type[dpaudit.Learner]]:
    """Offer the learner."""
    return (Mlp,)
