"""Control variates of a decision: its second-order expansion around the mean release.

Write the control of the release as m + d with E d = 0 exactly. The expansion of the decision P
along d, ``L + q`` with ``L = J d`` and ``q = d' H d / 2``, is subtracted from every draw; the
mean of ``q`` is added back in closed form, ``(1/2) sum_j v_j d^2 P / dx_j^2`` for independent
entities. A black box gets only what has a known mean whatever the box does. Expanding around
the mean of the *clipped* release, not around the truth, removes the first-order effect of
clipping as well: clipping that is too rare to be seen in the draws is in the known mean
(METHODS-decisions 2.3; PERFORMANCE W1d).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attrs
import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.model.structure import Control, Linear, Proportional, Structure
from dpaudit.solvers.jacobian import jacobian

Outcome = Callable[[FloatArray], FloatArray]
"""From released counts (draws, n) to outcomes (draws, n)."""

_LARGEST = 2048
"""A black box of more entities gets no control: its coefficients would fill the memory."""


class Expansion(Protocol):
    """The expansion of a decision, of what the mechanism gave or of deviations from a mean."""

    def __call__(self, noisy: FloatArray, /) -> FloatArray:
        """Return the expansion minus its mean, shape (draws, n)."""


@attrs.frozen(kw_only=True, eq=False)
class DecisionControl:
    """What to subtract from each draw of the outcome, and its exact mean.

    Parameters
    ----------
    expansion
        From what the mechanism gave (draws, m) to the control minus its mean (draws, n).
    mean
        The mean of the control, shape (n,), in the unit of the decision.
    is_complete
        Whether it knows every event of the release, however rare, to second order.
    error
        Numerical error of the mean, shape (n,); nothing: 0.
    beyond
        From a probability r to what events of it or less may bring to the mean of the outcome
        minus the control, shape (n,); nothing: 0.
    """

    expansion: Expansion
    mean: FloatArray
    is_complete: bool = False
    error: FloatArray | None = None
    beyond: Callable[[float], FloatArray] | None = None


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
    found = _along(structure, outcome, control)
    if found is None:
        return None
    expansion = found.expansion
    return attrs.evolve(found, expansion=lambda noisy: expansion(control.deviation(noisy)))


def _along(
    structure: Structure | None, outcome: Outcome, control: Control
) -> DecisionControl | None:
    """Return the control of a decision, whose expansion takes deviations of the release."""
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
    if total**2 <= np.finfo(np.float64).tiny:  # nothing, or so little that its square is nothing
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
    """Control a black box by a fixed linear term in each count's own deviation.

    The coefficients are differences over one standard deviation. Whatever they are, the
    control ``J d`` has mean zero exactly, because E d = 0: a kink or a jump makes the control
    useless, never wrong. A squared term would have a known mean too, but tails so heavy that
    bands from a few hundred draws would not cover.
    """
    if control.mean.size > _LARGEST:
        return None
    linear = jacobian(outcome, control.mean, _spread(control))
    if not np.isfinite(linear).all():
        return None
    return DecisionControl(expansion=lambda deviation: deviation @ linear, mean=centre)


def _spread(control: Control) -> FloatArray:
    """Return a step for every count: its standard deviation, or one where that is unknown."""
    if control.variance is None:
        return np.ones_like(control.mean)
    return np.where(control.variance > 0, np.sqrt(control.variance), 1.0)
