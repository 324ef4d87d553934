"""α-fairness and cost of privacy: functionals of a bias vector, never from plug-in values alone.

The largest difference of noisy estimates overstates α (up to 287-fold in METHODS-decisions
2.3), and a sum of absolute noisy biases overstates the cost of privacy. So the interval comes
from the simultaneous band of the biases, and the value from two independent halves of the
draws: one half chooses the entities (or signs), the other measures them, and the two roles are
exchanged and averaged.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.model.estimate import Estimate

Halves = tuple[FloatArray, FloatArray]


def alpha(bias: Estimate, halves: Halves | None = None) -> Estimate:
    """Return α = max_i B_i - min_i B_i, the largest difference of biases.

    Parameters
    ----------
    bias
        Biases with their simultaneous band, shape (n,).
    halves
        The biases from two independent halves of the draws; needed unless ``bias`` is
        deterministic.

    Returns
    -------
    Estimate
        Scalar. ``low`` is the largest difference that the band proves and ``high`` the largest
        that it allows; with one entity α is 0.

    References
    ----------
    Tran, Fioretto, Van Hentenryck and Yao, IJCAI 2021, definition of α-fairness; the interval
    is METHODS-decisions 2.4.
    """
    low = max(0.0, float(bias.low.max() - bias.high.min()))
    high = max(0.0, float(bias.high.max() - bias.low.min()))
    if bias.value.size == 1:
        low = high = 0.0
    return _functional(bias, low, high, np.ptp(bias.value), _split(halves, _pair))


def cost_of_privacy(bias: Estimate, halves: Halves | None = None) -> Estimate:
    """Return the sum of the expected losses, ``sum_i max(-B_i, 0)``.

    Parameters
    ----------
    bias, halves
        As for :func:`alpha`; in dollars the result is dollars. For outcomes that always sum to
        the same budget it equals half of ``sum_i |B_i|`` (Proposition 3).

    References
    ----------
    Tran et al., Definition 5 and Proposition 3; METHODS-decisions 2.2.
    """
    low = float(np.clip(-bias.high, 0, None).sum())
    high = float(np.clip(-bias.low, 0, None).sum())
    plug_in = float(np.clip(-bias.value, 0, None).sum())
    return _functional(bias, low, high, plug_in, _split(halves, _losses))


def _functional(
    bias: Estimate, low: float, high: float, plug_in: float, split: float | None
) -> Estimate:
    value = plug_in if bias.is_deterministic or split is None else split
    return Estimate(
        value=np.float64(np.clip(value, low, high)),
        low=np.float64(low),
        high=np.float64(high),
        level=bias.level,
        method=bias.method,
        draws=bias.draws,
    )


def _pair(choose: FloatArray, measure: FloatArray) -> float:
    return float(measure[choose.argmax()] - measure[choose.argmin()])


def _losses(choose: FloatArray, measure: FloatArray) -> float:
    return float(-measure[choose < 0].sum())


def _split(
    halves: Halves | None, functional: Callable[[FloatArray, FloatArray], float]
) -> float | None:
    if halves is None:
        return None
    first, second = halves
    return (functional(first, second) + functional(second, first)) / 2
