"""A small convolutional net for square images, with exact gradients and curvature by torch.

Only its methods need torch, from the extra ``learn``.

References
----------
Pearlmutter (1994), Fast exact multiplication by the Hessian, Neural Computation 6(1);
METHODS-learning 3.3 (the Fisher identity; no residual part with ReLU).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs
import numpy as np

from dpaudit.errors import DataError
from dpaudit.model.arrays import FloatArray
from dpaudit.training.models import Model
from dpaudit.training.records import as_classes
from dpaudit.training.threads import one_torch_thread

if TYPE_CHECKING:
    from torch import Tensor, nn

_CHUNK = 500


@attrs.frozen(kw_only=True)
class ConvNet(Model):
    """Cross-entropy of a 3 x 3 convolution, ReLU, 2 x 2 maxima, and a linear layer with softmax.

    theta holds the kernels, their biases, and the weights and biases of the linear layer in the
    order of torch's ``named_parameters``.

    Parameters
    ----------
    features
        Pixels of a square image, row by row, and the constant column last: the net has biases of
        its own and does not see that.
    channels
        Kernels.
    classes
        K.
    scale
        What pixels are multiplied by, a public constant.

    Raises
    ------
    DataError
        If the pixels do not make a square with an even side.

    Notes
    -----
    With ReLU the Hessian of a record is its Gauss-Newton part almost everywhere, so its trace is
    sum_k f_k ||grad l(x, k)||^2; curvature on the kinks is missed.
    """

    channels: int = attrs.field(default=8, validator=attrs.validators.ge(1))
    classes: int = attrs.field(validator=attrs.validators.ge(2))
    scale: float = 1.0

    def __attrs_post_init__(self) -> None:
        side = math.isqrt(self.features - 1)
        if side * side != self.features - 1 or side % 2 or side < 2:  # noqa: PLR2004
            raise DataError(
                f"{self.features - 1} columns make no square image with an even side",
                hint="list the pixels of a square image as features, row by row",
            )

    @property
    def side(self) -> int:
        """Pixels along a side."""
        return math.isqrt(self.features - 1)

    @property
    def size(self) -> int:
        """10 c + K (c side^2 / 4 + 1)."""
        return 10 * self.channels + self.classes * (self.channels * self.side**2 // 4 + 1)

    def shortfall(self) -> str:
        """Return what a reader must know of predictions from this Hessian."""
        return (
            "the Hessian of a ReLU net misses the curvature on its kinks: predictions from it are "
            "too small for small steps"
        )

    def module(self) -> nn.Module:
        """Return a fresh net in float64."""
        from torch import nn

        side, channels = self.side, self.channels
        return nn.Sequential(
            _pixels(side, self.scale),
            nn.Conv2d(1, channels, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(channels * side * side // 4, self.classes),
        ).double()

    @one_torch_thread()
    def chances(self, theta: FloatArray, inputs: FloatArray) -> FloatArray:
        """Return f, shape (n, K)."""
        import torch

        with torch.no_grad():
            return torch.softmax(self._logits(torch.tensor(theta), _tensor(inputs)), 1).numpy()

    @one_torch_thread()
    def losses(self, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return the loss of every record, shape (n,), nats."""
        import torch

        with torch.no_grad():
            return self._losses(torch.tensor(theta), inputs, labels).numpy()

    @one_torch_thread()
    def gradients(self, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return the gradient of every record, shape (n, P)."""
        import torch

        chosen = torch.as_tensor(as_classes(labels, self.classes))
        return self._gradients(torch.tensor(theta), _tensor(inputs), chosen)

    @one_torch_thread()
    def traces(self, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return the trace of the Hessian of every record, shape (n,), by the Fisher identity."""
        import torch

        chances, x, flat = self.chances(theta, inputs), _tensor(inputs), torch.tensor(theta)
        total = np.zeros(len(inputs))
        for k in range(self.classes):
            slopes = self._gradients(flat, x, torch.full((len(x),), k))
            total += chances[:, k] * np.einsum("ij,ij->i", slopes, slopes)
        return total

    @one_torch_thread()
    def product(
        self, theta: FloatArray, inputs: FloatArray, labels: FloatArray, direction: FloatArray
    ) -> FloatArray:
        """Return the mean Hessian times a direction, shape (P,)."""
        import torch

        at = torch.tensor(theta).clone().requires_grad_()
        mean = self._losses(at, inputs, labels).mean()
        (slope,) = torch.autograd.grad(mean, at, create_graph=True)
        (found,) = torch.autograd.grad(slope @ torch.tensor(direction), at)
        return found.numpy()

    def _gradients(self, theta: Tensor, inputs: Tensor, labels: Tensor) -> FloatArray:
        import torch

        def loss(at: Tensor, x: Tensor, y: Tensor) -> Tensor:
            return torch.nn.functional.cross_entropy(self._logits(at, x[None]), y[None])

        each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0), chunk_size=_CHUNK)
        return each(theta, inputs, labels).numpy()

    def _losses(self, theta: Tensor, inputs: FloatArray, labels: FloatArray) -> Tensor:
        import torch

        chosen = torch.as_tensor(as_classes(labels, self.classes))
        logits = self._logits(theta, _tensor(inputs))
        return torch.nn.functional.cross_entropy(logits, chosen, reduction="none")

    def _logits(self, theta: Tensor, inputs: Tensor) -> Tensor:
        import torch
        from torch.nn import functional

        side, c = self.side, self.channels
        kernels, biases, weights, last = torch.split(
            theta, [9 * c, c, self.size - 10 * c - self.classes, self.classes]
        )
        image = self.scale * inputs[:, : side * side].reshape(-1, 1, side, side)
        seen = torch.relu(functional.conv2d(image, kernels.reshape(c, 1, 3, 3), biases, padding=1))
        pooled = functional.max_pool2d(seen, 2).flatten(1)
        return pooled @ weights.reshape(self.classes, -1).T + last


def _tensor(inputs: FloatArray) -> Tensor:
    import torch

    return torch.as_tensor(inputs, dtype=torch.float64)


def _pixels(side: int, scale: float) -> nn.Module:
    """Return a layer without parameters that makes images of rows."""
    from torch import nn

    class Pixels(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return scale * inputs[:, : side * side].reshape(-1, 1, side, side)

    return Pixels()
