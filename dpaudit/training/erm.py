"""Exact minimisers of penalised convex losses: the non-private reference theta*."""

from __future__ import annotations

import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.training.models import Model
from dpaudit.training.records import Records

_MOST_STEPS = 100
_ROUNDING = 1e-12
_SUFFICIENT = 1e-4
_SHORTEST = 1e-10


def fit(
    model: Model,
    records: Records,
    penalty: float,
    *,
    tilt: FloatArray | None = None,
    tolerance: float = _ROUNDING,
) -> FloatArray:
    """Return argmin of mean loss + (penalty/2) ||theta||^2 + tilt . theta, shape (P,).

    Parameters
    ----------
    model
        Of a convex loss: squared, logistic or softmax.
    penalty
        lambda > 0.
    tilt
        A linear term, shape (P,): that of objective perturbation.
    tolerance
        Bound of the norm of the gradient where it stops; see ``Objective.residual``.

    Raises
    ------
    UsageError
        If the penalty is not positive, or Newton's steps do not reach the tolerance.

    Notes
    -----
    Damped Newton: a step is halved until the objective falls by 1e-4 of what it should.
    """
    if not penalty > 0:
        raise UsageError(
            f"penalty {penalty!r} is not positive: the minimiser may not exist",
            hint="give a positive number",
        )
    x, y = records.inputs, records.labels
    linear = np.zeros(model.size) if tilt is None else tilt

    def objective(theta: FloatArray) -> float:
        smooth = 0.5 * penalty * float(theta @ theta) + float(linear @ theta)
        return float(model.losses(theta, x, y).mean()) + smooth

    theta = np.zeros(model.size)
    for _ in range(_MOST_STEPS):
        gradient = model.gradients(theta, x, y).mean(axis=0) + penalty * theta + linear
        if np.linalg.norm(gradient) <= tolerance:
            return theta
        curvature = model.hessian(theta, x, y) + penalty * np.eye(model.size)
        move = np.linalg.solve(curvature, gradient)
        length, here, slope = 1.0, objective(theta), float(gradient @ move)
        while length > _SHORTEST and slope > _ROUNDING * abs(here):
            if objective(theta - length * move) <= here - _SUFFICIENT * length * slope:
                break
            length *= 0.5
        theta = theta - length * move
    raise UsageError(
        f"the fit stopped at a gradient of {float(np.linalg.norm(gradient))!r}, above the "
        f"tolerance {tolerance!r}",
        hint="scale the inputs to norm 1, or allow a larger tolerance and state it as residual",
    )
