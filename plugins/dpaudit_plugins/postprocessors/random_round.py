"""Rounding to multiples of a base at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.laplace import Laplace
from dpaudit.solvers.rounding import random_round

_WIDE = 0.3  # from here on ten terms give the variance to 1e-16
_TERMS = np.arange(1.0, 11.0)


@attrs.frozen(kw_only=True)
class RandomRound(dpaudit.PostProcessor):
    """Round every count up or down to a multiple of a base, with its mean as it is.

    A count is rounded up with the probability that it is on its way to the next multiple. It
    adds no bias, and to the variance at most a quarter of the base squared. Whole counts stay
    whole if the base is whole.

    Parameters
    ----------
    base
        What the results are multiples of, persons, from 1 to 2^53.

    Examples
    --------
    >>> RandomRound(base=5.0).sample(np.array([10.0, 12.0]), np.random.default_rng(0))
    array([10., 15.])
    """

    name: ClassVar[str] = "random-round"
    vectorised: ClassVar[bool] = True
    elementwise: ClassVar[bool] = True
    unbiased: ClassVar[bool] = True
    randomised: ClassVar[bool] = True
    keeps = frozenset({"non-negative"})

    base: float = attrs.field(
        default=1.0, validator=[attrs.validators.ge(1.0), attrs.validators.le(2.0**53)]
    )

    def process(self, release: FloatArray) -> FloatArray:
        """Return the release, which is the expectation of what :meth:`sample` returns."""
        return release

    def sample(self, release: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return one draw of the rounded release, shape (..., n)."""
        return random_round(release, self.base, rng)

    def moves_at_most(self) -> float:
        """Return the base: a value goes to one of the two multiples that it lies between."""
        return self.base

    def bias(self, counts: FloatArray, noise: dpaudit.Noise) -> FloatArray:
        """Return zeros, shape (n,)."""
        return np.zeros_like(counts)

    def variance(self, counts: FloatArray, noise: dpaudit.Noise) -> FloatArray | None:
        """Return the variance with that of the rounding, shape (n,), persons squared.

        Known for Laplace noise, for Gaussian noise of at least 0.3 bases, and where there is
        nothing to round.

        Notes
        -----
        A value y costs q(y) = r (h - r) with r = y mod h, h the base. For Laplace noise
        E q solves u - lambda^2 u'' = q with period h: u = q - 2 lambda^2 + h lambda (e^{-r /
        lambda} + e^{-(h - r) / lambda}) / (1 - e^{-h / lambda}). For Gaussian noise the
        Fourier series of q is damped term by term (both derived for this project).
        """
        rest = np.mod(counts, self.base)
        if not np.any(noise.variance > 0) or (noise.lattice and self.base == 1.0):
            return rest * (self.base - rest) + noise.variance
        if isinstance(noise, Laplace):
            return _after_laplace(rest, self.base, np.asarray(noise.scale))
        if isinstance(noise, Gaussian) and np.all(noise.sigma >= _WIDE * self.base):
            return noise.variance + _after_gaussian(rest, self.base, noise.sigma)
        return None


def _after_laplace(rest: FloatArray, base: float, scale: FloatArray) -> FloatArray:
    """Return Var of randomly rounded counts that are ``rest`` beyond a multiple."""
    width = np.maximum(scale, 1e-300 * base)
    with np.errstate(over="ignore"):
        ends = np.exp(-rest / width) + np.exp(-(base - rest) / width)
        spread: FloatArray = base * width * ends / -np.expm1(-base / width)
    return rest * (base - rest) + spread


def _after_gaussian(rest: FloatArray, base: float, sigma: FloatArray) -> FloatArray:
    """Return E q(x + X), by ten terms of the Fourier series of q."""
    turn = 2.0 * np.pi * _TERMS / base
    rest, sigma = np.broadcast_arrays(rest, sigma)
    with np.errstate(over="ignore"):
        damped = np.exp(-0.5 * np.square(turn * sigma[..., None]))
    waves = np.cos(turn * rest[..., None]) * damped / np.square(turn)
    cost: FloatArray = base**2 / 6.0 - 4.0 * waves.sum(axis=-1)
    return cost


@dpaudit.hookimpl
def dpaudit_postprocessors() -> Sequence[type[dpaudit.PostProcessor]]:
    """Offer the post-processor."""
    return (RandomRound,)
