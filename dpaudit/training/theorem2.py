"""What one step of DP-SGD does to the loss of each group: training, clipping and noise.

References
----------
Tran, Dinh and Fioretto (2021), Differentially private empirical risk minimization under the
fairness lens, NeurIPS, Theorem 2, with the division of the noise by the batch that its statement
omits; METHODS-learning 3.1 (exact minibatch expectations).
"""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.training.clipping import clip_factors
from dpaudit.training.models import Model, group_hessians
from dpaudit.training.records import Records

Sampling = Literal["poisson", "fixed", "replacement"]


@attrs.frozen(kw_only=True)
class PrivateStep:
    """One step of DP-SGD.

    Parameters
    ----------
    step, clip_norm, noise_multiplier
        eta, C and sigma.
    batch
        b, the expected size of a Poisson batch; the divisor.
    steps
        T, how many there are.
    """

    step: float
    clip_norm: float
    noise_multiplier: float
    batch: float
    steps: int = 0

    def terms(self, model: Model, theta: FloatArray, records: Records) -> StepTerms:
        """Return what this step does to each group from ``theta``, see :func:`step_terms`."""
        return step_terms(
            model, theta, records, step=self.step, bound=self.clip_norm,
            noise_multiplier=self.noise_multiplier, batch=self.batch,
        )  # fmt: skip


@attrs.frozen(kw_only=True, eq=False)
class StepTerms:
    """E L(next; D_a) - L(theta; D_a) in parts, each of shape (A,), in the unit of the loss.

    The sum of the first three is right up to the third order of the step. ``clip`` + ``noise``
    attribute **one step**: added over a path they are far from the excess risk (9 to 64 times,
    METHODS-learning 3.2), because later steps undo the damage.

    Parameters
    ----------
    nonprivate
        What the step does without clipping and noise.
    clip
        What clipping adds: ``clip_first`` + ``clip_second``.
    noise
        What noise adds: eta^2/2 Tr(H_a) (sigma C / b)^2.
    clip_first, clip_second
        The parts of ``clip`` of first and second order in eta.
    batch_curvature, clipped_batch_curvature
        E[g_B' H_a g_B] without and with clipping.
    """

    nonprivate: FloatArray
    clip: FloatArray
    noise: FloatArray
    clip_first: FloatArray
    clip_second: FloatArray
    batch_curvature: FloatArray
    clipped_batch_curvature: FloatArray


def step_terms(
    model: Model,
    theta: FloatArray,
    records: Records,
    *,
    step: float,
    bound: float,
    noise_multiplier: float,
    batch: float,
    sampling: Sampling = "poisson",
) -> StepTerms:
    """Return what one DP-SGD step from ``theta`` does to each group in expectation.

    Parameters
    ----------
    step, bound, noise_multiplier
        eta, C and sigma.
    batch
        b, the expected (or fixed) size of a batch; the divisor.
    sampling
        ``poisson`` with rate b/n, ``fixed`` size without replacement, or with ``replacement``.

    Raises
    ------
    UsageError
        If b is not in (0, n].

    Notes
    -----
    With Q_a(v) = v' H_a v the mean over batches is Q_a(g_D) + (1 - q)/b mean_i Q_a(g_i) for
    Poisson, and Q_a(g_D) + f (mean_i Q_a(g_i) - Q_a(g_D)) with f = (n - b)/(b (n - 1)) for a fixed
    size and 1/b with replacement. Costs O(A P^2 (n + P)) and A P^2 numbers of memory.
    """
    if not 0 < batch <= len(records):
        raise UsageError(
            f"batch {batch!r} is not between 0 and the {len(records)} records",
            hint="give the expected size of a batch",
        )
    gradients = model.gradients(theta, records.inputs, records.labels)
    factors = clip_factors(np.linalg.norm(gradients, axis=1), bound)
    clipped = factors[:, None] * gradients
    of_group, mean, kept = records.means(gradients), gradients.mean(axis=0), clipped.mean(axis=0)
    hessians = group_hessians(model, theta, records)
    n, half = len(records), 0.5 * step**2
    before = np.array([_batch_curvature(gradients, h, n, batch, sampling) for h in hessians])
    after = np.array([_batch_curvature(clipped, h, n, batch, sampling) for h in hessians])
    first, second = step * of_group @ (mean - kept), half * (after - before)
    return StepTerms(
        nonprivate=-step * of_group @ mean + half * before,
        clip=first + second,
        noise=half * np.trace(hessians, axis1=1, axis2=2) * (noise_multiplier * bound / batch) ** 2,
        clip_first=first,
        clip_second=second,
        batch_curvature=before,
        clipped_batch_curvature=after,
    )


def _batch_curvature(
    gradients: FloatArray, hessian: FloatArray, n: int, batch: float, sampling: Sampling
) -> float:
    mean = gradients.mean(axis=0)
    of_mean = float(mean @ hessian @ mean)
    of_each = float(np.einsum("ij,ij->", gradients @ hessian, gradients)) / n
    if sampling == "poisson":
        return of_mean + (1.0 - batch / n) / batch * of_each
    if sampling == "replacement":
        return of_mean + (of_each - of_mean) / batch
    if n == 1:
        return of_mean
    return of_mean + (n - batch) / (batch * (n - 1)) * (of_each - of_mean)
