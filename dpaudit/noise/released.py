"""What is released of a count: the chances that it lies above or below a level."""

from __future__ import annotations

from typing import Self

import attrs
import numpy as np
from numpy.typing import NDArray

from dpaudit.model.arrays import BoolArray, FloatArray
from dpaudit.noise.base import Noise

REACH = 40.0
"""Beyond so many mean absolute deviations the noise has a probability below 1e-17."""


@attrs.frozen(eq=False)
class Released:
    """The value W = x + X, or max(0, x + X), of every entity.

    Parameters
    ----------
    noise
        X, independent between entities.
    counts
        x, shape (n,), persons; whole numbers for a chance that is exact to the last person.
    clipped
        Whether negative values are released as 0.

    Notes
    -----
    By symmetry P(X >= t) is the lower tail P(X <= -t), accurate relative to itself; the noises
    that are not symmetric have the accuracy of 1 - P(X < t). Whole-number noise on a whole
    count reaches a level that is no whole number where it reaches the next one above. Without
    noise, and where it is too small for x + X to differ from x, the count itself decides.

    Examples
    --------
    >>> from dpaudit.noise.laplace import Laplace
    >>> released = Released(Laplace(10.0), np.array([9990.0]))
    >>> round(float(released.at_least(np.array(10_000.0))[0]), 6)
    0.18394
    """

    noise: Noise
    counts: FloatArray
    clipped: bool = False

    @classmethod
    def of_column(cls, noise: Noise, rows: FloatArray, column: int, *, clipped: bool) -> Self:
        """Return what is released of one count of each row.

        Parameters
        ----------
        noise
            Independent noise of ``rows.ravel()``.
        rows
            Counts, shape (n, k), persons.
        column
            The position of the count in the rows.
        clipped
            Whether negative values are released as 0.
        """
        n, k = rows.shape
        return cls(noise.at(np.arange(column, n * k, k)), rows[:, column], clipped)

    def at(self, index: NDArray[np.intp]) -> Self:
        """Return the same of the entities at ``index``."""
        return attrs.evolve(self, noise=self.noise.at(index), counts=self.counts[index])

    @property
    def unit(self) -> FloatArray:
        """E abs(X), shape (n,), persons: over what length the chances change."""
        return np.broadcast_to(self.noise.mean_absolute, self.counts.shape)

    @property
    def silent(self) -> BoolArray:
        """Whether the noise of an entity cannot change its count, shape (n,)."""
        return np.asarray(self.counts + REACH * self.unit == self.counts)

    def at_least(self, level: FloatArray) -> FloatArray:
        """Return P(W >= level), shape (..., n)."""
        return np.where(self.clipped & (level <= 0), 1.0, self._upper(level, strict=False))

    def above(self, level: FloatArray) -> FloatArray:
        """Return P(W > level), shape (..., n)."""
        return np.where(self.clipped & (level < 0), 1.0, self._upper(level, strict=True))

    def at_most(self, level: FloatArray) -> FloatArray:
        """Return P(W <= level), shape (..., n)."""
        return np.where(self.clipped & (level < 0), 0.0, self._lower(level, strict=False))

    def below(self, level: FloatArray) -> FloatArray:
        """Return P(W < level), shape (..., n)."""
        return np.where(self.clipped & (level <= 0), 0.0, self._lower(level, strict=True))

    def _upper(self, level: FloatArray, *, strict: bool) -> FloatArray:
        """P(x + X > level), or >= level."""
        if not self.noise.symmetric:
            return 1.0 - self._lower(level, strict=not strict)
        if self.noise.lattice:
            step = self._whole(level, up=True, strict=strict)
            return self.noise.cdf(-step)
        known = self.counts > level if strict else self.counts >= level
        return np.where(self.silent, known, self.noise.cdf(self.counts - level))

    def _lower(self, level: FloatArray, *, strict: bool) -> FloatArray:
        """P(x + X < level), or <= level."""
        if self.noise.lattice:
            return self.noise.cdf(self._whole(level, up=False, strict=strict))
        known = self.counts < level if strict else self.counts <= level
        return np.where(self.silent, known, self.noise.cdf(level - self.counts))

    def _whole(self, level: FloatArray, *, up: bool, strict: bool) -> FloatArray:
        """Return which whole number X must reach, going up or down.

        It is the smallest k with x + k >= level (or > level), or the largest with x + k <= level
        (or < level). For whole x the level is rounded before x is subtracted, so that no digit
        is lost.
        """
        is_whole = self.counts == np.rint(self.counts)
        base = np.where(is_whole, level, level - self.counts)
        if up:
            step = np.floor(base) + 1.0 if strict else np.ceil(base)
        else:
            step = np.ceil(base) - 1.0 if strict else np.floor(base)
        return np.where(is_whole, step - self.counts, step)
