"""The innermost loops, compiled by numba: each has a twin in numpy and gives its very bits.

Numpy adds up columns from the first row to the last, and the entries of a row by halves down to
128 of them, of which eight sums are kept (pairwise summation). Both orders are followed here, and
nothing is contracted to a fused multiplication. Nobody imports this module but
:mod:`dpaudit.stats.compiled`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.np.random import _constants
from numpy.typing import NDArray

from dpaudit.model.arrays import FloatArray

Words = NDArray[np.uint64]
Counts = tuple[int, int, int]

_WIDE = 64
"""Columns whose sums are kept side by side."""

_LEAF = 128
"""Entries that numpy adds up without halving them."""


_LANES = 8
_DEPTH = 64

_1, _2, _3, _4, _5, _6, _7, _8 = (np.uint64(k) for k in range(1, 9))


def _compiled(function: Callable[..., Any]) -> Any:
    return numba.njit(nogil=True, cache=True, error_model="numpy")(function)


@_compiled
def _error_means(rows: FloatArray, low: int, wide: int, w: FloatArray) -> None:
    """Write the means of e, e^2 and (-e)^+ of up to 64 columns to the start of ``w``."""
    row = rows[0, low : low + wide]
    for j in range(wide):
        e = row[j]
        w[j] = e
        w[_WIDE + j] = e * e
        w[2 * _WIDE + j] = -e if e < 0.0 else 0.0
    for i in range(1, rows.shape[0]):
        row = rows[i, low : low + wide]
        for j in range(wide):
            e = row[j]
            w[j] += e
            w[_WIDE + j] += e * e
            w[2 * _WIDE + j] += -e if e < 0.0 else 0.0
    for j in range(3 * _WIDE):
        w[j] = w[j] / rows.shape[0]


@_compiled
def _error_powers(rows: FloatArray, low: int, wide: int, w: FloatArray) -> None:
    """Write the sums of squares and fourth powers of what deviates from the means behind them."""
    for j in range(3 * _WIDE, 9 * _WIDE):
        w[j] = 0.0
    for i in range(rows.shape[0]):
        row = rows[i, low : low + wide]
        for j in range(wide):
            e = row[j]
            d = e - w[j]
            d = d * d
            w[3 * _WIDE + j] += d
            w[4 * _WIDE + j] += d * d
            d = e * e - w[_WIDE + j]
            d = d * d
            w[5 * _WIDE + j] += d
            w[6 * _WIDE + j] += d * d
            d = (-e if e < 0.0 else 0.0) - w[2 * _WIDE + j]
            d = d * d
            w[7 * _WIDE + j] += d
            w[8 * _WIDE + j] += d * d


@_compiled
def error_moments(rows: FloatArray, out: FloatArray) -> None:
    """Write the three means and six sums of every column of ``rows`` (r, m) to ``out`` (9, m)."""
    m = rows.shape[1]
    w = np.zeros(9 * _WIDE)
    for low in range(0, m, _WIDE):
        wide = min(_WIDE, m - low)
        _error_means(rows, low, wide, w)
        _error_powers(rows, low, wide, w)
        for k in range(9):
            for j in range(wide):
                out[k, low + j] = w[k * _WIDE + j]


@_compiled
def _leaf(a: FloatArray, start: int, size: int) -> float:
    """Return the sum of at most 128 entries, of which numpy keeps eight sums."""
    if size < _LANES:
        found = 0.0
        for i in range(start, start + size):
            found += a[i]
        return found
    k = np.uint64(start)
    r0, r1, r2, r3 = a[k], a[k + _1], a[k + _2], a[k + _3]
    r4, r5, r6, r7 = a[k + _4], a[k + _5], a[k + _6], a[k + _7]
    for _ in range(1, size // _LANES):
        k += _8
        r0 += a[k]
        r1 += a[k + _1]
        r2 += a[k + _2]
        r3 += a[k + _3]
        r4 += a[k + _4]
        r5 += a[k + _5]
        r6 += a[k + _6]
        r7 += a[k + _7]
    found = ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7))
    for i in range(start + size - size % _LANES, start + size):
        found += a[i]
    return found


@_compiled
def row_sum(a: FloatArray, start: int, size: int) -> float:
    """Return the sum of ``size`` entries from ``start`` on, as numpy adds up a row.

    The halves that wait for their sums are kept in arrays: what numba compiles and keeps may not
    call itself.
    """
    starts, sizes = np.empty(_DEPTH, dtype=np.int64), np.empty(_DEPTH, dtype=np.int64)
    waiting, left = np.zeros(_DEPTH, dtype=np.int64), np.empty(_DEPTH)
    starts[0], sizes[0], depth = start, size, 0
    while True:
        if sizes[depth] > _LEAF:
            half = sizes[depth] // 2
            half -= half % _LANES
            waiting[depth] = 1
            starts[depth + 1], sizes[depth + 1] = starts[depth], half
            depth += 1
            waiting[depth] = 0
            continue
        found = _leaf(a, starts[depth], sizes[depth])
        while True:
            depth -= 1
            if depth < 0:
                return found
            if waiting[depth] == 1:
                break
            found = left[depth] + found
        waiting[depth], left[depth] = 2, found
        half = sizes[depth + 1]
        starts[depth + 1], sizes[depth + 1] = starts[depth] + half, sizes[depth] - half
        depth += 1
        waiting[depth] = 0


@_compiled
def _whole(a: FloatArray, at_once: int) -> float:
    """Return the sum of ``a``, some entries at a time."""
    found = 0.0
    for low in range(0, a.size, at_once):
        found += row_sum(a, low, min(at_once, a.size - low))
    return found


@_compiled
def _start(shifted: FloatArray, total: float, spare: FloatArray, how: Counts) -> float:
    """Return a threshold near the root, from a sample of a long row."""
    at_once, sampled, steps = how
    n = shifted.size
    for i in range(n):
        spare[i] = max(shifted[i], -total)
    missing = threshold = (_whole(spare, at_once) - total) / n
    sample = spare[:: max(1, n // sampled)].copy()
    lower = np.empty(sample.size)
    for _ in range(steps):
        at = 0
        for i in range(sample.size):
            at += sample[i] >= threshold
            lower[i] = min(sample[i], threshold)
        mean = row_sum(lower, 0, lower.size) / sample.size
        threshold += (missing - mean) / (max(at, 1) / sample.size)
    return min(threshold, 0.0)


@_compiled
def _above(
    shifted: FloatArray, threshold: float, out: FloatArray, at_once: int
) -> tuple[int, float]:
    """Write ``(shifted - threshold)^+``; return how many are positive, and their sum."""
    now = 0
    for i in range(out.size):
        v = shifted[i] - threshold
        now += v > 0.0
        out[i] = v if v > 0.0 else 0.0
    return now, _whole(out, at_once)


@_compiled
def project_rows(
    rows: FloatArray, out: FloatArray, tau: FloatArray, total: float, how: Counts
) -> None:
    """Project long rows (r, n) on the simplex, and write their thresholds to ``tau`` (r,).

    ``how`` has the entries that are worked on at once, those of a sample, and steps on it.
    """
    shifted = np.empty(rows.shape[1])
    for r in range(rows.shape[0]):
        row, mine = rows[r], out[r]
        largest = row[0]
        for i in range(shifted.size):
            largest = row[i] if row[i] > largest else largest
        for i in range(shifted.size):
            shifted[i] = row[i] - largest
        threshold, kept, step = _start(shifted, total, mine, how), -1, 0
        while True:
            now, reached = _above(shifted, threshold, mine, how[0])
            if now == 0 and step == 0:
                threshold, step = -total, 1
                continue
            if now == 0 or now == kept or (step > 1 and now > kept):  # noqa: PLR1714 - quick
                break
            threshold, kept, step = threshold + (reached - total) / now, now, step + 1
        if reached > 0.0:
            scale = total / reached
            for i in range(shifted.size):
                mine[i] *= scale
        tau[r] = largest + min(threshold, 0.0)


_SCALES: FloatArray = np.asarray(_constants.we_double)
_LIMITS: Words = np.asarray(_constants.ke_double)
_HEIGHTS: FloatArray = np.asarray(_constants.fe_double)
_TAIL = float(_constants.ziggurat_exp_r)


@_compiled
def _word(state: Words) -> np.uint64:
    """Return the next word of SFC64."""
    found = state[0] + state[1] + state[3]
    state[3] += np.uint64(1)
    state[0] = state[1] ^ (state[1] >> np.uint64(11))
    state[1] = state[2] + (state[2] << np.uint64(3))
    turned = (state[2] << np.uint64(24)) | (state[2] >> np.uint64(40))
    state[2] = turned + found
    return found


@_compiled
def _unit(state: Words) -> float:
    return float(_word(state) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@_compiled
def exponentials(state: Words, out: FloatArray) -> None:
    """Fill ``out`` as numpy's ziggurat does, and move the state of SFC64 on.

    References
    ----------
    Marsaglia and Tsang (2000), The ziggurat method for generating random variables.
    """
    for i in range(out.size):
        while True:
            word = _word(state) >> np.uint64(3)
            k = word & np.uint64(0xFF)
            word >>= np.uint64(8)
            x = float(word) * _SCALES[k]
            if word < _LIMITS[k]:
                break
            if k == 0:
                x = _TAIL - math.log1p(-_unit(state))
                break
            below = (_HEIGHTS[k - np.uint64(1)] - _HEIGHTS[k]) * _unit(state)
            if below + _HEIGHTS[k] < math.exp(-x):
                break
        out[i] = x


@_compiled
def turn(bits: Words, words: NDArray[np.uint32]) -> None:
    """Change the signs of the floats whose ``bits`` are given, where a bit of ``words`` is 1."""
    whole = bits.size // 32
    for k in range(whole):
        word = np.uint64(words[k])
        part = bits[32 * k : 32 * k + 32]
        for j in range(32):
            part[j] ^= (word >> np.uint64(j)) << np.uint64(63)
    for j in range(bits.size - 32 * whole):
        bits[32 * whole + j] ^= (np.uint64(words[whole]) >> np.uint64(j)) << np.uint64(63)


KERNELS: dict[str, Callable[..., Any]] = {
    "error_moments": error_moments,
    "project_rows": project_rows,
    "exponentials": exponentials,
    "turn": turn,
}
