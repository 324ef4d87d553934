"""R nets of one architecture as one: Linear layers with a replicate axis and ghost norms.

This module needs torch, from the extra ``learn``.

References
----------
Li, Tramer, Liang and Hashimoto (2022), Large language models can be strong differentially private
learners, ICLR, Section 4 (ghost clipping); METHODS-learning 3.3 and 8.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from dpaudit.errors import UsageError

Activation = Literal["tanh", "relu"]
Changed: TypeAlias = Callable[[Tensor, Tensor], Tensor]


class Backward(NamedTuple):
    """What a gradient is made of: the input (R, B, in) and error (R, B, out) of each layer."""

    inputs: list[Tensor]
    errors: list[Tensor]


class Ensemble:
    """R copies of a stack of Linear layers with cross-entropy.

    Parameters
    ----------
    sizes
        Columns of the inputs, hidden units by layer, and logits: ``(d, 1)`` is logistic
        regression (one logit, labels 0 and 1), ``(d, h, K)`` a net with softmax.
    parameters
        theta of every replicate, shape (R, P): weights (out, in) and biases by layer.
    activation
        Between layers.
    bias
        Whether layers have biases; without, append a constant column.
    """

    def __init__(
        self,
        sizes: tuple[int, ...],
        parameters: Tensor,
        *,
        activation: Activation = "tanh",
        bias: bool = True,
    ) -> None:
        self.sizes, self.bias, self.activation = sizes, bias, activation
        if parameters.shape[1] != parameter_count(sizes, bias=bias):
            raise UsageError(
                f"parameters have the shape {tuple(parameters.shape)}, layers {sizes!r} need "
                f"{parameter_count(sizes, bias=bias)} of each replicate",
                hint="see parameter_count",
            )
        self.parameters = parameters.clone()
        self.weights, self.biases = self._layers(self.parameters)

    def _layers(self, flat: Tensor) -> tuple[list[Tensor], list[Tensor | None]]:
        """Return views of weights (R, out, in) and biases (R, out) of vectors (R, P)."""
        weights: list[Tensor] = []
        biases: list[Tensor | None] = []
        start = 0
        for fan_in, fan_out in itertools.pairwise(self.sizes):
            part = flat[:, start : start + fan_in * fan_out]
            weights.append(part.view(-1, fan_out, fan_in))
            start += fan_in * fan_out
            biases.append(flat[:, start : start + fan_out] if self.bias else None)
            start += fan_out if self.bias else 0
        return weights, biases

    def forward(self, inputs: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the input of every layer, (R, B, in), and the logits, (R, B, K)."""
        entering, now = [], inputs
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if layer:
                now = torch.tanh(now) if self.activation == "tanh" else torch.relu(now)
            entering.append(now)
            now = _linear(now, weight, bias)
        return entering, now

    def backward(self, inputs: Tensor, labels: Tensor, changed: Changed | None = None) -> Backward:
        """Return what the gradient of every record is made of; labels are (R, B) of int64.

        ``changed`` is given the logits and their errors (R, B, K) and returns other errors.
        """
        entering, logits = self.forward(inputs)
        if self.sizes[-1] == 1:
            error = torch.sigmoid(logits) - labels[:, :, None].to(logits.dtype)
        else:
            error = torch.softmax(logits, dim=2)
            error.scatter_add_(2, labels[:, :, None], -torch.ones_like(error[:, :, :1]))
        if changed is not None:
            error = changed(logits, error)
        errors = [error]
        for weight, now in zip(self.weights[:0:-1], entering[:0:-1], strict=True):
            error = torch.bmm(error, weight) * self._slope(now)
            errors.append(error)
        return Backward(entering, errors[::-1])

    def norms(self, made: Backward) -> Tensor:
        """Return the norm of the gradient of every record, (R, B), without any gradient."""
        constant = 1.0 if self.bias else 0.0
        squares = [
            error.square().sum(2) * (entering.square().sum(2) + constant)
            for entering, error in zip(made.inputs, made.errors, strict=True)
        ]
        return torch.stack(squares).sum(0).sqrt()

    def along(self, made: Backward, direction: Tensor) -> Tensor:
        """Return <g_i, v> of every record, (R, B), for one v of each replicate, (R, P)."""
        found = torch.zeros_like(made.errors[0][:, :, 0])
        weights, biases = self._layers(direction)
        for entering, error, weight, bias in zip(
            made.inputs, made.errors, weights, biases, strict=True
        ):
            found = found + (error * _linear(entering, weight, bias)).sum(2)
        return found

    def tangent(self, inputs: Tensor, direction: Tensor) -> Tensor:
        """Return the derivative of the logits along v, (R, B, K), for v of shape (R, P)."""
        now, moved = inputs, torch.zeros_like(inputs)
        weights, biases = self._layers(direction)
        for layer, (own, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if layer:
                now = torch.tanh(now) if self.activation == "tanh" else torch.relu(now)
                moved = moved * self._slope(now)
            moved = torch.bmm(moved, own.transpose(1, 2)) + _linear(
                now, weights[layer], biases[layer]
            )
            now = _linear(now, own, bias)
        return moved

    def _slope(self, activated: Tensor) -> Tensor:
        """Return the slope of the activation where it has this value."""
        if self.activation == "tanh":
            return 1.0 - activated * activated
        return (activated > 0).to(activated.dtype)

    def gradient(self, made: Backward, weights: Tensor) -> Tensor:
        """Return the sum of gradients times ``weights`` (R, B), shape (R, P)."""
        parts = []
        for entering, error in zip(made.inputs, made.errors, strict=True):
            weighted = error * weights[:, :, None]
            parts.append(torch.bmm(weighted.transpose(1, 2), entering).flatten(1))
            if self.bias:
                parts.append(weighted.sum(1))
        return torch.cat(parts, dim=1)

    def losses(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of every record (n, d) under every replicate, (R, n), nats."""
        logits = self._of_all(inputs)
        if self.sizes[-1] == 1:
            return functional.softplus(logits[:, :, 0]) - labels * logits[:, :, 0]
        chosen = logits.gather(2, labels.expand(len(logits), -1)[:, :, None])[:, :, 0]
        return torch.logsumexp(logits, dim=2) - chosen

    def predictions(self, inputs: Tensor) -> Tensor:
        """Return the predicted class of every record (n, d) by every replicate, (R, n)."""
        logits = self._of_all(inputs)
        if self.sizes[-1] == 1:
            return (logits[:, :, 0] > 0).to(torch.int64)
        return logits.argmax(2)

    def _of_all(self, inputs: Tensor) -> Tensor:
        return self.forward(inputs.expand(len(self.parameters), *inputs.shape))[1]


def _linear(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return W x + b of every record, (R, B, out)."""
    made = torch.bmm(inputs, weight.transpose(1, 2))
    return made if bias is None else made + bias[:, None]


def parameter_count(sizes: tuple[int, ...], *, bias: bool = True) -> int:
    """Return P of a stack of layers.

    Examples
    --------
    >>> parameter_count((50, 64, 2))
    3394
    """
    pairs = itertools.pairwise(sizes)
    return sum(fan_out * (fan_in + bias) for fan_in, fan_out in pairs)


def start_scales(sizes: tuple[int, ...], *, bias: bool = True) -> Tensor:
    """Return the half width of torch's uniform first value of every parameter, shape (P,).

    1/sqrt(fan in) for weights and biases of a Linear layer.
    """
    pairs = itertools.pairwise(sizes)
    return torch.cat(
        [torch.full((o * (i + bias),), 1.0 / math.sqrt(i), dtype=torch.float64) for i, o in pairs]
    )
