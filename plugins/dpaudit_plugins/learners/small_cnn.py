"""A small convolutional net, with no protection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import attrs
import numpy as np

import dpaudit
from dpaudit.training.runs import Arm, ModelRuns
from dpaudit_plugins.learners._nets import Net


@attrs.frozen(kw_only=True)
class SmallCnn(Net):
    """Train a 3 x 3 convolution, ReLU, 2 x 2 maxima and a linear layer on square images.

    Features are the pixels, row by row. Replicates differ in where they start and in the order
    of the records.
    """

    name: ClassVar[str] = "small-cnn"

    architecture: Literal["mlp", "small-cnn"] = attrs.field(default="small-cnn", init=False)

    @property
    def arms(self) -> tuple[Arm, ...]:
        """As it is: nothing is protected."""
        return ("made", "plain")

    def train(
        self, data: dpaudit.TrainingData, replicates: range, seed: int, arm: Arm = "made"
    ) -> ModelRuns:
        """Return a net for each replicate."""
        self.has(arm)
        parameters = np.stack([self.trained(data, r, seed) for r in replicates])
        return ModelRuns(data=data, model=self.model(data), parameters=parameters)


@dpaudit.hookimpl
def dpaudit_learners() -> Sequence[type[dpaudit.Learner]]:
    """Offer the learner."""
    return (SmallCnn,)
