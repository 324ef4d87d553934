"""What is known in closed form of a model with its loss, over records and over groups."""

from __future__ import annotations

import abc

import attrs
import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.training.records import Records

_DENSE = 400
"""Parameters up to which eigenvalues come from the whole Hessian."""


@attrs.frozen(kw_only=True)
class Model(abc.ABC):
    """A model and its loss as a function of one flat vector of parameters.

    Every method takes theta (P,), inputs (n, d) and labels (n,). The penalty is no part of the
    loss: it cancels in excessive risk.

    Parameters
    ----------
    features
        d, columns of the inputs.
    """

    features: int

    @property
    @abc.abstractmethod
    def size(self) -> int:
        """P, the number of parameters."""

    @abc.abstractmethod
    def losses(self, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return the loss of every record, shape (n,), nats or squared units of the label."""

    @abc.abstractmethod
    def gradients(self, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return the gradient of the loss of every record, shape (n, P)."""

    @abc.abstractmethod
    def traces(self, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return the trace of the Hessian of the loss of every record, shape (n,)."""

    @abc.abstractmethod
    def product(
        self, theta: FloatArray, inputs: FloatArray, labels: FloatArray, direction: FloatArray
    ) -> FloatArray:
        """Return the mean Hessian times ``direction``, shape (P,)."""

    def chances(self, theta: FloatArray, inputs: FloatArray) -> FloatArray | None:
        """Return the chance of every class, shape (n, K); ``None`` where the label is a number."""
        return None

    def hessian(self, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return the Hessian of the mean loss, shape (P, P)."""
        rows = [self.product(theta, inputs, labels, unit) for unit in np.eye(self.size)]
        return np.stack(rows)

    def gradient_norms(
        self, theta: FloatArray, inputs: FloatArray, labels: FloatArray
    ) -> FloatArray:
        """Return the norm of the gradient of every record, shape (n,)."""
        return np.linalg.norm(self.gradients(theta, inputs, labels), axis=1)


def group_losses(model: Model, theta: FloatArray, records: Records) -> FloatArray:
    """Return L(theta; D_a) of every group, shape (A,)."""
    return records.means(model.losses(theta, records.inputs, records.labels))


def group_gradients(model: Model, theta: FloatArray, records: Records) -> FloatArray:
    """Return g_a, the gradient of the mean loss of every group, shape (A, P)."""
    return records.means(model.gradients(theta, records.inputs, records.labels))


def group_traces(model: Model, theta: FloatArray, records: Records) -> FloatArray:
    """Return Tr H_a of the **mean** Hessian of every group, shape (A,).

    The seed of this project defines H_a as a sum over D_a; its Theorem 1 needs the mean
    (METHODS-learning 10.1).
    """
    return records.means(model.traces(theta, records.inputs, records.labels))


def group_hessians(model: Model, theta: FloatArray, records: Records) -> FloatArray:
    """Return H_a of every group, shape (A, P, P)."""
    groups = range(len(records.sizes))
    return np.stack([model.hessian(theta, *records.members(a)) for a in groups])


def group_largest_eigenvalues(model: Model, theta: FloatArray, records: Records) -> FloatArray:
    """Return lambda_max(H_a), the largest and not the largest in size, of every group, (A,).

    Notes
    -----
    Up to 400 parameters from the whole Hessian; above by Lanczos with products, to a relative
    1e-9. Power iteration finds the largest |lambda|, which may be a negative one.
    """
    groups = range(len(records.sizes))
    return np.array([_largest(model, theta, *records.members(a)) for a in groups])


def _largest(model: Model, theta: FloatArray, inputs: FloatArray, labels: FloatArray) -> float:
    if model.size <= _DENSE:
        return float(np.linalg.eigvalsh(model.hessian(theta, inputs, labels))[-1])
    from scipy.sparse.linalg import LinearOperator, eigsh

    operator = LinearOperator(
        (model.size, model.size),
        matvec=lambda v: model.product(theta, inputs, labels, np.ravel(v)),
        dtype=np.dtype(np.float64),
    )
    start = np.random.default_rng(0).standard_normal(model.size)
    found = eigsh(operator, k=1, which="LA", tol=1e-9, v0=start, return_eigenvectors=False)
    return float(found[0])
