"""Two-sided geometric (discrete Laplace) noise, and whole-number noise with geometric tails."""

from __future__ import annotations

import abc
from typing import ClassVar

import attrs
import numpy as np

from dpaudit.model.arrays import ComplexArray, FloatArray, frozen_floats
from dpaudit.noise.base import Noise, Variates
from dpaudit.noise.integrals import exponential_moments
from dpaudit.noise.parameter import check_rate

_CERTAIN = 1e4
"""A rate from which on exp(-rate) is 0 in double precision, and beyond which nothing changes."""


class GeometricTails(Noise):
    """Symmetric whole-number noise whose tails decay by a factor p = exp(-rate) per unit.

    P(X = k) = tail (1 - p) p^{abs(k) - 1} for k other than 0. All properties are closed forms
    in ``rate`` and ``tail`` (sums of geometric series, derived for this project).
    """

    lattice: ClassVar[bool] = True
    log_concave: ClassVar[bool] = True

    @property
    @abc.abstractmethod
    def rate(self) -> FloatArray:
        """-log p, per person, at most 1e4."""

    @property
    @abc.abstractmethod
    def tail(self) -> FloatArray:
        """P(X >= 1)."""

    @property
    def variance(self) -> FloatArray:
        """2 tail (1 + p) / (1 - p)^2."""
        return 2.0 * self._lower(np.zeros(()))[2]

    @property
    def fourth_cumulant(self) -> FloatArray:
        """2 tail (1 + 11 p + 11 p^2 + p^3) / (1 - p)^4 - 3 Var^2."""
        p, tail = np.exp(-self.rate), self.tail
        poly = 1.0 + p * (11.0 + p * (11.0 + p)) - 6.0 * tail * (1.0 + p) ** 2
        with np.errstate(over="ignore"):
            return np.asarray(2.0 * tail * poly * (-1.0 / np.expm1(-self.rate)) ** 4)

    @property
    def mean_absolute(self) -> FloatArray:
        """2 tail / (1 - p)."""
        return 2.0 * self._lower(np.zeros(()))[1]

    def cdf(self, t: FloatArray) -> FloatArray:
        """P(X <= t)."""
        m = np.floor(t)
        steps = np.where(m < 0, -m - 1.0, m)
        outside = self.tail * np.exp(-self.rate * steps)
        return np.where(m < 0, outside, 1.0 - outside)

    def excess(self, t: FloatArray) -> FloatArray:
        """E (t - X)^+, linear between whole numbers."""
        m = np.floor(t)
        _, first, _ = self._lower(np.abs(m))
        return np.maximum(m, 0.0) + first + (t - m) * self.cdf(m)

    def excess_square(self, t: FloatArray) -> FloatArray:
        """E ((t - X)^+)^2, quadratic between whole numbers."""
        m = np.floor(t)
        _, first, second = self._lower(np.abs(m))
        share = 1.0 - 0.5 * np.exp(-self.rate * np.abs(m))
        with np.errstate(over="ignore"):
            at_m = np.where(m > 0, np.square(m) + self.variance * share, second)
        mean = np.maximum(m, 0.0) + first
        return at_m + (t - m) * (2.0 * mean + (t - m) * self.cdf(m))

    def clipped_transform(
        self, x: FloatArray, s: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the transform of (x + X)^+ and its derivatives, for whole ``x``.

        The sums over X <= -x, -x < X < 0, X = 0 and X > 0 are geometric series.
        """
        rate, tail = self.rate, self.tail
        gap = -np.expm1(-(rate + s))
        weight = -tail * np.expm1(-rate)
        here = np.exp(-s * x)
        above = weight * here * np.exp(-s) / gap
        atom = (1.0 - 2.0 * tail) * here
        m0, m1, m2 = _between(np.maximum(x - 1.0, 0.0), rate, s)
        below = tail * np.exp(-rate * np.maximum(x - 1.0, 0.0))
        with np.errstate(over="ignore"):
            phi = below + weight * m0 + atom + above
            psi = weight * m1 + x * atom + above * (x + 1.0 / gap)
            chi = weight * m2 + x * x * atom
            chi = chi + above * (x * x + (2.0 * x + (2.0 - gap) / gap) / gap)
        return phi, psi, chi

    def characteristic(self, theta: FloatArray | ComplexArray) -> ComplexArray:
        """P(X = 0) + tail (1 - p) (z / (1 - p z) + 1 / (z - p)) with z = e^{i theta}."""
        z, above, below = _turned(self.rate, theta)
        weight = -self.tail * np.expm1(-self.rate)
        value: ComplexArray = (1.0 - 2.0 * self.tail) + weight * (z / above + 1.0 / below)
        return value

    @property
    def strip(self) -> FloatArray:
        """The rate."""
        return np.asarray(self.rate)

    def clipped_characteristic(self, x: FloatArray, theta: FloatArray) -> ComplexArray:
        """Return E exp(i theta (x + X)^+) for whole ``x``: geometric series as in the transform."""
        z, gap_above, gap_below = _turned(self.rate, theta)
        weight = -self.tail * np.expm1(-self.rate)
        up = np.maximum(x, 0.0)
        here = np.exp(1j * theta * up)
        above = weight * np.exp(-self.rate * (up - x)) * here * (z / gap_above)
        first = np.exp(-self.rate * np.maximum(up - 1.0, 0.0))
        below = (1.0 - 2.0 * self.tail) * here + weight * (here - z * first) / gap_below
        value: ComplexArray = self.cdf(-x) + above + np.where(x > 0, below, 0.0)
        return value

    def _lower(self, m: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """P(X < -m), E (-m - X)^+ and E ((-m - X)^+)^2 for whole m >= 0."""
        p = np.exp(-self.rate)
        reach = -1.0 / np.expm1(-self.rate)
        mass = self.tail * np.exp(-self.rate * m)
        with np.errstate(over="ignore"):
            return mass, mass * reach, mass * (1.0 + p) * reach * reach


@attrs.frozen(eq=False)
class Geometric(GeometricTails):
    """P(X = k) = (1 - p) / (1 + p) p^{abs(k)} with p = exp(-epsilon_per_unit).

    Sampled as the difference of two geometric variates, each the whole part of an exponential
    variate over ``epsilon_per_unit``: exactly two-sided geometric but for the rounding of one
    division, and all budgets share their variates. (Noise beyond 2^53 keeps 53 bits.)

    Parameters
    ----------
    epsilon_per_unit
        Privacy loss per unit of sensitivity (epsilon / D), a scalar or (n,), at least 1e-305;
        ``inf`` is no noise.

    References
    ----------
    Ghosh, Roughgarden and Sundararajan (2012), Universally utility-maximizing privacy
    mechanisms.

    Examples
    --------
    >>> round(float(Geometric(1.0).variance), 10)
    1.8413471884
    """

    family: ClassVar[str] = "geometric"

    epsilon_per_unit: FloatArray = attrs.field(converter=frozen_floats, validator=check_rate)

    @staticmethod
    def variates(rng: np.random.Generator, shape: tuple[int, ...]) -> Variates:
        """Draw two standard exponential variates for each entry."""
        return rng.standard_exponential(shape), rng.standard_exponential(shape)

    def from_variates(self, variates: Variates) -> FloatArray:
        """Return the difference of the two whole parts."""
        up, down = variates
        noise = np.asarray(up / self.epsilon_per_unit)
        np.floor(noise, out=noise)
        other = np.asarray(down / self.epsilon_per_unit)
        noise -= np.floor(other, out=other)
        return noise

    @property
    def rate(self) -> FloatArray:
        """``epsilon_per_unit``, at most 1e4."""
        return np.minimum(self.epsilon_per_unit, _CERTAIN)

    @property
    def tail(self) -> FloatArray:
        """Upper tail probability p / (1 + p)."""
        p = np.exp(-self.rate)
        return p / (1.0 + p)


def _turned(
    rate: FloatArray, theta: FloatArray | ComplexArray
) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
    """Return z = e^{i theta}, 1 - p z and z - p, the last two accurate where p and z are near 1."""
    p, z = np.exp(-rate), np.exp(1j * theta)
    gap, turn = -np.expm1(-rate), np.expm1(1j * theta)
    is_near = rate < 1.0
    above = np.where(is_near, gap - turn + gap * turn, 1.0 - p * z)
    return z, above, np.where(is_near, turn + gap, z - p)


def capped_rate(scale: FloatArray) -> FloatArray:
    """Return 1 / scale, at most 1e4."""
    return 1.0 / np.maximum(scale, 1.0 / _CERTAIN)


def _between(
    count: FloatArray, rate: FloatArray, s: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the sums of w^k e^{-rate (count - w) - s w} over w = 1 .. count, k = 0, 1, 2.

    Each is expanded from the end where its terms are largest.
    """
    r0, r1, r2 = _decaying_sums(count, np.abs(rate - s))
    from_top = rate >= s
    front = np.exp(np.where(from_top, -s * count, -rate * np.maximum(count - 1.0, 0.0) - s))
    first = np.where(from_top, count * r0 - r1, r0 + r1)
    second = np.where(from_top, count * (count * r0 - 2.0 * r1) + r2, r0 + 2.0 * r1 + r2)
    return front * r0, front * first, front * second


def _decaying_sums(count: FloatArray, d: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the sums of v^k e^{-d v} over v = 0 .. count - 1 for k = 0, 1, 2.

    The first is count h_0(d count) / h_0(d) with h_0 the exponential moment; the others are
    its derivatives in d, which stay accurate as d goes to 0.
    """
    a0, a1, a2 = exponential_moments(np.asarray(d * count))
    b0, b1, b2 = exponential_moments(np.asarray(d))
    inverse, slope = 1.0 / b0, b1 / b0**2
    bend = (2.0 * b1 * slope - b2 / b0) / b0
    r1 = count * (count * a1 * inverse - a0 * slope)
    r2 = count * (count * (count * a2 * inverse - 2.0 * a1 * slope) + a0 * bend)
    return count * a0 * inverse, r1, r2
