"""Laplace noise."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np

from dpaudit.model.arrays import ComplexArray, FloatArray, frozen_floats
from dpaudit.noise.base import Noise, Variates
from dpaudit.noise.integrals import exponential_moments
from dpaudit.noise.near_zero import Changed
from dpaudit.noise.parameter import check_scale, positive, squarable
from dpaudit.stats.compiled import kernel
from dpaudit.stats.streams import standard_exponentials

_HUGE = 1e300

_AT_ONCE = 2**14
"""Variates whose signs are set at once: what a processor's cache holds; a multiple of 32."""

_SQUARABLE = 1e100
_SMALL = 0.25
"""Up to here E e^{-q X} is a product in which nothing cancels."""

_NEAR = 1e-5
"""Where q is this close to 1 a series takes the place of a difference."""


def laplace_variates(rng: np.random.Generator, shape: tuple[int, ...]) -> Variates:
    """Draw unit Laplace variates: a ziggurat exponential with a random sign.

    Unlike the logarithm of a uniform, the ziggurat gives the same bits on every CPU.
    """
    unit = standard_exponentials(rng, shape)
    flat = unit.reshape(-1).view(np.uint64)
    words = rng.integers(0, 2**32, size=-(-flat.size // 32), dtype=np.uint32)
    twin = kernel("turn", flat.size)
    if twin is not None:
        twin(flat, words)
        return (unit,)
    for start in range(0, flat.size, _AT_ONCE):
        part = flat[start : start + _AT_ONCE]
        bits = words[start // 32 : (start + _AT_ONCE) // 32].astype("<u4").view(np.uint8)
        signs = np.unpackbits(bits, count=part.size, bitorder="little").astype(np.uint64)
        part ^= np.left_shift(signs, np.uint64(63), out=signs)
    return (unit,)


@attrs.frozen(eq=False)
class Laplace(Noise):
    """Density exp(-abs(k) / scale) / (2 scale).

    Parameters
    ----------
    scale
        lambda, persons, a scalar or (n,), in [0, 1e305]; 0 is no noise.

    Examples
    --------
    >>> float(Laplace(10.0).variance)
    200.0
    """

    family: ClassVar[str] = "laplace"
    log_concave: ClassVar[bool] = True

    scale: FloatArray = attrs.field(converter=frozen_floats, validator=check_scale)

    @staticmethod
    def variates(rng: np.random.Generator, shape: tuple[int, ...]) -> Variates:
        """Draw unit Laplace variates."""
        return laplace_variates(rng, shape)

    def from_variates(self, variates: Variates) -> FloatArray:
        """Return the variates times the scale."""
        return variates[0] * self.scale

    @property
    def variance(self) -> FloatArray:
        """2 scale^2."""
        with np.errstate(over="ignore"):
            return np.asarray(2.0 * self.scale**2)

    @property
    def fourth_cumulant(self) -> FloatArray:
        """12 scale^4."""
        with np.errstate(over="ignore"):
            return np.asarray(12.0 * self.scale**4)

    @property
    def mean_absolute(self) -> FloatArray:
        """The scale."""
        return self.scale

    def cdf(self, t: FloatArray) -> FloatArray:
        """P(X <= t)."""
        half = 0.5 * self._decay(t)
        return np.where((t >= 0) & (self.scale == 0), 1.0, np.where(t < 0, half, 1.0 - half))

    def density(self, t: FloatArray) -> FloatArray:
        """exp(-abs(t) / scale) / (2 scale)."""
        return 0.5 * self._decay(t) / positive(self.scale, t)

    def excess(self, t: FloatArray) -> FloatArray:
        """E (t - X)^+ = t^+ + (scale / 2) exp(-abs(t) / scale)."""
        return np.maximum(t, 0.0) + 0.5 * self.scale * self._decay(t)

    def excess_square(self, t: FloatArray) -> FloatArray:
        """E ((t - X)^+)^2: scale^2 e^{t / scale} below 0, by symmetry above."""
        with np.errstate(over="ignore"):
            lower = self.scale * (self.scale * self._decay(t))
            upper = np.square(t) + self.scale**2 * (2.0 - self._decay(t))
        return np.where(t < 0, lower, upper)

    def clipped_transform(
        self, x: FloatArray, s: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the transform of (x + X)^+ and its derivatives (METHODS-decisions 6.2).

        Notes
        -----
        With q = s scale and r = x / scale the part of X between -x and 0 is an integral of
        exp(u r (1 - q)) over [0, 1], evaluated from the end where the exponential is largest,
        so that q = 1 is no exception and nothing overflows. Where q is small what clipping adds
        is (e^{-r} / 2) q / (1 - q).
        """
        near = self.near_zero(x, s)
        if near is not None:
            return near.transform(x, s)
        scale = positive(self.scale, x)
        with np.errstate(over="ignore"):
            q = np.minimum(s * scale, _HUGE)
            r = x / scale
            lower = 0.5 * np.exp(-r)
            m0, m1, m2 = _between(r, q, s * x)
            beyond = 0.5 * np.exp(-s * x) / (1.0 + q)
            length = scale / (1.0 + q)
            phi = lower + m0 + beyond
            psi = x * m1 + beyond * (x + length)
            chi = x * x * m2 + beyond * (x * x + 2.0 * length * (x + length))
        return phi, psi, chi

    def near_zero(self, x: FloatArray, s: FloatArray) -> Changed | None:
        """Return transforms of (x + X)^+ - x where s scale is well below 1."""
        scale = positive(self.scale, x)
        largest = float(np.max(scale))
        if largest > _SQUARABLE or float(np.max(s)) * largest > _SMALL:
            return None
        q = s * scale
        square = q * q
        whole = 1.0 / (1.0 - square)
        slope = whole * whole
        bend = slope * (1.0 + 3.0 * square)
        bend *= whole
        slope *= q
        more = np.multiply(square, whole, out=square)
        tail = 0.5 * np.exp(-x / scale)
        pole = 1.0 / (1.0 - q)
        first = tail * pole
        added = first * q
        first *= pole
        second = first * pole
        first *= scale
        second *= 2.0 * scale**2
        slope *= 2.0 * scale
        bend *= 2.0 * scale**2
        return Changed.of(x, s, (more, slope, bend), (added, first, second))

    def characteristic(self, theta: FloatArray | ComplexArray) -> ComplexArray:
        """1 / (1 + (scale theta)^2)."""
        return 1.0 / (1.0 + squarable(self.scale * theta) ** 2)

    @property
    def strip(self) -> FloatArray:
        """1 / scale."""
        return 1.0 / np.maximum(self.scale, 1e-300)

    def clipped_characteristic(self, x: FloatArray, theta: FloatArray) -> ComplexArray:
        """Return E exp(i theta (x + X)^+): elementary, with q = i scale theta.

        For x > 0 it is e^{i theta x} / (1 - q^2) + (1/2) e^{-x / scale} q / (1 + q), else
        1 + (1/2) e^{x / scale} q / (1 - q).
        """
        q = 1j * squarable(self.scale * theta)
        below = x <= 0
        half = 0.5 * self._decay(x)
        ratio = np.where(below, 1.0, np.exp(1j * theta * np.maximum(x, 0.0)) / (1.0 - q * q))
        tail: ComplexArray = ratio + half * (q / (1.0 + np.where(below, -q, q)))
        return tail

    def tail_transform(
        self, t: FloatArray, s: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the transform of the tail beyond t: elementary, as in :meth:`clipped_transform`.

        With r = abs(t) / scale the tail beyond t > 0 is (1/2) e^{-r} times an exponential
        variate; below 0 the part between t and 0 is an integral over [0, 1].
        """
        scale = positive(self.scale, t)
        up = np.maximum(-t, 0.0)
        with np.errstate(over="ignore", under="ignore"):
            q = s * scale
            r = up / scale
            m0, m1, m2 = _between(r, q, s * up)
            beyond = 0.5 * np.exp(-np.where(t > 0, t / scale, s * up)) / (1.0 + q)
            length = scale / (1.0 + q)
            first = up * m1 + beyond * (up + length)
            second = up * up * m2 + beyond * (up * up + 2.0 * length * (up + length))
        return m0 + beyond, first, second

    def tail_characteristic(self, t: FloatArray, z: ComplexArray) -> ComplexArray:
        """Return E exp(-z (X - max(t, 0))) over X > t, with r = abs(t) / scale and q = z scale.

        For t >= 0 it is (1/2) e^{-r} / (1 + q), else
        (1/2) / (1 + q) + (1/2) (1 - e^{-(1 - q) r}) / (1 - q).
        """
        scale = np.broadcast_to(positive(self.scale, t), t.shape)
        q = z * scale
        value: ComplexArray = 0.5 * np.exp(-np.abs(t) / scale) / (1.0 + q)
        below = np.flatnonzero(t < 0)
        if below.size:
            r = -t[below] / scale[below]
            own = q[:, below] if q.shape[1] == t.size else q
            value[:, below] = _tail_below(r, own)
        return value

    def _decay(self, t: FloatArray) -> FloatArray:
        """exp(-abs(t) / scale)."""
        return np.exp(-np.abs(t) / positive(self.scale, t))


def _between(
    r: FloatArray, q: FloatArray, sx: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return (r / 2) e^{-r} times the integrals of u^k e^{r (1 - q) u} over [0, 1]."""
    power = (1.0 - q) * r
    h0, h1, h2 = exponential_moments(np.abs(power))
    growing = power > 0
    front = 0.5 * r * np.exp(-np.where(growing, sx, r))
    return (
        front * h0,
        front * np.where(growing, h0 - h1, h1),
        front * np.where(growing, h0 - 2.0 * h1 + h2, h2),
    )


def _tail_below(r: FloatArray, q: ComplexArray) -> ComplexArray:
    """Return the transform of the tail beyond -r, in units of the scale; q = 1 is no exception."""
    gap = 1.0 - q
    near = np.abs(gap) < _NEAR
    between = (1.0 - np.exp(-gap * r)) / np.where(near, 1.0, gap)
    if near.any():
        # (1 - e^{-u}) / gap = r (1 - u / 2 + u^2 / 6 - ...) with u = gap r
        u = np.where(near, gap, 0.0) * r
        series = 1.0 - u / 2.0 * (1.0 - u / 3.0 * (1.0 - u / 4.0 * (1.0 - u / 5.0)))
        between = np.where(near, r * series, between)
    value: ComplexArray = 0.5 / (1.0 + q) + 0.5 * between
    return value
