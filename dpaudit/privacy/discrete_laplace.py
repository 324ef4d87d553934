"""Whole-number Laplace noise for a release that is really published: exact, and not repeatable.

The noise of an audit is drawn from a seed that the report prints. What protects people must not
be: it comes from the operating system, in whole numbers, without a floating-point step whose
rounding could tell what lies below (Mironov 2012).
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from fractions import Fraction

Below = Callable[[int], int]


def discrete_laplace(scale: Fraction, below: Below = secrets.randbelow) -> int:
    """Return a whole number k with probability proportional to ``exp(-abs(k) / scale)``.

    Parameters
    ----------
    scale
        Positive and rational.
    below
        ``below(n)`` is uniform on 0 to n - 1.

    References
    ----------
    Canonne, Kamath and Steinke 2020, *The discrete Gaussian for differential privacy*,
    algorithm 2.
    """
    t, s = scale.numerator, scale.denominator
    while True:
        u = below(t)
        if not _exp_minus(Fraction(u, t), below):
            continue
        v = 0
        while _exp_minus(Fraction(1), below):
            v += 1
        size = (u + t * v) // s
        is_negative = below(2) == 1
        if not (is_negative and size == 0):
            return -size if is_negative else size


def half_width(scale: Fraction, level: float) -> int:
    """Return the least k for which the noise is at most k in size with probability ``level``."""
    rate = 1.0 / float(scale)
    # P(size > k) = 2 exp(-(k + 1) / scale) / (1 + exp(-1 / scale))
    outside = (1.0 - level) * (1.0 + math.exp(-rate)) / 2.0
    return max(0, math.ceil(-math.log(outside) / rate - 1.0))


def _exp_minus(gamma: Fraction, below: Below) -> bool:
    """Return true with probability exp(-gamma), for gamma in [0, 1] (their algorithm 1)."""
    k = 1
    while below(gamma.denominator * k) < gamma.numerator:
        k += 1
    return k % 2 == 1
