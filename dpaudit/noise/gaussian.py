"""Gaussian noise."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np
from scipy import special

from dpaudit.model.arrays import ComplexArray, FloatArray, frozen_floats
from dpaudit.noise.base import Noise, Variates
from dpaudit.noise.integrals import SQRT_2, SQRT_2PI, normal_density, normal_tail_moments
from dpaudit.noise.near_zero import (
    MOMENTS,
    Changed,
    Derivatives,
    added_by_clipping,
    terms_needed,
)
from dpaudit.noise.parameter import check_scale, positive, squarable

_NOTHING_BEYOND = 40.0
"""Standard deviations beyond which normal noise has no probability in double precision."""


def gaussian_variates(rng: np.random.Generator, shape: tuple[int, ...]) -> Variates:
    """Draw standard normal variates (ziggurat)."""
    return (rng.standard_normal(shape),)


def half_moments(sigma: float) -> tuple[float, ...]:
    """Return E (X^-)^j, j = 0, .., MOMENTS, of normal noise: half its absolute moments."""
    found = [0.5, sigma / SQRT_2PI]
    for j in range(2, MOMENTS + 1):
        found.append((j - 1) * sigma * (sigma * found[j - 2]))
    return tuple(found)


def gaussian_growth(s: FloatArray, sigma: FloatArray | float) -> Derivatives:
    """Return E exp(-s X) - 1 = exp((s sigma)^2 / 2) - 1 and its derivatives in s."""
    variance = np.square(sigma)
    drift = s * variance
    more = np.expm1(0.5 * (s * drift))
    slope = more * drift
    slope += drift
    bend = more * variance
    bend += variance
    bend += np.multiply(drift, slope, out=drift)
    return more, slope, bend


def gaussian_lower_moments(
    x: FloatArray, sigma: FloatArray | float, order: int
) -> tuple[FloatArray, ...]:
    """Return E ((-x - X)^+)^j for j = 0, .., ``order``, right to 1e-16 of those at x = 0.

    In units of sigma by the recursion J_{j+1} = j J_{j-1} - u J_j, which loses digits far out,
    where nothing is left.
    """
    u = np.minimum(x / sigma, _NOTHING_BEYOND)
    mass = special.ndtr(-u)
    found = [mass, np.maximum(normal_density(u) - u * mass, 0.0)]
    for j in range(1, order):
        found.append(np.maximum(j * found[j - 1] - u * found[j], 0.0))
    unit: FloatArray | float = 1.0
    for j in range(1, order + 1):
        unit = unit * sigma
        found[j] *= unit
    return tuple(found)


@attrs.frozen(eq=False)
class Gaussian(Noise):
    """Normal noise.

    Parameters
    ----------
    sigma
        Standard deviation, persons, a scalar or (n,), in [0, 1e305]; 0 is no noise.

    Examples
    --------
    >>> float(Gaussian(10.0).variance)
    100.0
    """

    family: ClassVar[str] = "gaussian"
    log_concave: ClassVar[bool] = True

    sigma: FloatArray = attrs.field(converter=frozen_floats, validator=check_scale)

    @staticmethod
    def variates(rng: np.random.Generator, shape: tuple[int, ...]) -> Variates:
        """Draw standard normal variates."""
        return gaussian_variates(rng, shape)

    def from_variates(self, variates: Variates) -> FloatArray:
        """Return the variates times sigma."""
        return variates[0] * self.sigma

    @property
    def variance(self) -> FloatArray:
        """sigma^2."""
        with np.errstate(over="ignore"):
            return np.asarray(self.sigma**2)

    @property
    def fourth_cumulant(self) -> FloatArray:
        """Zero."""
        return np.zeros_like(self.sigma)

    @property
    def mean_absolute(self) -> FloatArray:
        """Standard deviation times sqrt(2 / pi)."""
        return np.asarray(self.sigma * np.sqrt(2.0 / np.pi))

    def cdf(self, t: FloatArray) -> FloatArray:
        """P(X <= t)."""
        inside = special.ndtr(t / positive(self.sigma, t))
        return np.where((t >= 0) & (self.sigma == 0), 1.0, inside)

    def density(self, t: FloatArray) -> FloatArray:
        """phi(t / sigma) / sigma."""
        sigma = positive(self.sigma, t)
        return normal_density(t / sigma) / sigma

    def excess(self, t: FloatArray) -> FloatArray:
        """E (t - X)^+ = t^+ + sigma (phi(u) - u Q(u)) with u = abs(t) / sigma."""
        u = np.abs(t) / positive(self.sigma, t)
        return np.maximum(t, 0.0) + self.sigma * normal_density(u) * normal_tail_moments(u)[1]

    def excess_square(self, t: FloatArray) -> FloatArray:
        """E ((t - X)^+)^2: sigma^2 ((1 + u^2) Q(u) - u phi(u)) below 0, by symmetry above."""
        u = np.abs(t) / positive(self.sigma, t)
        share = normal_density(u) * normal_tail_moments(u)[2]
        with np.errstate(over="ignore"):
            below = self.sigma * (self.sigma * share)
            above = np.square(t) + self.sigma**2 * (1.0 - share)
        return np.where(t < 0, below, above)

    def clipped_transform(
        self, x: FloatArray, s: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the transform of (x + X)^+ and its derivatives (METHODS-decisions 6.2).

        Notes
        -----
        Tilting by exp(-s y) moves the mean of N(x, sigma^2) to x - s sigma^2. Where that is
        negative, the tail integrals keep the relative accuracy. Where s is small beside sigma a
        series in the moments of what clipping adds takes their place.
        """
        near = self.near_zero(x, s)
        if near is not None:
            return near.transform(x, s)
        sigma = positive(self.sigma, x)
        with np.errstate(over="ignore", invalid="ignore"):
            k = x / sigma
            c = s * sigma
            z = k - c
            right = z >= 0
            i0, i1, i2 = normal_tail_moments(np.maximum(-z, 0.0))
            tail = normal_density(k)
            tilt = np.where(right, np.exp(-c * (k - 0.5 * c)), 0.0)
            mass, density = special.ndtr(z), normal_density(z)
            mean = np.where(right, x - c * sigma, 0.0)
            first = mean * mass + sigma * density
            phi = special.ndtr(-k) + np.where(right, tilt * mass, tail * i0)
            psi = np.where(right, tilt * first, sigma * tail * i1)
            left = tail * sigma * (sigma * i2)
            chi = np.where(right, tilt * (mean * first + sigma**2 * mass), left)
        return phi, psi, chi

    def near_zero(self, x: FloatArray, s: FloatArray) -> Changed | None:
        """Return transforms of (x + X)^+ - x where s sigma is well below 1."""
        sigma = positive(self.sigma, x)
        order = terms_needed(s, half_moments(float(np.max(sigma))))
        if not order:
            return None
        added = added_by_clipping(s, gaussian_lower_moments(x, sigma, order))
        return Changed.of(x, s, gaussian_growth(s, sigma), added)

    def characteristic(self, theta: FloatArray | ComplexArray) -> ComplexArray:
        """exp(-(sigma theta)^2 / 2)."""
        return np.exp(-0.5 * squarable(self.sigma * theta) ** 2)

    @property
    def strip(self) -> FloatArray:
        """Infinite: all exponential moments are finite."""
        return np.full_like(self.sigma, np.inf)

    def clipped_characteristic(self, x: FloatArray, theta: FloatArray) -> ComplexArray:
        """Return E exp(i theta (x + X)^+) = Q(u) + e^{i theta x - c^2 / 2} Phi(u + i c).

        Here u = x / sigma and c = sigma theta. Phi of the complex argument is
        (1/2) e^{-z^2 / 2} w(-i z / sqrt 2) with the Faddeeva function w, taken in the half
        plane where w is bounded.
        """
        sigma = positive(self.sigma, x)
        u, c = x / sigma, sigma * theta
        with np.errstate(over="ignore", under="ignore"):
            tail = np.exp(-0.5 * u * u)
            left = 0.5 * tail * special.wofz(np.where(u > 0, 1j * u - c, c - 1j * u) / SQRT_2)
            whole = np.exp(1j * theta * np.maximum(x, 0.0) - 0.5 * c * c)
        return np.asarray(special.ndtr(-u) + np.where(u > 0, whole - left, left))

    def tail_transform(
        self, t: FloatArray, s: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the transform of the tail beyond t: sigma^k phi(t / sigma) I_k(u).

        Here u = t / sigma + s sigma, and I_k are the integrals of v^k e^{-u v - v^2 / 2}; at
        u < 0 they come from the whole integral less the one at abs(u).
        """
        sigma = positive(self.sigma, t)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            k = t / sigma
            c = s * sigma
            u = k + c
            i0, i1, i2 = normal_tail_moments(np.maximum(u, 0.0))
            density = normal_density(k)
            left = u < 0
            mass = np.where(
                left, np.exp(np.where(left, c * (k + 0.5 * c), 0.0)) * special.ndtr(-u), 0.0
            )
            first = np.where(left, density - u * mass, density * i1)
            second = np.where(left, mass - u * first, density * i2)
            return np.where(left, mass, density * i0), sigma * first, sigma * (sigma * second)

    def tail_characteristic(self, t: FloatArray, z: ComplexArray) -> ComplexArray:
        """Return E exp(-z (X - max(t, 0))) over X > t.

        With u = t / sigma + z sigma it is e^{z max(t, 0) + (z sigma)^2 / 2} Q(u). Q of the
        complex argument u is (1/2) e^{-u^2 / 2} w(i u / sqrt 2) with the Faddeeva function w,
        taken in the half plane where w is bounded.
        """
        sigma = positive(self.sigma, t)
        k, c = t / sigma, z * sigma
        u = k + c
        right = u.real >= 0
        with np.errstate(over="ignore", under="ignore"):
            start = np.exp(-0.5 * k * k - c * np.minimum(k, 0.0))
            half = 0.5 * start * special.wofz(1j * np.where(right, u, -u) / SQRT_2)
            whole = np.exp(np.where(right, 0.0, c * (np.maximum(k, 0.0) + 0.5 * c)))
        return np.asarray(np.where(right, half, whole - half))
