"""Control variates of a decision: its second-order expansion around the mean release.

Write the control of the release as m + d with E d = 0 exactly. The expansion of the decision P
along d, ``L + q`` with ``L = J d`` and ``q = d' H d / 2``, is subtracted from every draw; the
mean of ``q`` is added back in closed form, ``(1/2) sum_j v_j d^2 P / dx_j^2`` for independent
entities. Expanding around the mean of the *clipped* release, not around the truth, removes the
first-order effect of clipping as well: clipping that is too rare to be seen in the draws is in
the known mean (METHODS-decisions 2.3; PERFORMANCE W1d).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attrs
import numpy as np

from dpaudit.interfaces import Control, Linear, Proportional, Structure
from dpaudit.model.arrays import FloatArray

Outcome = Callable[[FloatArray], FloatArray]
"""From released counts (draws, n) to outcomes (draws, n)."""

_STEP = 1e-2
"""Step of the central differences, as a share of each deviation."""


class Expansion(Protocol):
    """The expansion of a decision along deviations."""

    def __call__(self, deviation: FloatArray, /) -> FloatArray:
        """Return the expansion minus its mean, shape (draws, n)."""


@attrs.frozen(kw_only=True, eq=False)
class DecisionControl:
    """What to subtract from each draw of the outcome, and its exact mean.

    Parameters
    ----------
    expansion
        From deviations of the release (draws, n) to the control minus its mean (draws, n).
    mean
        The mean of the control, shape (n,), in the unit of the decision.
    error
        Numerical error of ``mean``, in the same unit.
    """

    expansion: Expansion
    mean: FloatArray
    error: float = 0.0


def control_of(
    structure: Structure | None, outcome: Outcome, control: Control
) -> DecisionControl | None:
    """Return the control of a decision, or ``None`` where no expansion is finite.

    Parameters
    ----------
    structure
        Declared structure: exact derivatives for the allotment and for linear decisions.
    outcome
        The decision followed by its output steps.
    control
        The control of the release.
    """
    if isinstance(structure, Proportional):
        return _allotment(structure, control)
    centre = outcome(control.mean[None, :])[0]
    if not np.isfinite(centre).all():
        return None
    if isinstance(structure, Linear):
        return DecisionControl(expansion=lambda d: outcome(control.mean + d) - centre, mean=centre)
    return _by_differences(outcome, control, centre)


def _allotment(structure: Proportional, control: Control) -> DecisionControl | None:
    a, mean = structure.weights, control.mean
    total = float((a * mean).sum())
    if total <= 0:
        return None
    shares = a * mean / total
    variance = control.variance
    curvature = np.zeros_like(mean)
    if variance is not None:
        curvature = (shares * (a**2 * variance).sum() - a**2 * variance) / total**2

    def expansion(deviation: FloatArray) -> FloatArray:
        own = a * deviation / total
        common = own.sum(axis=-1, keepdims=True)
        first: FloatArray = own - shares * common
        if variance is not None:
            first = first * (1.0 - common)
        return structure.total * (first - curvature)

    return DecisionControl(expansion=expansion, mean=structure.total * (shares + curvature))


def _by_differences(
    outcome: Outcome, control: Control, centre: FloatArray
) -> DecisionControl | None:
    """Expand a black box by central differences along each draw's own deviation."""
    variance = control.variance
    curvature, error = np.zeros_like(centre), 0.0
    if variance is not None:
        spread = np.sqrt(variance)
        curvature = _curvature(outcome, control.mean, centre, spread, _STEP)
        coarse = _curvature(outcome, control.mean, centre, spread, 2.0 * _STEP)
        error = float(np.abs(curvature - coarse).max())
    if not np.isfinite(curvature).all():
        return None

    def expansion(deviation: FloatArray) -> FloatArray:
        up = outcome(control.mean + _STEP * deviation)
        down = outcome(control.mean - _STEP * deviation)
        first: FloatArray = (up - down) / (2.0 * _STEP)
        if variance is None:
            return first
        second: FloatArray = (up - 2.0 * centre + down) / (2.0 * _STEP**2)
        return first + second - curvature

    return DecisionControl(expansion=expansion, mean=centre + curvature, error=error)


def _curvature(
    outcome: Outcome, mean: FloatArray, centre: FloatArray, spread: FloatArray, step: float
) -> FloatArray:
    """Return 1/2 sum_j v_j d^2 P / dx_j^2 by second differences, 64 coordinates at a time."""
    total = np.zeros_like(centre)
    for start in range(0, mean.size, 64):
        columns = np.arange(start, min(start + 64, mean.size))
        shift = np.zeros((columns.size, mean.size))
        shift[np.arange(columns.size), columns] = step * spread[columns]
        both = outcome(mean + shift) - 2.0 * centre + outcome(mean - shift)
        total += both.sum(axis=0) / (2.0 * step**2)
    return total
