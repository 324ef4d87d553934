"""Noise of a whole count that was rounded to the nearest whole number.

For whole x, rounding x + X gives x plus whole-number noise that does not depend on x, with
P(X' <= m) = P(X <= m + 1/2) (ties have probability zero).
"""

from __future__ import annotations

import functools
from typing import ClassVar

import attrs
import numpy as np

from dpaudit.model.arrays import ComplexArray, FloatArray, frozen_floats
from dpaudit.noise.base import Noise, Variates
from dpaudit.noise.gaussian import Gaussian, gaussian_variates
from dpaudit.noise.geometric import GeometricTails, capped_rate
from dpaudit.noise.grouped import GroupedNoise, Part, cached_parts
from dpaudit.noise.laplace import Laplace, laplace_variates
from dpaudit.noise.lattice import LatticeNoise
from dpaudit.noise.parameter import check_scale

_WIDE = 2000.0
_UNIFORM = 2.0  # from here on the rounding error is uniform but for 1e-34


@attrs.frozen(eq=False)
class RoundedLaplace(GeometricTails):
    """Laplace noise rounded to whole numbers; its tails are geometric with p = exp(-1 / scale).

    Parameters
    ----------
    scale
        lambda of the noise before rounding, persons, a scalar or (n,).
    """

    family: ClassVar[str] = Laplace.family

    scale: FloatArray = attrs.field(converter=frozen_floats, validator=check_scale)

    @staticmethod
    def variates(rng: np.random.Generator, shape: tuple[int, ...]) -> Variates:
        """Draw unit Laplace variates."""
        return laplace_variates(rng, shape)

    def from_variates(self, variates: Variates) -> FloatArray:
        """Return the rounded noise."""
        return np.rint(variates[0] * self.scale)

    @property
    def rate(self) -> FloatArray:
        """1 / scale, at most 1e4."""
        return capped_rate(self.scale)

    @property
    def tail(self) -> FloatArray:
        """exp(-1 / (2 scale)) / 2."""
        return np.asarray(0.5 * np.exp(-0.5 * self.rate))


@attrs.frozen(eq=False, slots=False)
class _OneGaussian(LatticeNoise):
    """Rounded Gaussian noise with one sigma; see :class:`RoundedGaussian`."""

    family: ClassVar[str] = Gaussian.family
    log_concave: ClassVar[bool] = True

    sigma: float

    @staticmethod
    def variates(rng: np.random.Generator, shape: tuple[int, ...]) -> Variates:
        """Draw standard normal variates."""
        return gaussian_variates(rng, shape)

    def from_variates(self, variates: Variates) -> FloatArray:
        """Return the rounded noise."""
        return np.rint(variates[0] * self.sigma)

    @functools.cached_property
    def _smooth(self) -> Gaussian:
        """The noise before rounding."""
        return Gaussian(self.sigma)

    @property
    def reach(self) -> int:
        """37.1 standard deviations, where the tail is below 1e-300."""
        return 2 + int(37.1 * self.sigma)

    @property
    def _atom(self) -> float:
        """P(X' = 0)."""
        return 1.0 - 2.0 * float(self._smooth.cdf(np.asarray(-0.5)))

    @property
    def fourth_cumulant(self) -> FloatArray:
        """E X'^4 - 3 Var^2; that of the rounding error where it is a uniform variate."""
        return np.asarray(-1.0 / 120.0) if self.sigma > _UNIFORM else super().fourth_cumulant

    def cdf(self, t: FloatArray) -> FloatArray:
        """P(X' <= t)."""
        return self._smooth.cdf(np.floor(t) + 0.5)

    def characteristic(self, theta: FloatArray | ComplexArray) -> ComplexArray | None:
        """Return E exp(i theta X'), by summation; ``None`` beyond sigma = 2000."""
        return super().characteristic(theta) if self.sigma <= _WIDE else None

    def clipped_characteristic(self, x: FloatArray, theta: FloatArray) -> ComplexArray | None:
        """Return E exp(i theta (x + X')^+) for whole ``x``; ``None`` beyond sigma = 2000."""
        return super().clipped_characteristic(x, theta) if self.sigma <= _WIDE else None

    def _lower(self, m: FloatArray) -> tuple[FloatArray, FloatArray]:
        """E (-m - X')^+ and E ((-m - X')^+)^2 for whole m >= 0."""
        if self.sigma <= _WIDE:
            return super()._lower(m)
        at = [self._smooth.cdf(-m - i) for i in range(4)]
        slope = (11.0 * at[0] - 18.0 * at[1] + 9.0 * at[2] - 2.0 * at[3]) / 6.0
        with np.errstate(over="ignore"):
            return (
                self._smooth.excess(-m) - slope / 24.0,
                self._smooth.excess_square(-m) + at[0] / 12.0,
            )


@attrs.frozen(eq=False, slots=False)
class RoundedGaussian(GroupedNoise):
    """Gaussian noise rounded to whole numbers.

    Parameters
    ----------
    sigma
        Standard deviation before rounding, persons, a scalar or (n,), in [0, 1e305].

    Notes
    -----
    Beyond sigma = 2000 the sums are replaced by the Euler-Maclaurin formula, whose error is
    below 1e-12 relative within 8 sigma and 1e-9 relative anywhere.
    """

    family: ClassVar[str] = Gaussian.family

    sigma: FloatArray = attrs.field(converter=frozen_floats, validator=check_scale)

    @staticmethod
    def variates(rng: np.random.Generator, shape: tuple[int, ...]) -> Variates:
        """Draw standard normal variates."""
        return gaussian_variates(rng, shape)

    @property
    def _parameter(self) -> FloatArray:
        return self.sigma

    @functools.cached_property
    def _parts(self) -> tuple[Part, ...]:
        return cached_parts(self.sigma.tobytes(), _OneGaussian)


def rounded(noise: Noise) -> Noise | None:
    """Return the noise of a whole count after rounding, or ``None`` where it is not known.

    Parameters
    ----------
    noise
        The noise before rounding; whole-number noise is left as it is.

    Returns
    -------
    Noise or None
        ``noise`` itself if it is whole already.
    """
    if noise.lattice:
        return noise
    if isinstance(noise, Laplace):
        return RoundedLaplace(noise.scale)
    if isinstance(noise, Gaussian):
        return RoundedGaussian(noise.sigma)
    return None
