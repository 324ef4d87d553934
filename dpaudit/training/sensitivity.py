"""How far one person moves a fitted model, with every condition of the bound checked.

References
----------
Chaudhuri, Monteleoni and Sarwate (2011), Differentially private empirical risk minimization,
JMLR 12, Corollary 8; METHODS-learning 2.1 (the proof, the sqrt 2 of softmax, squared loss).
"""

from __future__ import annotations

import math
from typing import Literal

import attrs
import numpy as np

from dpaudit.errors import DataError, UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.model.guarantee import Guarantee
from dpaudit.model.spec import Neighbours
from dpaudit.privacy.gaussian import analytic_gaussian_sigma

LossName = Literal["logistic", "softmax", "squared", "half-squared"]
_SLACK = 1e-12


@attrs.frozen(kw_only=True)
class Objective:
    """What was minimised, as far as its sensitivity depends on it.

    Parameters
    ----------
    loss
        ``logistic`` (one logit), ``softmax``, ``squared`` or ``half-squared``.
    records
        n.
    penalty
        lambda > 0.
    norm_bound
        A public bound of ||x||, the constant column included.
    label_bound
        A public bound of |y|, read for squared losses.
    penalised_bias
        Whether the bias is a constant column, and so is penalised as the rest. scikit-learn's
        intercept is not.
    public_scaling
        Whether inputs were scaled with public constants only.
    form
        ``half`` for (lambda/2) ||theta||^2, ``full`` for lambda ||theta||^2.
    mean
        Whether the loss is the mean over records, or their sum.
    residual
        A bound tau of the norm of the gradient of the objective where the solver stopped.
    neighbours
        ``replace``; the bound has no form for ``add-remove``.
    """

    loss: LossName
    records: int = attrs.field(validator=attrs.validators.ge(1))
    penalty: float
    norm_bound: float = 1.0
    label_bound: float = 1.0
    penalised_bias: bool
    public_scaling: bool
    form: Literal["half", "full"] = "half"
    mean: bool = True
    residual: float = 0.0
    neighbours: Neighbours = "replace"


def sensitivity(objective: Objective) -> float:
    """Return the largest L2 distance between the fits of two neighbours.

    Returns
    -------
    float
        2 L / (n lambda) for a loss that is L-Lipschitz in theta and the penalty
        (lambda/2) ||theta||^2, plus 2 tau / lambda for an inexact solver; in units of theta.

    Raises
    ------
    UsageError
        If a condition of the bound does not hold.

    Notes
    -----
    Both objectives are lambda-strongly convex and differ by a 2 L / n-Lipschitz function. With
    ||x|| <= B: L = B for logistic loss, **sqrt(2) B** for softmax (||p - e_y|| reaches sqrt 2; an
    explicit pair of neighbours has 2.48 / (n lambda)). Squared losses are not Lipschitz
    everywhere; both fits lie in ||theta|| <= |y| sqrt(2 factor / lambda), where
    L = 2 factor B (B ||theta|| + |y|). ``full`` doubles the convexity, a sum replaces n by 1.

    Examples
    --------
    >>> fit = Objective(loss="logistic", records=4, penalty=0.1, penalised_bias=True,
    ...                 public_scaling=True)
    >>> sensitivity(fit)
    5.0
    """
    _check(objective)
    convexity = objective.penalty * (2.0 if objective.form == "full" else 1.0)
    # Of the mean objective; a sum of n losses with lambda is n times the mean with lambda / n.
    mean_convexity = convexity if objective.mean else convexity / objective.records
    exact = 2.0 * _lipschitz(objective, mean_convexity) / (objective.records * mean_convexity)
    return exact + 2.0 * objective.residual / convexity


def noise_scale(objective: Objective, epsilon: float, delta: float) -> float:
    """Return s, the standard deviation that makes the fit (epsilon, delta)-private, per parameter.

    The analytic Gaussian mechanism, which holds for every epsilon; sqrt(2 log(1.25/delta))/epsilon
    holds up to 1 only and is larger.
    """
    return analytic_gaussian_sigma(epsilon, delta, sensitivity(objective))


def guarantee(objective: Objective, epsilon: float, delta: float) -> Guarantee:
    """Return what output perturbation with :func:`noise_scale` promises."""
    _check(objective)
    return Guarantee(neighbours=objective.neighbours, epsilon=epsilon, delta=delta)


def check_norms(inputs: FloatArray, bound: float) -> None:
    """Refuse inputs (n, d) with a row beyond the public ``bound``.

    Raises
    ------
    DataError
        If there is one.
    """
    norms = np.linalg.norm(inputs, axis=1)
    worst = int(norms.argmax())
    if norms[worst] > bound * (1.0 + _SLACK):
        raise DataError(
            f"record {worst} has the norm {float(norms[worst])!r}, above the public bound "
            f"{bound!r}",
            hint="scale all inputs by a public constant, or clip rows to the bound",
        )


def penalty_of_scikit_learn(c: float, records: int) -> float:
    """Return lambda = 1 / (n C) of scikit-learn's C; its intercept is not penalised.

    Examples
    --------
    >>> penalty_of_scikit_learn(1.0, 1000)
    0.001
    """
    return 1.0 / (records * c)


def _lipschitz(objective: Objective, convexity: float) -> float:
    b, y = objective.norm_bound, objective.label_bound
    if objective.loss == "logistic":
        return b
    if objective.loss == "softmax":
        return math.sqrt(2.0) * b
    factor = 1.0 if objective.loss == "squared" else 0.5
    return 2.0 * factor * b * (b * y * math.sqrt(2.0 * factor / convexity) + y)


def _check(objective: Objective) -> None:
    for what in ("penalty", "norm_bound", "label_bound"):
        if not 0 < getattr(objective, what) < math.inf:
            raise UsageError(
                f"{what} {getattr(objective, what)!r} is not positive: the fit has no bounded "
                "sensitivity",
                hint="give a positive number",
            )
    if not objective.residual >= 0:
        raise UsageError(
            f"residual {objective.residual!r} is negative", hint="give the norm of the gradient"
        )
    if not objective.penalised_bias:
        raise UsageError(
            "penalised_bias False: a bias without penalty may move by any amount",
            hint="append a constant column to the inputs and fit without an intercept",
        )
    if not objective.public_scaling:
        raise UsageError(
            "public_scaling False: inputs scaled by the data's own range depend on every person",
            hint="scale with constants that are known without the data",
        )
    if objective.neighbours != "replace":
        raise UsageError(
            f"neighbours {objective.neighbours!r}: the bound 2 L / (n lambda) is of 'replace'",
            hint="state neighbours = 'replace'; DP-SGD states 'add-remove', so do not compare "
            "their epsilon as if they were one",
        )
