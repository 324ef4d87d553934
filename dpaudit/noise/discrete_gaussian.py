"""Discrete Gaussian noise."""

from __future__ import annotations

import functools
import math
from typing import ClassVar

import attrs
import numpy as np

from dpaudit.model.arrays import FloatArray, frozen_floats
from dpaudit.noise.base import Noise, Variates
from dpaudit.noise.gaussian import gaussian_growth, half_moments
from dpaudit.noise.grouped import GroupedNoise, Part, cached_parts
from dpaudit.noise.lattice import LatticeNoise
from dpaudit.noise.near_zero import (
    Changed,
    Derivatives,
    added_by_clipping,
    terms_needed,
)
from dpaudit.noise.parameter import check_scale
from dpaudit.noise.thresholds import ThresholdTable, gaussian_thresholds, random_bits
from dpaudit.noise.wide_sums import (
    clipped_sums,
    lower_mass,
    lower_moments,
    wide_lower_moments,
)

_NARROW = 30.0
_SMOOTH = 2.0
_SUMMED = 2000.0
_TABLED = 1e5
_ANCHOR = 65536.0
_NORMAL = 4.0  # from here on the cumulants are those of a normal variate but for 1e-100


@attrs.frozen(eq=False, slots=False)
class _One(LatticeNoise):
    """Discrete Gaussian noise with one sigma; see :class:`DiscreteGaussian`."""

    family: ClassVar[str] = "discrete-gaussian"
    log_concave: ClassVar[bool] = True

    sigma: float

    @staticmethod
    def variates(rng: np.random.Generator, shape: tuple[int, ...]) -> Variates:
        """Draw 64 random bits for each entry."""
        return (random_bits(rng, shape),)

    def from_variates(self, variates: Variates) -> FloatArray:
        """Return the quantile of the bits."""
        if self.sigma <= _TABLED:
            return self._table.invert(variates[0])
        value, within = _anchor().place(variates[0])
        return np.rint((value - 0.5 + within) * (self.sigma / _ANCHOR))

    @functools.cached_property
    def _table(self) -> ThresholdTable:
        """The thresholds of the sampler."""
        return _thresholds(self.sigma)

    @property
    def reach(self) -> int:
        """37.1 standard deviations, where the tail is below 1e-300."""
        return 2 + int(37.1 * self.sigma)

    @functools.cached_property
    def _terms(self) -> tuple[FloatArray, float]:
        """exp(-k^2 / (2 sigma^2)) for k = -reach .. -1, and the sum over all k."""
        k = np.arange(-self.reach, 0, dtype=np.float64)
        with np.errstate(over="ignore"):
            terms = np.exp(-0.5 * np.square(k / max(self.sigma, 1e-300)))
        return terms, 1.0 + 2.0 * math.fsum(terms)

    @functools.cached_property
    def _tables(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """P(X <= m), E (m - X)^+ and E ((m - X)^+)^2 for m = -reach .. 0."""
        terms, total = self._terms
        mass = np.cumsum(np.append(terms, 1.0)) / total
        first = np.concatenate([np.zeros(1), np.cumsum(mass[:-1])])
        second = np.concatenate([np.zeros(1), np.cumsum((2.0 * first + mass)[:-1])])
        return mass, first, second

    @functools.cached_property
    def _pmf(self) -> FloatArray:
        """P(X = k) for k = -reach .. 0."""
        terms, total = self._terms
        return np.append(terms, 1.0) / total

    @property
    def fourth_cumulant(self) -> FloatArray:
        """E X^4 - 3 Var^2: by summation, and 0 where sigma is above 4."""
        return np.zeros(()) if self.sigma > _NORMAL else super().fourth_cumulant

    @property
    def variance(self) -> FloatArray:
        """Var X: by summation, and sigma^2 where sigma is above 4."""
        with np.errstate(over="ignore"):
            return np.square(self.sigma) if self.sigma > _NORMAL else super().variance

    def cdf(self, t: FloatArray) -> FloatArray:
        """P(X <= t)."""
        m = np.floor(t)
        below = self._below(np.where(m < 0, m, -m - 1.0))
        return np.where(m < 0, below, 1.0 - below)

    def clipped_transform(
        self, x: FloatArray, s: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the transform of (x + X)^+ and its derivatives, for whole ``x``."""
        if self.sigma <= _NARROW:
            return super().clipped_transform(x, s)
        near = self.near_zero(x, s)
        if near is not None:
            return near.transform(x, s)
        phi, psi, chi = clipped_sums(np.asarray(x, dtype=np.float64), s, self.sigma)
        return self.cdf(-np.asarray(x)) + phi, psi, chi

    def near_zero(self, x: FloatArray, s: FloatArray) -> Changed | None:
        """Return transforms of (x + X)^+ - x where s sigma is well below 1."""
        if self.sigma <= _NARROW:
            return super().near_zero(x, s)
        order = terms_needed(s, half_moments(self.sigma))
        if not order:
            return None
        added = added_by_clipping(s, wide_lower_moments(x, self.sigma, order))
        return Changed.of(x, s, gaussian_growth(s, self.sigma), added)

    def _growth(self, s: FloatArray, order: int) -> Derivatives:
        """Return E exp(-s X) - 1 and its derivatives; from sigma = 2 on it is the normal one."""
        if self.sigma < _SMOOTH:
            return super()._growth(s, order)
        return gaussian_growth(s, self.sigma)

    @property
    def terms(self) -> float:
        """The length of the table on both sides; 0 where a closed form takes its place."""
        return super().terms if self.sigma <= _NARROW else 0.0

    def _below(self, m: FloatArray) -> FloatArray:
        """P(X <= m) for whole m < 0."""
        if self.sigma > _SUMMED:
            return lower_mass(m, self.sigma)
        index = np.maximum(m + self.reach, -1.0).astype(np.intp)
        return np.where(index < 0, 0.0, self._tables[0][index])

    def _lower(self, m: FloatArray) -> tuple[FloatArray, FloatArray]:
        """E (-m - X)^+ and E ((-m - X)^+)^2 for whole m >= 0."""
        return lower_moments(m, self.sigma) if self.sigma > _SUMMED else super()._lower(m)


@attrs.frozen(eq=False, slots=False)
class DiscreteGaussian(GroupedNoise):
    """P(X = k) proportional to exp(-k^2 / (2 sigma^2)) on the whole numbers.

    Parameters
    ----------
    sigma
        Persons, a scalar or (n,), in [0, 1e305]; 0 is no noise. The variance is at most
        sigma^2, and equal to it but for 1e-12 from sigma = 2 on.

    Notes
    -----
    *Sampling.* One 64-bit number for each entry is compared with 2^64 P(X <= k), rounded to the
    nearest whole number: each probability is right to 2^-64, values beyond about 9 sigma are
    never drawn, and a larger budget moves every entry towards zero. Beyond sigma = 1e5 the
    table of sigma = 65,536 is stretched: a value and its place between two thresholds are
    multiplied up and rounded, whose distribution differs from the exact one by at most 4e-6 in
    total variation.

    *Moments.* By summation; beyond sigma = 2,000 by the Euler-Maclaurin formula, whose error is
    below 1e-13 relative within 37 sigma.

    References
    ----------
    Canonne, Kamath and Steinke (2020), The discrete Gaussian for differential privacy, NeurIPS.

    Examples
    --------
    >>> round(float(DiscreteGaussian(1.0).variance), 10)
    0.9999997888
    """

    family: ClassVar[str] = _One.family

    sigma: FloatArray = attrs.field(converter=frozen_floats, validator=check_scale)

    @staticmethod
    def variates(rng: np.random.Generator, shape: tuple[int, ...]) -> Variates:
        """Draw 64 random bits for each entry."""
        return (random_bits(rng, shape),)

    @property
    def _parameter(self) -> FloatArray:
        return self.sigma

    @functools.cached_property
    def _parts(self) -> tuple[Part, ...]:
        return cached_parts(self.sigma.tobytes(), _one)


@functools.lru_cache(maxsize=64)
def _one(sigma: float) -> Noise:
    return _One(sigma)


@functools.cache
def _anchor() -> ThresholdTable:
    return _thresholds(_ANCHOR)


def _thresholds(sigma: float) -> ThresholdTable:
    return ThresholdTable(gaussian_thresholds(sigma) if sigma > 0 else np.zeros(0, dtype=np.uint64))
