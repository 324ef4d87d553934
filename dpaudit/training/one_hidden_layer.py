"""A net with one hidden layer: gradients, curvature and its two parts, without autograd.

References
----------
Pearlmutter (1994), Fast exact multiplication by the Hessian, Neural Computation 6(1);
METHODS-learning 3.3 (the Fisher identity and the residual part).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import attrs
import numpy as np
from scipy import special

from dpaudit.model.arrays import FloatArray
from dpaudit.training.models import Model
from dpaudit.training.records import as_classes

Activation = Literal["tanh", "relu"]
_ROWS = 500
"""Records at once where every intermediate array then stays in the processor's cache."""


class _Layers(NamedTuple):
    """Parameters by layer: W1 (h, d), b1 (h,), W2 (K, h), b2 (K,)."""

    w1: FloatArray
    b1: FloatArray
    w2: FloatArray
    b2: FloatArray


class _Pass(NamedTuple):
    """One pass: activations (n, h), their two derivatives, f (n, K), f - e_y, (f - e_y) W2."""

    hidden: FloatArray
    slope: FloatArray
    bend: FloatArray
    chances: FloatArray
    output: FloatArray
    back: FloatArray


@attrs.frozen(kw_only=True)
class OneHiddenLayer(Model):
    """Cross-entropy of softmax(W2 phi(W1 x + b1) + b2).

    theta holds W1 (h, d), b1, W2 (K, h), b2 in this order, as torch's ``named_parameters`` of
    two Linear layers does.

    Parameters
    ----------
    hidden, classes
        h and K.
    activation
        ``tanh`` or ``relu``.

    Notes
    -----
    With ReLU the residual part of the Hessian is 0 almost everywhere: curvature that sits on the
    kinks is missed, and predictions from it fall short (the noise term of Theorem 2 by 3 to 21 %
    for small steps, METHODS-learning 3.1). :meth:`shortfall` is the sentence for a report.
    """

    hidden: int = attrs.field(validator=attrs.validators.ge(1))
    classes: int = attrs.field(default=2, validator=attrs.validators.ge(2))
    activation: Activation = attrs.field(
        default="tanh", validator=attrs.validators.in_(("tanh", "relu"))
    )

    @property
    def size(self) -> int:
        """H d + h + K h + K."""
        return self.hidden * (self.features + 1) + self.classes * (self.hidden + 1)

    def shortfall(self) -> str | None:
        """Return what a reader must know of predictions from this Hessian, or ``None``."""
        if self.activation == "tanh":
            return None
        return (
            "the Hessian of a ReLU net misses the curvature on its kinks: predictions from it were "
            "3 to 21 % too small for small steps"
        )

    def probabilities(self, theta: FloatArray, inputs: FloatArray) -> FloatArray:
        """Return f, shape (n, K)."""
        layers = self._layers(theta)
        return special.softmax(self._logits(layers, inputs), axis=1)

    def chances(self, theta: FloatArray, inputs: FloatArray) -> FloatArray:
        """Return f, shape (n, K)."""
        return self.probabilities(theta, inputs)

    def losses(self, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return the loss of every record, shape (n,), nats."""
        logits = self._logits(self._layers(theta), inputs)
        chosen = logits[np.arange(len(logits)), as_classes(labels, self.classes)]
        return special.logsumexp(logits, axis=1) - chosen

    def gradients(self, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return the gradient of every record, shape (n, P); :meth:`gradient_norms` needs none."""
        state = self._pass(self._layers(theta), inputs, labels)
        inner, n = state.back * state.slope, len(inputs)
        parts = (
            (inner[:, :, None] * inputs[:, None, :]).reshape(n, -1),
            inner,
            (state.output[:, :, None] * state.hidden[:, None, :]).reshape(n, -1),
            state.output,
        )
        return np.concatenate(parts, axis=1)

    def gradient_norms(
        self, theta: FloatArray, inputs: FloatArray, labels: FloatArray
    ) -> FloatArray:
        """Return the norm of every gradient by layers (ghost norms), shape (n,)."""
        state = self._pass(self._layers(theta), inputs, labels)
        inner = state.back * state.slope
        first = _squares(inner) * (_squares(inputs) + 1.0)
        return np.sqrt(first + _squares(state.output) * (_squares(state.hidden) + 1.0))

    def traces(self, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return the trace of the Hessian of every record, shape (n,): the sum of both parts."""
        gauss_newton, residual = self.trace_parts(theta, inputs, labels)
        return gauss_newton + residual

    def trace_parts(
        self, theta: FloatArray, inputs: FloatArray, labels: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the Gauss-Newton and the residual part of every trace, both (n,).

        Notes
        -----
        Gauss-Newton: sum_k f_k ||grad l(x, k)||^2, which is (1 - sum f^2)(||a||^2 + 1) of the
        outer layer and sum_j (sum_k f_k W2_kj^2 - (f W2)_j^2) phi'_j^2 (||x||^2 + 1) of the
        inner. Residual: sum_j ((f - e_y) W2)_j phi''_j (||x||^2 + 1).
        """
        layers = self._layers(theta)
        cuts = range(0, len(inputs), _ROWS)
        parts = [self._traces(layers, inputs[a : a + _ROWS], labels[a : a + _ROWS]) for a in cuts]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def _traces(
        self, layers: _Layers, inputs: FloatArray, labels: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        state = self._pass(layers, inputs, labels)
        f, reach = state.chances, _squares(inputs) + 1.0
        outer = (1.0 - _squares(f)) * (_squares(state.hidden) + 1.0)
        spread = f @ layers.w2**2 - (f @ layers.w2) ** 2
        inner = np.einsum("ij,ij,ij->i", spread, state.slope, state.slope) * reach
        return outer + inner, np.einsum("ij,ij->i", state.back, state.bend) * reach

    def product(
        self, theta: FloatArray, inputs: FloatArray, labels: FloatArray, direction: FloatArray
    ) -> FloatArray:
        """Return the mean Hessian times a direction, shape (P,), by forward over reverse."""
        layers, v = self._layers(theta), self._layers(direction)
        state = self._pass(layers, inputs, labels)
        moved = inputs @ v.w1.T + v.b1
        moved_hidden = state.slope * moved
        moved_logits = moved_hidden @ layers.w2.T + state.hidden @ v.w2.T + v.b2
        f = state.chances
        outer = f * (moved_logits - np.einsum("ij,ij->i", f, moved_logits)[:, None])
        inner = (outer @ layers.w2 + state.output @ v.w2) * state.slope
        inner += state.back * state.bend * moved
        parts = (
            inner.T @ inputs,
            inner.sum(axis=0),
            outer.T @ state.hidden + state.output.T @ moved_hidden,
            outer.sum(axis=0),
        )
        return np.concatenate([part.ravel() for part in parts]) / len(inputs)

    def _layers(self, theta: FloatArray) -> _Layers:
        h, d, k = self.hidden, self.features, self.classes
        w1, b1, w2, b2 = np.split(theta, np.cumsum([h * d, h, k * h]))
        return _Layers(w1.reshape(h, d), b1, w2.reshape(k, h), b2)

    def _activations(self, layers: _Layers, inputs: FloatArray) -> FloatArray:
        before = inputs @ layers.w1.T + layers.b1
        return np.tanh(before) if self.activation == "tanh" else np.maximum(before, 0.0)

    def _logits(self, layers: _Layers, inputs: FloatArray) -> FloatArray:
        return self._activations(layers, inputs) @ layers.w2.T + layers.b2

    def _pass(self, layers: _Layers, inputs: FloatArray, labels: FloatArray) -> _Pass:
        hidden = self._activations(layers, inputs)
        if self.activation == "tanh":
            slope = 1.0 - hidden**2
            bend = -2.0 * hidden * slope
        else:
            slope, bend = (hidden > 0).astype(np.float64), np.zeros_like(hidden)
        chances = special.softmax(hidden @ layers.w2.T + layers.b2, axis=1)
        output = chances.copy()
        output[np.arange(len(inputs)), as_classes(labels, self.classes)] -= 1.0
        return _Pass(hidden, slope, bend, chances, output, output @ layers.w2)


def _squares(rows: FloatArray) -> FloatArray:
    return np.einsum("ij,ij->i", rows, rows)
