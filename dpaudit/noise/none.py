"""No noise at all: the true counts."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np

from dpaudit.model.arrays import ComplexArray, FloatArray
from dpaudit.noise.base import Noise, Variates

_ZERO = np.zeros(())
_ZERO.flags.writeable = False


@attrs.frozen(eq=False)
class NoNoise(Noise):
    """X = 0."""

    family: ClassVar[str] = "none"
    lattice: ClassVar[bool] = True
    log_concave: ClassVar[bool] = True

    @staticmethod
    def variates(rng: np.random.Generator, shape: tuple[int, ...]) -> Variates:  # noqa: ARG004
        """Return zeros and leave the generator as it is."""
        return (np.zeros(shape),)

    def from_variates(self, variates: Variates) -> FloatArray:
        """Return zeros."""
        return np.zeros_like(variates[0])

    @property
    def variance(self) -> FloatArray:
        """Zero."""
        return _ZERO

    @property
    def fourth_cumulant(self) -> FloatArray:
        """Zero."""
        return _ZERO

    @property
    def mean_absolute(self) -> FloatArray:
        """Zero."""
        return _ZERO

    def cdf(self, t: FloatArray) -> FloatArray:
        """Whether t >= 0."""
        return np.where(t >= 0, 1.0, 0.0)

    def excess(self, t: FloatArray) -> FloatArray:
        """t^+."""
        return np.maximum(t, 0.0)

    def excess_square(self, t: FloatArray) -> FloatArray:
        """(t^+)^2."""
        return np.square(np.maximum(t, 0.0))

    def clipped_transform(
        self, x: FloatArray, s: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """exp(-s x) and its derivatives."""
        phi = np.exp(-s * x)
        return phi, x * phi, x * x * phi

    def characteristic(self, theta: FloatArray | ComplexArray) -> ComplexArray:
        """One."""
        return np.ones(np.shape(theta), dtype=np.complex128)

    @property
    def strip(self) -> FloatArray:
        """Infinite."""
        return np.full((), np.inf)

    def clipped_characteristic(self, x: FloatArray, theta: FloatArray) -> ComplexArray:
        """exp(i theta x^+)."""
        return np.exp(1j * theta * np.maximum(x, 0.0))
