"""Whole-number noise drawn by comparing 64 random bits with exact thresholds.

Every threshold is the distribution function to the last of its 64 bits, and the same random
bits serve every parameter, so that the noise of two budgets moves together.
"""

from __future__ import annotations

import decimal
from fractions import Fraction

import attrs
import numpy as np

from dpaudit.model.arrays import FloatArray

BITS = 64
_CELL_BITS = 14
_GUIDED = 1 << 15
_CHUNK = 1 << 15
_FIXED = 256
_DIGITS = 90


def random_bits(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw 64 random bits for each entry, as unsigned whole numbers."""
    return rng.integers(0, 2**BITS, size=shape, dtype=np.uint64)


def gaussian_thresholds(sigma: float) -> np.ndarray:
    """Return 2^64 P(X <= -j) for j = 1, 2, ... while it is positive, to the nearest whole number.

    X is the discrete Gaussian, P(X = k) proportional to exp(-k^2 / (2 sigma^2)).

    Notes
    -----
    Successive terms have the ratio exp(-(2 k - 1) / (2 sigma^2)), itself a geometric sequence,
    so that two multiplications in 256-bit fixed point make a term. What is cut off adds up to
    less than k^3 2^-256 after k terms: nothing beside 2^-64 up to k = 2^60.
    """
    with decimal.localcontext() as context:
        context.prec, context.Emin = _DIGITS, decimal.MIN_EMIN
        exponent = -1 / (2 * decimal.Decimal(sigma) ** 2)
        ratio = _fixed(exponent.exp())
        step = _fixed((2 * exponent).exp())
    term, terms = 1 << _FIXED, []
    while (term := (term * ratio) >> _FIXED) >> (_FIXED - BITS - 16):
        terms.append(term)
        ratio = (ratio * step) >> _FIXED
    tails, sum_so_far = [], 0
    for term in reversed(terms):
        sum_so_far += term
        tails.append(sum_so_far)
    total = (1 << _FIXED) + 2 * sum_so_far
    rounded = [((tail << (BITS + 1)) + total) // (2 * total) for tail in reversed(tails)]
    return np.array([value for value in rounded if value], dtype=np.uint64)


def _fixed(value: decimal.Decimal) -> int:
    """Return 2^256 times ``value``, rounded down."""
    ratio = Fraction(value)
    return (ratio.numerator << _FIXED) // ratio.denominator


@attrs.frozen(eq=False, slots=False)
class ThresholdTable:
    """Inverts a symmetric distribution function at 64-bit arguments.

    Parameters
    ----------
    lower
        2^64 P(X <= -j) for j = 1, 2, ..., shape (reach,), positive.
    """

    _lower: np.ndarray
    _edges: np.ndarray = attrs.field(init=False)
    _guide: list[FloatArray] = attrs.field(init=False, factory=list)

    @_edges.default
    def _all_edges(self) -> np.ndarray:
        upper = np.uint64(2**BITS - 1) - self._lower + np.uint64(1)
        return np.concatenate([self._lower[::-1], upper])

    @property
    def reach(self) -> int:
        """The largest value that is ever drawn."""
        return self._lower.size

    def invert(self, bits: np.ndarray) -> FloatArray:
        """Return the smallest k with bits < 2^64 P(X <= k), of the shape of ``bits``."""
        if bits.size < _GUIDED or self._edges.size >= 1 << _CELL_BITS:
            return self._search(bits)
        flat, made = bits.reshape(-1), np.empty(bits.size)
        guide, shift = self._cells(), np.uint64(BITS - _CELL_BITS)
        for start in range(0, bits.size, _CHUNK):
            part = flat[start : start + _CHUNK]
            value = guide[(part >> shift).astype(np.intp)]
            open_cells = np.flatnonzero(np.isnan(value))
            value[open_cells] = self._search(part[open_cells])
            made[start : start + _CHUNK] = value
        return made.reshape(bits.shape)

    def place(self, bits: np.ndarray) -> tuple[FloatArray, FloatArray]:
        """Return the value k and how far ``bits`` lies between its two thresholds, in [0, 1)."""
        found = np.searchsorted(self._edges, bits, side="right")
        zero = np.zeros(1, dtype=np.uint64)
        start, end = np.concatenate([zero, self._edges]), np.concatenate([self._edges, zero])
        width = (end - start).astype(np.float64)  # 2^64 is 0 here, and the difference right
        within = (bits - start[found]).astype(np.float64) / width[found]
        return (found - self.reach).astype(np.float64), np.minimum(within, 1.0)

    def _search(self, bits: np.ndarray) -> FloatArray:
        return (np.searchsorted(self._edges, bits, side="right") - self.reach).astype(np.float64)

    def _cells(self) -> FloatArray:
        """Return the value of each of 2^14 cells of arguments; NaN where a threshold cuts one."""
        if not self._guide:
            first = np.arange(1 << _CELL_BITS, dtype=np.uint64) << np.uint64(BITS - _CELL_BITS)
            last = first + np.uint64(2 ** (BITS - _CELL_BITS) - 1)
            low, high = self._search(first), self._search(last)
            self._guide.append(np.where(low == high, low, np.nan))
        return self._guide[0]
