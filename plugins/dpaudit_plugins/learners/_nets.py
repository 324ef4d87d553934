"""What learners share that train a small net without protection."""

from __future__ import annotations

import functools
from typing import Literal

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.training.draws import generator
from dpaudit.training.image_net import ConvNet
from dpaudit.training.models import Model
from dpaudit_plugins.learners._forms import POSITIVE, check_classes, one_hidden_layer
from dpaudit_plugins.learners._together import Together

_STREAM = 71
_WHOLE = attrs.validators.ge(1)


@attrs.frozen(kw_only=True)
class Net(Together):
    """A small net that is trained by plain minibatch descent.

    Parameters
    ----------
    architecture
        ``mlp`` (one hidden layer) or ``small-cnn`` (3 x 3 convolution, maxima, linear layer;
        features are the pixels of a square image).
    hidden, activation
        Of ``mlp``.
    channels
        Of ``small-cnn``.
    epochs, batch, step
        How long, how many records at once, and the step size; a tenth of it in the last fifth.
    """

    architecture: Literal["mlp", "small-cnn"] = "mlp"
    hidden: int = attrs.field(default=32, validator=_WHOLE)
    activation: Literal["tanh", "relu"] = "tanh"
    channels: int = attrs.field(default=8, validator=_WHOLE)
    epochs: int = attrs.field(default=30, validator=_WHOLE)
    batch: int = attrs.field(default=64, validator=_WHOLE)
    step: float = attrs.field(default=0.5, validator=POSITIVE)

    def check(self, data: dpaudit.TrainingData) -> None:
        """Refuse labels that are numbers, and columns that are no image."""
        self.model(data)

    def model(self, data: dpaudit.TrainingData) -> Model:
        """Return the form of the parameters."""
        if self.architecture == "mlp":
            return one_hidden_layer(data, self.hidden, self.activation)
        check_classes(self.architecture, data, two=False)
        # Rows were divided by a public bound of their norm: this brings pixels back near 1.
        return ConvNet(
            features=data.features,
            channels=self.channels,
            classes=len(data.classes),
            scale=float(np.sqrt(data.features)),
        )

    def caveats(self) -> tuple[str, ...]:
        """Say where the Hessian of the net falls short."""
        if self.architecture == "mlp" and self.activation == "tanh":
            return ()
        said = (
            "predictions from the Hessian of a ReLU net miss the curvature on its kinks and fall "
            "short for small steps"
        )
        return (said,)

    def trained(self, data: dpaudit.TrainingData, replicate: int, seed: int) -> FloatArray:
        """Return the parameters of one replicate before anything is removed, shape (P,)."""
        return _trained(
            self.model(data), (self.epochs, self.batch, self.step), data, replicate, seed
        )


def numbers(seed: int, replicate: int, stream: int) -> np.random.Generator:
    """Return the generator of a part of one replicate's training."""
    return generator(seed, replicate, _STREAM, stream)


@functools.lru_cache(maxsize=256)
def _trained(
    model: Model,
    how: tuple[int, int, float],
    data: dpaudit.TrainingData,
    replicate: int,
    seed: int,
) -> FloatArray:
    """Train once for all that is done to one and the same net."""
    from dpaudit.training import nets

    sgd = nets.Sgd(epochs=how[0], batch=how[1], step=how[2])
    start = nets.started(model, numbers(seed, replicate, 0))
    theta = sgd.run(model, start, data.train, numbers(seed, replicate, 1))
    theta.flags.writeable = False
    return theta
