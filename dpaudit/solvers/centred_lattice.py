"""The negative part of centred whole-number noise, by a finite Fourier sum.

n y_i = n x_i + (n - 1) X_i - sum_{j != i} X_j + gap is a whole number, so that with D = -n y_i

    E D^+ = (1 / 2 pi) int_{-pi}^{pi} M(s) e^{-s} / (1 - e^{-s})^2 dtheta,   s = c + i theta,

where M is the moment generating function of D and c > 0: the sum of d e^{-s d} over d >= 1.
The trapezoid rule only folds the law of D, and the shift c damps what is folded.
"""

from __future__ import annotations

import math

import attrs
import numpy as np

from dpaudit.model.arrays import ComplexArray, FloatArray
from dpaudit.noise.base import Noise

_SHIFTS = 60
_NIL = -45.0
"""Logarithm, relative to its largest value, from which on the integrand is left out."""

_UNDERFLOW = -200.0
"""Logarithm of what counts as nothing."""

_REACH = 1e-17
_LARGEST = 2**20
"""Nodes of the longest sum that is tried."""

_CHUNK = 2**21


def lattice_negative_part(counts: FloatArray, gap: float, noise: Noise) -> FloatArray | None:
    """Return E (abs(x_i + gap / n) + e_i)^-, shape (n,), persons.

    ``None`` where the counts or the gap are not whole, or the noise has no characteristic
    function, or the sum would be too long.
    """
    start = np.abs(counts * counts.size + gap)
    if not noise.lattice or gap != np.rint(gap) or (counts != np.rint(counts)).any():
        return None
    parameters = noise.parameters(counts.size)
    sets, first, many = np.unique(parameters, axis=0, return_index=True, return_counts=True)[:3]
    parts = [noise.at(np.array([index])) for index in first]
    if parts[0].characteristic(np.zeros((1, 1))) is None:
        return None
    value = np.empty_like(start)
    for own, parameter in zip(parts, sets, strict=True):
        mine = (parameters == parameter).all(axis=1)
        starts, where = np.unique(start[mine], return_inverse=True)
        found = _Folded(own=own, parts=parts, many=many.astype(np.float64)).negative_parts(starts)
        if found is None:
            return None
        value[mine] = found[where] / counts.size
    return value


@attrs.frozen(kw_only=True, eq=False)
class _Folded:
    """The law of D = -start - n X_i + sum_j X_j for one entity i."""

    own: Noise
    parts: list[Noise]
    many: FloatArray

    def negative_parts(self, starts: FloatArray) -> FloatArray | None:
        """Return E D^+, shape of ``starts``, or ``None`` where a sum would be too long."""
        shifts = self._shifts()
        with np.errstate(over="ignore", invalid="ignore"):
            level = np.real(self._logarithm(shifts.astype(np.complex128)))
        level = np.nan_to_num(level, nan=np.inf)[:, None] - shifts[:, None] * starts
        best, peak = level.argmin(axis=0), level.min(axis=0)
        found = np.zeros_like(starts)
        for place in np.unique(best[peak > _UNDERFLOW]):
            mine = (best == place) & (peak > _UNDERFLOW)
            part = self._folded(starts[mine], float(shifts[place]))
            if part is None:
                return None
            found[mine] = part
        return found

    def _folded(self, starts: FloatArray, shift: float) -> FloatArray | None:
        """Sum the integrand with one shift over the frequencies that matter."""
        length = self._length(float(starts.max()), shift)
        nodes = min(length // 2, math.ceil(self._last(shift) * length / (2.0 * np.pi)))
        if nodes > _LARGEST:
            return None
        theta = (np.arange(nodes) + 0.5) * (2.0 * np.pi / length)
        s = np.asarray(shift + 1j * theta, dtype=np.complex128)
        common = self._logarithm(s)
        found = np.empty_like(starts)
        rows = max(1, _CHUNK // nodes)
        for first in range(0, starts.size, rows):
            some = slice(first, first + rows)
            with np.errstate(under="ignore"):
                terms = np.real(np.exp(common - s * starts[some, None]))
            found[some] = terms.sum(axis=1) * 2.0 / length
        return np.maximum(found, 0.0)

    @property
    def _n(self) -> float:
        return float(self.many.sum())

    def _logarithm(self, s: ComplexArray) -> ComplexArray:
        """Return the logarithm of M(s) e^{-s} / (1 - e^{-s})^2 for start = 0."""
        value = -s - 2.0 * np.log(-np.expm1(-s))
        for part, many in zip(self.parts, self.many, strict=True):
            value = value + many * _log(part, s)
        joined: ComplexArray = value - _log(self.own, s) + _log(self.own, s * (self._n - 1.0))
        return joined

    def _last(self, shift: float) -> float:
        """Return the frequency from which on the others' product is negligible."""
        theta = np.append(0.0, np.logspace(-7.0, np.log10(np.pi), 200))
        level = np.zeros_like(theta)
        for part, many in zip(self.parts, self.many, strict=True):
            level += many * np.real(_log(part, shift + 1j * theta))
        beyond = np.flatnonzero(level - level[0] < _NIL)
        return float(theta[beyond[0]]) if beyond.size else np.pi

    def _shifts(self) -> FloatArray:
        """Return shifts that are tried, inside the strip where M is finite."""
        strip = self._strip()
        if math.isfinite(strip):
            return strip * (1.0 - np.logspace(-1.3, -1e-3, _SHIFTS))
        spread = self._spread() + self._n * math.sqrt(float(np.max(self.own.variance)))
        return np.logspace(-2.0, 2.0, _SHIFTS) / max(spread, 1.0)

    def _length(self, start: float, shift: float) -> int:
        """Return the number of nodes that holds the law of D and what the shift lets through."""
        tail = max(_reach(part) for part in self.parts)
        width = self._n * _reach(self.own) + tail + 9.0 * self._spread()
        nearest = min(shift, self._strip() - shift)
        return 2 * math.ceil(start + 2.0 * width + 40.0 / nearest)

    def _strip(self) -> float:
        """Return the supremum of s with M(s) finite."""
        own = float(self.own.strip.max()) / (self._n - 1.0)
        return min(own, *(float(part.strip.max()) for part in self.parts))

    def _spread(self) -> float:
        """Return the standard deviation of the sum of all noise."""
        each = [float(np.max(part.variance)) for part in self.parts]
        return math.sqrt(float(np.dot(each, self.many)))


def _log(noise: Noise, s: ComplexArray) -> ComplexArray:
    value = noise.characteristic(-1j * s[:, None])
    return np.log(value[:, 0] if value is not None else np.full(s.shape, np.nan + 0j))


def _reach(noise: Noise) -> float:
    """Return the least power of two beyond which X has probability below 1e-17."""
    reach = 1.0
    while float(np.max(noise.cdf(np.array([-reach])))) > _REACH:
        reach *= 2.0
    return reach
