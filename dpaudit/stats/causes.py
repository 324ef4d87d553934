"""Whether curvature explains a bias: a stated rule, decided by intervals and not by values."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from dpaudit.model.estimate import Estimate

Cause: TypeAlias = Literal["none", "curvature", "beyond", "both", "unknown"]
CAUSES: tuple[Cause, ...] = get_args(Cause)

TENTH = 0.1
"""What is left over may be this share of a bias that something explains."""


def causes(
    bias: Estimate, curvature: Estimate, *, tolerance: float = TENTH, least: float = 0.0
) -> NDArray[np.str_]:
    """Return what explains every bias.

    With B the bias and c the second-order bias, everywhere within their intervals, and
    abs(B) > least for all but the first:

    ``none``
        abs(B) <= least: there is nothing to explain.
    ``curvature``
        abs(B - c) <= tolerance abs(B): the bias is what curvature makes of the noise.
    ``beyond``
        abs(c) <= tolerance abs(B): the bias is made by something else. Where a step clips or
        projects, that is the step; where none does, it is a jump or kink of the rule, or
        curvature of higher order.
    ``both``
        Neither explains it alone, and that is certain.
    ``unknown``
        The intervals do not decide.

    Parameters
    ----------
    bias, curvature
        Shape (n,), in one unit.
    tolerance
        Share of the bias that may be left unexplained, in (0, 1/2).
    least
        Biases up to this size need no explanation, in their unit.

    Returns
    -------
    ndarray of str
        Shape (n,), each one of :data:`CAUSES`.

    Examples
    --------
    >>> bias = Estimate.exact(np.array([0.0, 10.0, -5.0, 4.0]))
    >>> list(map(str, causes(bias, Estimate.exact(np.array([0.0, 10.2, 0.1, 2.0])))))
    ['none', 'curvature', 'beyond', 'both']
    """
    small, large = _sizes(bias.low, bias.high)
    rest = _sizes(bias.low - curvature.high, bias.high - curvature.low)
    own = _sizes(curvature.low, curvature.high)
    is_biased = small > least
    rules = [
        large <= least,
        is_biased & (rest[1] <= tolerance * small),
        is_biased & (own[1] <= tolerance * small),
        is_biased & (rest[0] > tolerance * large) & (own[0] > tolerance * large),
    ]
    found: NDArray[np.str_] = np.select(rules, list(CAUSES[:4]), default=CAUSES[4])
    return found


def _sizes(
    low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the smallest and the largest size of a number between ``low`` and ``high``."""
    inside = (low <= 0) & (high >= 0)
    smallest = np.where(inside, 0.0, np.minimum(np.abs(low), np.abs(high)))
    return smallest, np.maximum(np.abs(low), np.abs(high))
