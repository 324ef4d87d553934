"""The privacy of Gaussian noise, exactly.

References
----------
Balle and Wang (2018), Improving the Gaussian mechanism for differential privacy: analytical
calibration and optimal denoising, ICML, Theorem 8.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from scipy import special

from dpaudit.errors import UsageError
from dpaudit.noise.integrals import SQRT_2PI, normal_tail_moments

_NARROW = 1e-2
_FINEST = 4e-16
_EXTREME = 700.0
_ZERO_DENSITY = 1e100


def gaussian_delta(epsilon: float, sigma: float, sensitivity: float = 1.0) -> float:
    """Return the smallest delta for which N(0, sigma^2) noise is (epsilon, delta)-private.

    Parameters
    ----------
    epsilon
        Non-negative, may be infinite.
    sigma
        Standard deviation of the noise, persons, positive.
    sensitivity
        L2 sensitivity D, persons, positive.

    Raises
    ------
    UsageError
        If a parameter is out of range.

    Notes
    -----
    With a = D / (2 sigma) and b = epsilon sigma / D, so that epsilon = 2 a b, it is
    Phi(a - b) - e^epsilon Phi(-a - b) = phi(b - a) (R(b - a) - R(b + a)) with the Mills ratio R.
    The second form, and its series in a, keep the relative accuracy of a tiny delta.

    Examples
    --------
    >>> round(gaussian_delta(1.0, 3.7306316348), 10)
    1e-05
    """
    for name, value in (("sigma", sigma), ("sensitivity", sensitivity)):
        if not 0 < value < math.inf:
            raise UsageError(f"{name} {value!r} is not positive", hint="give a positive number")
    if not epsilon >= 0:
        raise UsageError(f"epsilon {epsilon!r} is negative", hint="give a number of 0 or more")
    a, b = 0.5 * sensitivity / sigma, epsilon * (sigma / sensitivity)
    if math.isinf(b):
        return 0.0
    if b < a and a > _NARROW:
        second = math.exp(epsilon + float(special.log_ndtr(-a - b)))
        return float(special.ndtr(a - b)) - second
    density = _density(b - a)
    if density == 0.0:  # and b may be so large that its moments overflow
        return 0.0
    if a <= _NARROW:
        return density * _odd_series(a, b)
    near, far = (float(normal_tail_moments(np.asarray(y))[0]) for y in (b - a, b + a))
    return density * (near - far)


@functools.lru_cache(maxsize=256)
def analytic_gaussian_sigma(epsilon: float, delta: float, sensitivity: float = 1.0) -> float:
    """Return the smallest sigma for which N(0, sigma^2) noise is (epsilon, delta)-private.

    Parameters
    ----------
    epsilon
        Non-negative, finite.
    delta
        In (0, 1).
    sensitivity
        L2 sensitivity, persons, positive.

    Returns
    -------
    float
        Persons; the upper end of the last bracket, so that delta is never exceeded by more
        than rounding.

    Raises
    ------
    UsageError
        If a parameter is out of range.

    Examples
    --------
    >>> round(analytic_gaussian_sigma(1.0, 1e-5), 8)
    3.73063163
    """
    if not 0 < delta < 1:
        raise UsageError(f"delta {delta!r} is not in (0, 1)", hint="a common choice is 1e-6")
    if not 0 <= epsilon < math.inf:
        raise UsageError(f"epsilon {epsilon!r} is not finite", hint="give a number of 0 or more")
    if not 0 < sensitivity < math.inf:
        raise UsageError(f"sensitivity {sensitivity!r} is not positive", hint="see l2_sensitivity")
    low, high = -_EXTREME, _EXTREME
    if gaussian_delta(epsilon, math.exp(high)) > delta:
        raise UsageError(
            f"epsilon {epsilon!r} with delta {delta!r} needs a sigma beyond e^{_EXTREME:g}",
            hint="choose a larger epsilon or delta",
        )
    while high - low > _FINEST * max(1.0, abs(low)):
        middle = 0.5 * (low + high)
        if gaussian_delta(epsilon, math.exp(middle)) > delta:
            low = middle
        else:
            high = middle
    return sensitivity * math.exp(high)


def _density(z: float) -> float:
    return math.exp(-0.5 * z * z) / SQRT_2PI if abs(z) < _ZERO_DENSITY else 0.0


def _odd_series(a: float, b: float) -> float:
    """R(b - a) - R(b + a) = 2 sum_k a^(2k+1) I_(2k+1)(b) / (2k+1)! for small a."""
    _, i1, i2 = (float(moment) for moment in normal_tail_moments(np.asarray(b)))
    i3 = 2.0 * i1 - b * i2
    i4 = 3.0 * i2 - b * i3
    i5 = 4.0 * i3 - b * i4
    return 2.0 * a * (i1 + a * a * (i3 / 6.0 + a * a * i5 / 120.0))
