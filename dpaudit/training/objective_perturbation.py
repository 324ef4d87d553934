"""Private fits by a random linear term in the objective, of logistic regression.

References
----------
Chaudhuri, Monteleoni and Sarwate (2011), Differentially private empirical risk minimization, JMLR
12, Algorithm 2 and Theorem 9 (recalled, and checked against exact densities in one dimension).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.model.guarantee import Guarantee
from dpaudit.training.erm import fit
from dpaudit.training.linear_models import LogisticLoss
from dpaudit.training.records import Records
from dpaudit.training.sensitivity import Objective, check_norms, sensitivity

_CURVATURE = 0.25
"""The largest second derivative of logistic loss in its logit."""


class Tilt(NamedTuple):
    """How the objective is changed: the law of the linear term and the added penalty."""

    rate: float
    penalty: float


def tilt_of(objective: Objective, epsilon: float) -> Tilt:
    """Return the rate beta of the noise, density exp(-beta ||b||), and the penalty to add.

    Parameters
    ----------
    objective
        Of logistic loss with mean and (lambda/2) ||theta||^2; ``norm_bound`` B.
    epsilon
        Privacy-loss budget, positive and finite.

    Raises
    ------
    UsageError
        If a condition does not hold.

    Notes
    -----
    With c = B^2/4 let e = epsilon - log(1 + 2c/(n lambda) + c^2/(n lambda)^2). If e > 0 nothing is
    added; else the penalty grows by c/(n (e^(epsilon/4) - 1)) - lambda and e = epsilon/2. Then
    beta = e/(2 B). Pure epsilon-privacy for neighbours ``replace``.
    """
    sensitivity(objective)  # its conditions are those of this
    given = (objective.loss, objective.form, objective.mean)
    if given != ("logistic", "half", True):
        raise UsageError(
            f"loss {given[0]!r}, form {given[1]!r}, mean {given[2]!r}: objective perturbation is "
            "known for mean logistic loss with the half penalty",
            hint="use output perturbation",
        )
    if objective.residual > 0:
        raise UsageError(
            f"residual {objective.residual!r}: objective perturbation promises nothing of an "
            "inexact minimiser",
            hint="solve to rounding and state residual 0",
        )
    if not 0 < epsilon < math.inf:
        raise UsageError(f"epsilon {epsilon!r} is not positive", hint="give a positive number")
    curvature = _CURVATURE * objective.norm_bound**2
    ratio = curvature / (objective.records * objective.penalty)
    left = epsilon - 2.0 * math.log1p(ratio)
    added = 0.0
    if left <= 0:
        needed = curvature / (objective.records * math.expm1(0.25 * epsilon))
        added, left = needed - objective.penalty, 0.5 * epsilon
    return Tilt(rate=0.5 * left / objective.norm_bound, penalty=added)


def perturbed_fit(
    records: Records, objective: Objective, epsilon: float, rng: np.random.Generator
) -> FloatArray:
    """Return the minimiser of mean loss + penalties + b . theta / n with random b, shape (d,).

    Raises
    ------
    DataError
        If a record is beyond the public bound of the norm.
    UsageError
        If n of ``objective`` is not that of ``records``, or a condition does not hold.
    """
    if objective.records != len(records):
        raise UsageError(
            f"records {objective.records!r} of the objective, but the data have {len(records)}",
            hint="state the number of records that are fitted",
        )
    check_norms(records.inputs, objective.norm_bound)
    made, d = tilt_of(objective, epsilon), records.inputs.shape[1]
    direction = rng.standard_normal((d,))
    length = float(rng.gamma(d, 1.0 / made.rate))
    noise = direction * (length / float(np.linalg.norm(direction)))
    model, penalty = LogisticLoss(features=d), objective.penalty + made.penalty
    return fit(model, records, penalty, tilt=noise / len(records))


def guarantee(objective: Objective, epsilon: float) -> Guarantee:
    """Return what :func:`perturbed_fit` promises."""
    tilt_of(objective, epsilon)
    return Guarantee(neighbours=objective.neighbours, epsilon=epsilon)
