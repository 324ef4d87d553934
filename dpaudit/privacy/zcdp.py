"""Zero-concentrated differential privacy: rho of a mechanism, and what it means in epsilon.

References
----------
Bun and Steinke (2016), Concentrated differential privacy: simplifications, extensions, and lower
bounds, TCC. Canonne, Kamath and Steinke (2020), The discrete Gaussian for differential privacy,
NeurIPS, Corollary 13. Dong, Durfee and Rogers (2020), Optimal differential privacy composition
for exponential mechanisms, ICML (bounded range). Cesar and Rogers (2021), Bounding, concentrating,
and truncating: unifying privacy loss composition for data analytics, ALT (epsilon^2 / 8).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from dpaudit.errors import UsageError

STATED_DELTA = 1e-10
"""The delta at which the epsilon of a budget in rho is stated."""

_LOG_LEAST, _LOG_MOST = -745.0, 709.0
_STEPS = 120


def gaussian_rho(sigma: float, sensitivity: float = 1.0) -> float:
    """Return rho = D^2 / (2 sigma^2) of (discrete) Gaussian noise.

    Parameters
    ----------
    sigma
        Persons, non-negative; without noise rho is infinite.
    sensitivity
        L2 sensitivity D, persons, non-negative.

    Raises
    ------
    UsageError
        If a parameter is negative.

    Examples
    --------
    >>> gaussian_rho(2.0)
    0.125
    """
    _check("sigma", sigma)
    _check("sensitivity", sensitivity)
    if sensitivity == 0:
        return 0.0
    ratio = sensitivity / sigma if sigma else math.inf
    return 0.5 * ratio * ratio


def gaussian_sigma(rho: float, sensitivity: float = 1.0) -> float:
    """Return the sigma of (discrete) Gaussian noise that spends ``rho``, persons.

    Parameters
    ----------
    rho
        Positive; where it is infinite sigma is 0.
    sensitivity
        L2 sensitivity D, persons, non-negative.

    Raises
    ------
    UsageError
        If ``rho`` is not positive or the sensitivity is negative.

    Examples
    --------
    >>> gaussian_sigma(0.125)
    2.0
    """
    _check("rho", rho)
    _check("sensitivity", sensitivity)
    if rho == 0:
        raise UsageError("rho 0.0 needs infinite noise", hint="give a positive number")
    return sensitivity / math.sqrt(2.0 * rho)


def pure_rho(epsilon: float) -> float:
    """Return epsilon^2 / 2, the rho of every epsilon-private mechanism (Bun and Steinke 2016)."""
    _check("epsilon", epsilon)
    return 0.5 * epsilon * epsilon


def bounded_range_rho(epsilon: float) -> float:
    """Return epsilon^2 / 8, the rho of an epsilon-bounded-range mechanism (the exponential one)."""
    _check("epsilon", epsilon)
    return 0.125 * epsilon * epsilon


def simple_epsilon(delta: float, rho: float) -> float:
    """Return rho + 2 sqrt(rho log(1 / delta)), the first conversion (Bun and Steinke 2016).

    Examples
    --------
    >>> round(simple_epsilon(1e-10, 2.63), 4)
    18.1938
    """
    _check("rho", rho)
    return rho + 2.0 * math.sqrt(rho * _log_inverse(delta))


def delta_of(epsilon: float, rho: float) -> float:
    """Return the delta that rho-zCDP implies at ``epsilon``, by the best order.

    Parameters
    ----------
    epsilon
        Non-negative, may be infinite.
    rho
        Non-negative, may be infinite.

    Raises
    ------
    UsageError
        If a parameter is negative.

    Notes
    -----
    The minimum over a > 1 of exp((a - 1)(a rho - epsilon)) / (a - 1) (1 - 1/a)^a. With b = a - 1
    its logarithm b ((b + 1) rho - epsilon) - b log(1 + 1/b) - log(1 + b) is convex, and least
    where (2 b + 1) rho - log(1 + 1/b) = epsilon. A delta below 1e-323 is given as 0.

    Examples
    --------
    >>> round(delta_of(4.0, 0.5), 10)
    0.0001957954
    """
    _check("epsilon", epsilon)
    _check("rho", rho)
    if rho == 0 or math.isinf(epsilon):
        return 0.0
    if math.isinf(rho):
        return 1.0
    b = _root(lambda b: (2.0 * b + 1.0) * rho - _log_growth(b), epsilon)
    return min(1.0, math.exp(min(0.0, _log_delta(b, epsilon, rho))))


def epsilon_of(delta: float, rho: float) -> float:
    """Return the epsilon that rho-zCDP implies at ``delta``, by the best order.

    Parameters
    ----------
    delta
        In (0, 1).
    rho
        Non-negative, may be infinite.

    Raises
    ------
    UsageError
        If a parameter is out of range.

    Notes
    -----
    The inverse of :func:`delta_of`. For a given b it is (b + 1) rho - log(1 + 1/b) +
    (log(1/delta) - log(1 + b)) / b, least where rho b^2 + log(1 + b) = log(1/delta): there it is
    (2 b + 1) rho - log(1 + 1/b).

    Examples
    --------
    >>> round(epsilon_of(1e-10, 2.63), 6)
    17.430584
    """
    _check("rho", rho)
    wanted = _log_inverse(delta)
    if rho == 0 or math.isinf(rho):
        return rho
    b = _root(lambda b: rho * b * b + math.log1p(b), wanted)
    return max(0.0, (b + 1.0) * rho - _log_growth(b) + (wanted - math.log1p(b)) / b)


def rho_of(epsilon: float, delta: float) -> float:
    """Return the largest rho that implies (epsilon, delta) by the best order.

    Parameters
    ----------
    epsilon
        Non-negative, finite.
    delta
        In (0, 1).

    Raises
    ------
    UsageError
        If a parameter is out of range.

    Notes
    -----
    Both conditions of the two conversions together: with rho = (epsilon + log(1 + 1/b)) /
    (2 b + 1), the root of rho b^2 + log(1 + b) = log(1/delta).

    Examples
    --------
    >>> round(rho_of(17.43058448734511, 1e-10), 9)
    2.63
    """
    _check("epsilon", epsilon)
    wanted = _log_inverse(delta)
    if math.isinf(epsilon):
        raise UsageError(f"epsilon {epsilon!r} is not finite", hint="give a finite number")

    def budget(b: float) -> float:
        return (epsilon + _log_growth(b)) / (2.0 * b + 1.0)

    return budget(_root(lambda b: budget(b) * b * b + math.log1p(b), wanted))


def _log_delta(b: float, epsilon: float, rho: float) -> float:
    return b * ((b + 1.0) * rho - epsilon) - b * _log_growth(b) - math.log1p(b)


def _log_growth(b: float) -> float:
    """log(1 + 1/b), also for tiny b."""
    return math.log1p(1.0 / b) if b > 1e-300 else -math.log(b)  # noqa: PLR2004 (1/b overflows)


def _root(rising: Callable[[float], float], wanted: float) -> float:
    """Return b > 0 at which a rising function is ``wanted``, or the end of the number range."""
    low, high = _LOG_LEAST, _LOG_MOST
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        if rising(math.exp(middle)) < wanted:
            low = middle
        else:
            high = middle
    return math.exp(max(0.5 * (low + high), -700.0))


def _log_inverse(delta: float) -> float:
    if not 0 < delta < 1:
        raise UsageError(f"delta {delta!r} is not in (0, 1)", hint="a common choice is 1e-10")
    return -math.log(delta)


def _check(name: str, value: float) -> None:
    if not value >= 0:
        raise UsageError(f"{name} {value!r} is negative", hint="give a number of 0 or more")
