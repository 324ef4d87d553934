"""Two families of integrals behind the closed forms, without cancellation.

The textbook expressions lose all digits where a parameter is near zero (exponential moments)
or far in the tail (normal moments); the forms here keep the relative accuracy everywhere.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from dpaudit.model.arrays import FloatArray

SQRT_2 = math.sqrt(2.0)
SQRT_2PI = math.sqrt(2.0 * math.pi)
_SERIES = tuple(2.0 / math.factorial(j + 3) for j in range(18))
_FAR = 2.0
_DEPTHS = ((_FAR, 4.0, 60), (4.0, math.inf, 20))
"""Ranges, and how deep the continued fraction goes: its error falls like exp(-y sqrt(8 depth))."""


def exponential_moments(z: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the integrals of u^k exp(-z u) over [0, 1] for k = 0, 1, 2.

    Parameters
    ----------
    z
        Non-negative, finite, any shape.

    Notes
    -----
    For z >= 1 by the forward recursion h_k = (k h_{k-1} - e^{-z}) / z. Below 1 it cancels; there
    h_2 = e^{-z} sum_j 2 z^j / (j + 3)! (all terms positive) and the backward recursion are used.
    """
    z = np.asarray(z, dtype=np.float64)
    decay = np.exp(-z)
    wide = np.maximum(z, 1.0)
    h0 = np.asarray(-np.expm1(-wide) / wide)
    h1 = np.asarray((h0 - decay) / wide)
    h2 = np.asarray((2.0 * h1 - decay) / wide)
    near = z < 1.0
    if near.any():
        y, e = z[near], decay[near]
        series = np.full_like(y, _SERIES[-1])
        for coefficient in _SERIES[-2::-1]:
            series = series * y + coefficient
        h2[near] = e * series
        h1[near] = (y * h2[near] + e) / 2.0
        h0[near] = y * h1[near] + e
    return h0, h1, h2


def normal_density(u: FloatArray) -> FloatArray:
    """Return the standard normal density."""
    with np.errstate(over="ignore"):
        return np.exp(-0.5 * u * u) / SQRT_2PI


def normal_tail_moments(y: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the integrals of u^k exp(-u y - u^2 / 2) over u > 0 for k = 0, 1, 2.

    Times the standard normal density at ``y`` they are P(G > y), E (G - y)^+ and
    E ((G - y)^+)^2; the first is the Mills ratio.

    Parameters
    ----------
    y
        Non-negative, any shape.

    Notes
    -----
    Up to y = 2 from the Mills ratio I_0 by I_1 = 1 - y I_0 and I_2 = I_0 - y I_1. Beyond, the
    ratios r_k = I_k / I_{k-1} come from Laplace's continued fraction r_k = k / (y + r_{k+1}).
    """
    y = np.asarray(y, dtype=np.float64)
    i0 = np.asarray(math.sqrt(math.pi / 2.0) * special.erfcx(y / SQRT_2))
    near = np.minimum(y, _FAR)
    i1 = np.asarray(1.0 - near * i0)
    i2 = np.asarray(i0 - near * i1)
    for low, high, depth in _DEPTHS:
        far = (y > low) & (y <= high)
        if far.any():
            v = y[far]
            ratio = 2.0 * depth / (v + np.hypot(v, 2.0 * math.sqrt(depth)))
            for k in range(depth - 1, 1, -1):
                ratio = k / (v + ratio)
            i1[far] = i0[far] / (v + ratio)
            i2[far] = i1[far] * ratio
    return i0, i1, i2
