"""How far noise goes with a given probability: quantiles, and bounds of sums by Chernoff."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.base import Noise
from dpaudit.noise.sums import difference_tail

_HALVINGS = 200
_FARTHEST = 18.0
"""Exponents of a Chernoff bound, per standard deviation: 37 of them stay below e^700."""

_CLOSE = 1e-8
"""To how much of its largest an exponent is found: the bound is flat there, to 1e-15."""

STEEPEST = 300.0
"""Exponents of a Chernoff bound, per person."""


def quantile(noise: Noise, risk: float) -> FloatArray:
    """Return the least D >= 0 with P(X < -D) <= risk, shape () or (n,), persons.

    Examples
    --------
    >>> from dpaudit.noise.laplace import Laplace
    >>> round(float(quantile(Laplace(2.0), 0.05 / 120)), 9)  # 2 ln(60 / 0.05)
    14.180153672
    """
    return _least(lambda distance: noise.cdf(-distance), risk, np.shape(noise.variance))


def _least(
    tail: Callable[[FloatArray], FloatArray], risk: float, shape: tuple[int, ...]
) -> FloatArray:
    """Return the least distances >= 0 whose falling ``tail`` is at most ``risk``, by halving."""
    high = np.ones(shape)
    while np.any(tail(high) > risk):
        high = np.where(tail(high) > risk, 2.0 * high, high)
    low = np.zeros_like(high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        is_enough = tail(middle) <= risk
        low, high = np.where(is_enough, low, middle), np.where(is_enough, middle, high)
    return high


def chernoff(
    cumulants: Callable[[float], float], risk: float, deviation: float, edge: float
) -> float:
    """Return min_s [ln E exp(s S) + ln(1 / risk)] / s: S is larger with at most that probability.

    Parameters
    ----------
    cumulants
        From s to ln E exp(s S).
    risk
        In (0, 1).
    deviation
        The standard deviation of S; 0 gives 0.
    edge
        The supremum of s with a finite moment, which may be infinite.
    """
    if deviation == 0:
        return 0.0
    # That of Gaussian noise is at sqrt(2 ln(1 / risk)) standard deviations; any other is valid.
    reach = min(_FARTHEST, 2.0 * math.sqrt(2.0 * math.log(1.0 / risk)))
    largest = min(edge * (1.0 - 1e-9), reach / deviation)

    def bound(s: float) -> float:
        return (cumulants(s) + math.log(1.0 / risk)) / s

    return _lowest(bound, 1e-9 * largest, largest)


def _lowest(bound: Callable[[float], float], low: float, high: float) -> float:
    """Return the lowest of a ``bound`` that falls and then rises, by golden sections.

    A convex function over its argument is such a one. Whatever it stops at is a value of the
    bound, and valid.
    """
    shorter = (3.0 - math.sqrt(5.0)) / 2.0
    tolerance = _CLOSE * high
    left, right = low + shorter * (high - low), high - shorter * (high - low)
    at_left, at_right = bound(left), bound(right)
    while high - low > tolerance:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = low + shorter * (high - low)
            at_left = bound(left)
        else:
            low, left, at_left = left, right, at_right
            right = high - shorter * (high - low)
            at_right = bound(right)
    return min(at_left, at_right)


def log_moments(noise: Noise, s: FloatArray) -> FloatArray:
    """Return ln E exp(s X) of every entity, for s of shape (1, n) below the strip."""
    moments = noise.characteristic(np.asarray(-1j * s, dtype=np.complex128))
    if moments is None:
        raise dpaudit.UsageError(
            f"the exponential moments of the {noise.family} noise are not known",
            hint="ask applies() first",
        )
    return np.log(np.broadcast_to(moments.real, s.shape))


def lift_of_sum(parts: Sequence[tuple[float, Noise]], risk: float, n: int) -> FloatArray:
    """Return q with P(sum_k w_k X_k < -q) <= risk for each entity, shape (n,), for symmetric noise.

    The least one of a single count, and of two with Laplace or Gaussian noise.

    Parameters
    ----------
    parts
        Weights, none of them 0, and the noise of each count, of parameters () or (n,).
    risk
        In (0, 1).
    n
        Number of entities.
    """
    if len(parts) == 1:
        weight, noise = parts[0]
        return np.broadcast_to(abs(weight) * quantile(noise, risk), (n,))
    if len(parts) == 2:  # noqa: PLR2004
        (weight, own), (other, second) = parts
        ratio = abs(other / weight)
        if difference_tail(np.ones(n), own, second, ratio) is not None:
            return abs(weight) * _least(
                lambda t: np.asarray(difference_tail(t, own, second, ratio)), risk, (n,)
            )
    alike = np.concatenate([noise.parameters(n) for _, noise in parts], axis=1)
    _, first, members = np.unique(alike, axis=0, return_index=True, return_inverse=True)
    bounds = [
        _bound_of_sum([(w, noise.at(np.array([i]))) for w, noise in parts], risk) for i in first
    ]
    return np.array(bounds)[members.reshape(-1)]


def _bound_of_sum(parts: Sequence[tuple[float, Noise]], risk: float) -> float:
    def cumulants(s: float) -> float:
        return sum(
            float(log_moments(noise, np.full((1, 1), s * abs(w)))[0, 0]) for w, noise in parts
        )

    variance = sum(float(np.sum(w**2 * noise.variance)) for w, noise in parts)
    edge = min(min(float(np.min(noise.strip)), STEEPEST) / abs(w) for w, noise in parts if w)
    return chernoff(cumulants, risk, math.sqrt(variance), edge)
