"""Squared, logistic and softmax loss of models that are linear in their parameters.

A bias is a constant column of the inputs: it is penalised and clipped as every parameter is.

References
----------
Tran, Dinh and Fioretto (2021), Differentially private empirical risk minimization under the
fairness lens, NeurIPS, Examples 1-3; METHODS-learning 2.4.
"""

from __future__ import annotations

import attrs
import numpy as np
from scipy import special

from dpaudit.model.arrays import FloatArray
from dpaudit.training.models import Model
from dpaudit.training.records import as_classes


def softplus(logits: FloatArray) -> FloatArray:
    """Return log(1 + e^z) without overflow.

    Examples
    --------
    >>> float(softplus(np.array(1000.0)))
    1000.0
    """
    return np.maximum(logits, 0.0) + np.log1p(np.exp(-np.abs(logits)))


@attrs.frozen(kw_only=True)
class SquaredLoss(Model):
    """``factor`` (theta . x - y)^2.

    Parameters
    ----------
    factor
        1 for squared loss, whose trace is 2 ||x||^2; 1/2 for the half, whose trace is ||x||^2.
    """

    factor: float = attrs.field(default=1.0, validator=attrs.validators.gt(0.0))

    @property
    def size(self) -> int:
        """One parameter of each column."""
        return self.features

    def losses(self, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return the loss of every record, shape (n,), squared units of the label."""
        return self.factor * (inputs @ theta - labels) ** 2

    def gradients(self, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return 2 factor (theta . x - y) x, shape (n, d)."""
        return 2.0 * self.factor * (inputs @ theta - labels)[:, None] * inputs

    def traces(self, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return 2 factor ||x||^2, shape (n,)."""
        return 2.0 * self.factor * np.einsum("ij,ij->i", inputs, inputs)

    def product(
        self, theta: FloatArray, inputs: FloatArray, labels: FloatArray, direction: FloatArray
    ) -> FloatArray:
        """Return 2 factor E[x x'] v, shape (d,)."""
        return 2.0 * self.factor * (inputs.T @ (inputs @ direction)) / len(inputs)

    def hessian(self, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return 2 factor E[x x'], shape (d, d)."""
        return 2.0 * self.factor * (inputs.T @ inputs) / len(inputs)


@attrs.frozen(kw_only=True)
class LogisticLoss(Model):
    """log(1 + e^z) - y z with one logit z = theta . x and y 0 or 1."""

    @property
    def size(self) -> int:
        """One parameter of each column."""
        return self.features

    def chances(self, theta: FloatArray, inputs: FloatArray) -> FloatArray:
        """Return 1 - p and p, shape (n, 2)."""
        logits = inputs @ theta
        return np.stack([special.expit(-logits), special.expit(logits)], axis=1)

    def losses(self, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return the loss of every record, shape (n,), nats."""
        logits = inputs @ theta
        return softplus(logits) - as_classes(labels, 2) * logits

    def gradients(self, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return (p - y) x, shape (n, d)."""
        return (special.expit(inputs @ theta) - as_classes(labels, 2))[:, None] * inputs

    def traces(self, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return p (1 - p) ||x||^2, shape (n,)."""
        return self._weights(theta, inputs) * np.einsum("ij,ij->i", inputs, inputs)

    def product(
        self, theta: FloatArray, inputs: FloatArray, labels: FloatArray, direction: FloatArray
    ) -> FloatArray:
        """Return E[p (1 - p) x x'] v, shape (d,)."""
        return inputs.T @ (self._weights(theta, inputs) * (inputs @ direction)) / len(inputs)

    def hessian(self, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return E[p (1 - p) x x'], shape (d, d)."""
        return (inputs.T * self._weights(theta, inputs)) @ inputs / len(inputs)

    @staticmethod
    def _weights(theta: FloatArray, inputs: FloatArray) -> FloatArray:
        chance = special.expit(inputs @ theta)
        return chance * special.expit(-(inputs @ theta))


@attrs.frozen(kw_only=True)
class SoftmaxLoss(Model):
    """Cross-entropy of softmax(W x); theta is W (K, d) row by row.

    Parameters
    ----------
    classes
        K, at least 2.

    Notes
    -----
    The Hessian of a record is (diag f - f f') kron x x', its trace ||x||^2 (1 - sum f_k^2)
    (Example 3). With two classes the trace is twice the logistic one.
    """

    classes: int = attrs.field(validator=attrs.validators.ge(2))

    @property
    def size(self) -> int:
        """K d."""
        return self.classes * self.features

    def probabilities(self, theta: FloatArray, inputs: FloatArray) -> FloatArray:
        """Return f, shape (n, K)."""
        return special.softmax(self._logits(theta, inputs), axis=1)

    def chances(self, theta: FloatArray, inputs: FloatArray) -> FloatArray:
        """Return f, shape (n, K)."""
        return self.probabilities(theta, inputs)

    def losses(self, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return the loss of every record, shape (n,), nats."""
        logits = self._logits(theta, inputs)
        chosen = logits[np.arange(len(logits)), as_classes(labels, self.classes)]
        return special.logsumexp(logits, axis=1) - chosen

    def gradients(self, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return (f - e_y) kron x, shape (n, K d)."""
        residual = self.probabilities(theta, inputs)
        residual[np.arange(len(inputs)), as_classes(labels, self.classes)] -= 1.0
        return (residual[:, :, None] * inputs[:, None, :]).reshape(len(inputs), self.size)

    def traces(self, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return ||x||^2 (1 - sum f_k^2), shape (n,)."""
        f = self.probabilities(theta, inputs)
        return np.einsum("ij,ij->i", inputs, inputs) * (1.0 - np.einsum("ij,ij->i", f, f))

    def product(
        self, theta: FloatArray, inputs: FloatArray, labels: FloatArray, direction: FloatArray
    ) -> FloatArray:
        """Return the mean Hessian times a direction, shape (K d,)."""
        f = self.probabilities(theta, inputs)
        moved = self._logits(direction, inputs)
        curved = f * (moved - np.einsum("ij,ij->i", f, moved)[:, None])
        return (curved.T @ inputs).ravel() / len(inputs)

    def _logits(self, theta: FloatArray, inputs: FloatArray) -> FloatArray:
        return inputs @ theta.reshape(self.classes, self.features).T
