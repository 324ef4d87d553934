"""A net with one hidden layer, trained without privacy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import attrs
import numpy as np

import dpaudit
from dpaudit.training.models import Model
from dpaudit.training.one_hidden_layer import OneHiddenLayer
from dpaudit.training.runs import Arm, ModelFit, ModelRuns
from dpaudit_plugins.learners._forms import POSITIVE, check_classes
from dpaudit_plugins.learners._stochastic import Stochastic

_WHOLE = attrs.validators.ge(1)


@attrs.frozen(kw_only=True)
class Mlp(dpaudit.Learner):
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

    def fit(self, data: dpaudit.TrainingData, rng: np.random.Generator) -> ModelFit:
        """Return one run."""
        runs = self.train(data, range(1), int(rng.integers(2**63)))
        return ModelFit(model=runs.model, theta=runs.parameters[0])

    def train(
        self, data: dpaudit.TrainingData, replicates: range, seed: int, arm: Arm = "made"
    ) -> ModelRuns:
        """Return the runs of ``replicates``, trained together."""
        self.has(arm)
        trainer = _Private(
            noise_multiplier=1.0, batch=self.batch, steps=self.steps, step=self.step,
            architecture="mlp", hidden=self.hidden, activation=self.activation, device=self.device,
        ).trainer(data, clipped=False, noise_sign=0)  # fmt: skip
        parameters = trainer.train(data.train, replicates, seed)
        return ModelRuns(data=data, model=self.model(data), parameters=parameters)

    def check(self, data: dpaudit.TrainingData) -> None:
        """Refuse labels and batches that do not fit."""
        self.model(data)
        if not self.batch <= len(data.train):
            raise dpaudit.UsageError(
                f"batch {self.batch!r} is larger than the {len(data.train)} records learnt from",
                hint="take a smaller batch",
            )

    def model(self, data: dpaudit.TrainingData) -> Model:
        """Return the form of the parameters."""
        check_classes("mlp", data, two=False)
        return OneHiddenLayer(
            features=data.features,
            hidden=self.hidden,
            classes=len(data.classes),
            activation=self.activation,
        )


@attrs.frozen(kw_only=True)
class _Private(Stochastic):
    """The trainer that the net shares with ``dp-sgd``."""

    name: ClassVar[str] = "mlp"


@dpaudit.hookimpl
def dpaudit_learners() -> Sequence[type[dpaudit.Learner]]:
    """Offer the learner."""
    return (Mlp,)
