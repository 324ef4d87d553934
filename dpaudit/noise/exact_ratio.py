"""Ratios as laws and audit files write them, compared without rounding errors."""

from __future__ import annotations

from fractions import Fraction
from typing import Self

import attrs
import numpy as np

from dpaudit.model.arrays import FloatArray

_LARGEST_DENOMINATOR = 10**6
_LARGEST = 1e300


@attrs.frozen
class Ratio:
    """A positive ratio over / under of two counts.

    Whole counts are compared with it exactly, as long as their products with ``over`` and
    ``under`` are below 2^53: 7 of 100 is 7 percent, although 0.07 * 100 is above 7 in floating
    point.

    Parameters
    ----------
    over, under
        Numerator and denominator, positive.

    Examples
    --------
    >>> ratio = Ratio.of(0.07)
    >>> (ratio.over, ratio.under)
    (7.0, 100.0)
    >>> float(ratio.margin(np.array(7.0), np.array(100.0)))
    0.0
    """

    over: float
    under: float

    @classmethod
    def of(cls, value: float) -> Self:
        """Return the ratio with the smallest denominator, at most a million, that prints as this.

        A number that is no such fraction is taken as it is, with the denominator 1.
        """
        near = Fraction(value).limit_denominator(_LARGEST_DENOMINATOR)
        if near > 0 and float(near) == value:
            return cls(float(near.numerator), float(near.denominator))
        return cls(value, 1.0)

    @property
    def value(self) -> float:
        """Over / under."""
        return self.over / self.under

    def margin(self, numerator: FloatArray, denominator: FloatArray) -> FloatArray:
        """Return under * numerator - over * denominator: positive above the ratio, 0 at it."""
        return self.under * numerator - self.over * denominator

    def times(self, count: FloatArray) -> FloatArray:
        """Return the ratio times a count; whole where that is a whole number."""
        return _quotient(count, self.over, self.under)

    def into(self, count: FloatArray) -> FloatArray:
        """Return a count divided by the ratio; whole where that is a whole number."""
        return _quotient(count, self.under, self.over)


def _quotient(count: FloatArray, by: float, over: float) -> FloatArray:
    """Return count * by / over, within 1e300."""
    with np.errstate(over="ignore"):
        return np.clip(count * by / over, -_LARGEST, _LARGEST)
