"""The transform of a clipped noisy count at a variable that is small beside the noise.

With V = (-x - X)^+, what clipping adds to a count x + X, and M(s) = E e^{-s X},

    E exp(-s (x + X)^+) = e^{-s x} M(s) - E (e^{s V} - 1)

and the derivatives follow. Nothing cancels while s V is small: no more than half of X is clipped,
for x is not negative. One exponential a value is all that it takes. Moments of what the count
changes by, Y = max(X, -x), keep their accuracy however large x is beside the noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

import attrs
import numpy as np

from dpaudit.model.arrays import FloatArray

Derivatives = tuple[FloatArray, FloatArray, FloatArray]
"""A function of s with its first and second derivative, shape (m, n) or broadcasting to it."""

MOMENTS = 14
"""So many moments of V are enough up to :data:`SMALL`."""

SMALL = 1.0 / 16.0
"""The series is used where s is at most this over the standard deviation of the noise."""

_NEGLIGIBLE = 1e-17

_LARGEST = 600.0
"""Where s x is larger x is so far above the noise that nothing is clipped."""


@attrs.frozen(kw_only=True, eq=False)
class Changed:
    """E exp(-s Y) - 1 and E Y^k exp(-s Y) for k = 1, 2 of Y = max(X, -x), shape (m, n)."""

    more: FloatArray
    first: FloatArray
    second: FloatArray

    @classmethod
    def of(cls, x: FloatArray, s: FloatArray, centred: Derivatives, added: Derivatives) -> Self:
        """Put together M(s) - 1 and E (e^{s V} - 1), each with its derivatives.

        ``x`` has shape (n,), ``s`` shape (m, 1) or (m, n).
        """
        shift = s * x
        np.minimum(shift, _LARGEST, out=shift)
        np.exp(shift, out=shift)
        more, first, second = centred
        zeroth, slope, bend = added
        once = x * zeroth
        once += slope
        twice = once + slope
        twice *= x
        twice += bend
        twice *= shift
        once *= shift
        shift *= zeroth
        np.subtract(more, shift, out=shift)
        np.subtract(second, twice, out=twice)
        once -= first
        return cls(more=shift, first=once, second=twice)

    def transform(self, x: FloatArray, s: FloatArray) -> Derivatives:
        """Return E W^k exp(-s W) of W = x + Y."""
        here, mass = np.exp(-s * x), 1.0 + self.more
        first = x * mass + self.first
        second = x * (first + self.first) + self.second
        return here * mass, here * first, here * second

    def tilted(self) -> Derivatives:
        """Return log E exp(-s Y), and mean and variance of Y under the law tilted by exp(-s Y).

        The logarithm is right to the last digits of itself, so that sums of many are.
        """
        mean, variance = _tilted(1.0 + self.more, self.first, self.second)
        return np.log1p(self.more), mean, variance


def tilted(mass: FloatArray, first: FloatArray, second: FloatArray) -> Derivatives:
    """Return the logarithm of a transform, and the mean and variance of the tilted law.

    Overwrites its arguments.
    """
    value = np.log(mass)
    return (value, *_tilted(mass, first, second))


def _tilted(
    mass: FloatArray, first: FloatArray, second: FloatArray
) -> tuple[FloatArray, FloatArray]:
    np.reciprocal(mass, out=mass)
    first *= mass
    second *= mass
    second -= np.square(first, out=mass)
    return first, second


def terms_needed(s: FloatArray, largest: Sequence[float]) -> int:
    """Return how many moments of V give every derivative to 1e-17 of E V^2, 0 if too many do.

    Parameters
    ----------
    s
        Transform variables.
    largest
        Upper bounds of E V^j for j = 0, .., ``MOMENTS``, in persons to the j.
    """
    most, spread = float(np.max(s, initial=0.0)), largest[2]
    if not (spread > 0 and most * math.sqrt(2.0 * spread) <= SMALL):
        return 0
    left = [most ** (j - 2) * largest[j] / math.factorial(j - 2) for j in range(3, MOMENTS + 1)]
    return next((j + 2 for j, rest in enumerate(left) if rest <= _NEGLIGIBLE * spread), 0)


def added_by_clipping(s: FloatArray, moments: Sequence[FloatArray]) -> Derivatives:
    """Return E (e^{s V} - 1) and its derivatives, given E V^j for j = 0, .., J, J of at least 2.

    Each has shape () or (n,); the first is not used.
    """
    shape = np.broadcast_shapes(s.shape, moments[-1].shape)
    value, slope, bend = (_polynomial(s, moments, order, np.empty(shape)) for order in range(3))
    value *= s
    return value, slope, bend


def _polynomial(
    s: FloatArray, moments: Sequence[FloatArray], order: int, total: FloatArray
) -> FloatArray:
    """Return the sum of s^(j - order) E V^j / (j - order)!, over s for order 0, in ``total``."""
    last = len(moments) - 1
    total[...] = moments[-1] / math.factorial(last - order)
    for j in range(last - 1, max(order, 1) - 1, -1):
        total *= s
        total += moments[j] / math.factorial(j - order)
    return total


def added_on_whole_numbers(s: FloatArray, rising: Sequence[FloatArray]) -> Derivatives:
    """Return E (e^{s V} - 1) and its derivatives, given E V (V + 1) .. (V + j - 1), j = 0, .., J.

    With w = 1 - e^{-s}, e^{s V} = (1 - w)^{-V} is a sum of w^j V (V + 1) .. (V + j - 1) / j!: of
    positive terms, which repeated cumulative sums of a table give.
    """
    stay = np.exp(-s)
    value, slope, bend = added_by_clipping(-np.expm1(-s), rising)
    slope *= stay
    bend *= stay * stay
    bend -= slope
    return value, slope, bend
