"""How many draws a question needs, and how to look at the draws before they are all made.

Widths of intervals fall with the square root of the number of draws; all that is said here
follows from that, so it is a plan and not a promise.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
from scipy import special

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.model.estimate import Estimate
from dpaudit.stats.moments import Moments


def expected_range(n: int) -> float:
    """Return d_n, the expected range of ``n`` independent standard normal numbers.

    Examples
    --------
    >>> [round(expected_range(n), 3) for n in (2, 5, 15)]
    [1.128, 2.326, 3.472]

    References
    ----------
    Tippett (1925), On the extreme individuals and the range of samples taken from a normal
    population, Biometrika 17: d_n is the integral of 1 - Φ^n - (1 - Φ)^n.
    """
    if n < 1:
        raise UsageError(f"the range of {n} numbers is not defined", hint="give at least one")
    x = np.linspace(0.0, 12.0, 4001)
    upper = -np.expm1(n * special.log_ndtr(x)) - np.exp(n * special.log_ndtr(-x))
    return float(2.0 * np.trapezoid(upper, x)) if n > 1 else 0.0


def draws_for(moments: Moments, size: float, relative: float) -> float:
    """Return about how many draws keep the plain estimate of α within a relative error.

    Parameters
    ----------
    moments
        Of the draws made so far, shape (n,): their standard deviations are used.
    size
        α, in the unit of the draws.
    relative
        The relative error r, above 0.

    Returns
    -------
    float
        (d_n sd / (r α))^2 with the largest standard deviation, infinite where α is 0.

    References
    ----------
    METHODS-decisions 2.4.
    """
    if not relative > 0:
        raise UsageError(f"a relative error of {relative!r}", hint="give a number above 0")
    deviation = math.sqrt(float(moments.variance.max(initial=0.0)))
    reach = expected_range(moments.mean.size) * deviation
    return 0.0 if reach == 0 else _square(reach, relative * size)


def draws_until(estimate: Estimate, threshold: float) -> float:
    """Return about how many draws would decide whether a number is above a threshold.

    Parameters
    ----------
    estimate
        A scalar with its interval, from ``estimate.draws`` draws.
    threshold
        In the unit of the number.

    Returns
    -------
    float
        ``estimate.draws`` where the interval decides already; else the number after which it
        would, if it kept its value while its ends came closer with the square root of the
        number of draws. Infinite where the value is the threshold itself.
    """
    value, low, high = (float(part) for part in (estimate.value, estimate.low, estimate.high))
    if estimate.is_deterministic or not low <= threshold < high:
        return float(estimate.draws)
    reach = high - value if value <= threshold else value - low
    return max(1.0, _square(reach, abs(threshold - value))) * estimate.draws


def _square(reach: float, target: float) -> float:
    return math.inf if target == 0 else (reach / target) ** 2


@attrs.frozen(kw_only=True)
class Look:
    """A time to look at the draws.

    Parameters
    ----------
    draws
        Number of draws that are made by then.
    confidence
        Of the interval that is looked at.
    widening
        How much wider it is than one that is looked at once, for a single normal mean.
    """

    draws: int
    confidence: float
    widening: float


def looks(first: int, most: int, confidence: float) -> tuple[Look, ...]:
    """Return at which numbers of draws a run may stop, and with which intervals.

    A run that stops as soon as an interval answers its question has looked several times; with
    intervals of the nominal confidence it errs too often. The numbers of draws double, and the
    risk is spent in equal parts: whatever the rule for stopping, all intervals hold with
    probability ``confidence``.

    Parameters
    ----------
    first, most
        Numbers of draws: the first look, and the last one at the latest.
    confidence
        Of all looks together.

    Raises
    ------
    UsageError
        If the numbers are not 1 <= first <= most.

    Notes
    -----
    Looking costs width, not validity: five looks at 95 % in place of one make an interval 1.31
    times as wide, which 1.7 times as many draws make good.

    References
    ----------
    Lan and DeMets (1983), Discrete sequential boundaries for clinical trials, Biometrika 70(3);
    the union bound over a fixed grid is the simplest of their spending functions.

    Examples
    --------
    >>> [(look.draws, round(look.confidence, 4)) for look in looks(1000, 5000, 0.95)]
    [(1000, 0.9833), (2000, 0.9833), (5000, 0.9833)]
    """
    if not 1 <= first <= most:
        raise UsageError(
            f"looks from {first} to {most} draws", hint="give 1 <= first <= most, in draws"
        )
    grid = [first * 2**k for k in range(int(math.log2(most / first)) + 1)]
    grid = [*grid[:-1], most] if len(grid) > 1 or first == most else [first, most]
    risk = (1.0 - confidence) / len(grid)
    widening = special.ndtri(1.0 - risk / 2.0) / special.ndtri((1.0 + confidence) / 2.0)
    return tuple(
        Look(draws=draws, confidence=1.0 - risk, widening=float(widening)) for draws in grid
    )


def first_answer(ends: FloatArray, threshold: float) -> int | None:
    """Return the first look whose interval decides, or ``None`` where none does.

    Parameters
    ----------
    ends
        Lower and upper ends of the intervals at each look, shape (looks, 2), of the confidence
        that :func:`looks` says.
    threshold
        In their unit.
    """
    low, high = ends[:, 0], ends[:, 1]
    decided = np.flatnonzero((low > threshold) | (high <= threshold))
    return int(decided[0]) if decided.size else None
