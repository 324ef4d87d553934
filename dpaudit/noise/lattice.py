"""Whole-number noise described by its distribution function, everything else by summation."""

from __future__ import annotations

import abc
import functools
from typing import ClassVar

import numpy as np

from dpaudit.model.arrays import ComplexArray, FloatArray
from dpaudit.noise.base import Noise
from dpaudit.noise.near_zero import (
    MOMENTS,
    Changed,
    Derivatives,
    added_by_clipping,
    added_on_whole_numbers,
    terms_needed,
)

_NEGLIGIBLE = 1e-20
_LARGEST_TABLE = 2**22
_MOST_TABLED = 2**17


class LatticeNoise(Noise):
    """Symmetric whole-number noise with one parameter value for all entities.

    A subclass gives ``cdf`` and ``reach``; tables over -reach .. reach, made once, give the
    moments and the clipped moments by cumulative sums, and sums over the table give the
    clipped transform. Subclasses keep an instance dictionary (``slots=False``) for the tables.
    """

    lattice: ClassVar[bool] = True

    @property
    @abc.abstractmethod
    def reach(self) -> int:
        """A whole number beyond which the probability is nil (below 1e-300)."""

    @functools.cached_property
    def _tables(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """P(X <= m), E (m - X)^+ and E ((m - X)^+)^2 for m = -reach .. 0."""
        mass = np.asarray(self.cdf(np.arange(-self.reach, 1, dtype=np.float64)))
        first = np.concatenate([np.zeros(1), np.cumsum(mass[:-1])])
        second = np.concatenate([np.zeros(1), np.cumsum((2.0 * first + mass)[:-1])])
        return mass, first, second

    @functools.cached_property
    def _pmf(self) -> FloatArray:
        """P(X = k) for k = -reach .. 0."""
        mass = self._tables[0]
        body = np.diff(mass, prepend=0.0)
        body[-1] = self._atom
        return body

    @property
    def _atom(self) -> float:
        """P(X = 0)."""
        return 1.0 - 2.0 * float(self._tables[0][-2])

    @property
    def variance(self) -> FloatArray:
        """Var X, by summation."""
        return np.asarray(2.0 * self._lower(np.zeros(()))[1])

    @property
    def fourth_cumulant(self) -> FloatArray:
        """E X^4 - 3 Var^2, by summation."""
        k = np.arange(-self.reach, 1, dtype=np.float64)
        return np.asarray(2.0 * np.sum(k**4 * self._pmf) - 3.0 * self.variance**2)

    @property
    def mean_absolute(self) -> FloatArray:
        """E abs(X), by summation."""
        return np.asarray(2.0 * self._lower(np.zeros(()))[0])

    def excess(self, t: FloatArray) -> FloatArray:
        """E (t - X)^+, linear between whole numbers."""
        m = np.floor(t)
        first, _ = self._lower(np.abs(m))
        return np.maximum(m, 0.0) + first + (t - m) * self.cdf(m)

    def excess_square(self, t: FloatArray) -> FloatArray:
        """E ((t - X)^+)^2, quadratic between whole numbers."""
        m = np.floor(t)
        first, second = self._lower(np.abs(m))
        with np.errstate(over="ignore", invalid="ignore"):
            above = np.where(np.isinf(second), second, self.variance - second)
        at_m = np.where(m > 0, np.square(m) + above, second)
        mean = np.maximum(m, 0.0) + first
        return at_m + (t - m) * (2.0 * mean + (t - m) * self.cdf(m))

    def clipped_transform(
        self, x: FloatArray, s: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the transform of (x + X)^+ and its derivatives, for whole ``x``.

        Notes
        -----
        A Horner scheme from the largest value down, all of whose terms are positive; its cost
        grows in proportion to the standard deviation of the noise. Where s is small beside the
        noise a series takes its place.
        """
        near = self.near_zero(x, s)
        if near is not None:
            return near.transform(x, s)
        pmf = self._pmf
        decay = np.exp(-s)
        stop = np.maximum(1.0 - x, -float(self.reach))
        h0 = np.zeros(np.broadcast_shapes(np.shape(x), np.shape(s)))
        h1, h2 = h0.copy(), h0.copy()
        for k in range(self._useful, -self.reach - 1, -1):
            live = k >= stop
            if not live.any():
                break
            h2 = np.where(live, decay * (h2 + 2.0 * h1 + h0), h2)
            h1 = np.where(live, decay * (h1 + h0), h1)
            h0 = np.where(live, decay * h0 + pmf[-1 - abs(k)], h0)
        lowest = np.maximum(x + stop, 1.0)
        front = np.exp(-s * lowest)
        phi = self.cdf(-np.asarray(x)) + front * h0
        psi = front * (lowest * h0 + h1)
        chi = front * (lowest * (lowest * h0 + 2.0 * h1) + h2)
        return phi, psi, chi

    def near_zero(self, x: FloatArray, s: FloatArray) -> Changed | None:
        """Return transforms of (x + X)^+ - x where s times the deviation is well below 1."""
        order = terms_needed(s, self._rising[:, -1].tolist()) if self._is_tabled else 0
        if not order:
            return None
        index = np.maximum(self.reach - np.asarray(x), 0.0).astype(np.intp)
        added = added_on_whole_numbers(s, [row[index] for row in self._rising[: order + 1]])
        return Changed.of(x, s, self._growth(s, order), added)

    @property
    def _is_tabled(self) -> bool:
        """Whether the tables of moments are of a size that pays."""
        return 1 <= self.reach <= _MOST_TABLED

    @functools.cached_property
    def _rising(self) -> FloatArray:
        """E V (V + 1) .. (V + j - 1) of V = (m - X)^+ for m = -reach .. 0, a row for each j."""
        row = np.concatenate([np.zeros(1), self._tables[0][:-1]])
        rows = [row]
        for j in range(1, MOMENTS + 1):
            row = j * np.cumsum(row)
            rows.append(row)
        return np.stack(rows)

    @functools.cached_property
    def _even(self) -> tuple[FloatArray, ...]:
        """E X^j for even j up to ``MOMENTS``, and 0 for odd j."""
        k = np.arange(-self.reach, 1, dtype=np.float64)
        moments = (2.0 * np.sum(k**j * self._pmf) * (j % 2 == 0) for j in range(MOMENTS + 1))
        return tuple(np.asarray(moment) for moment in moments)

    def _growth(self, s: FloatArray, order: int) -> Derivatives:
        """Return E exp(-s X) - 1 and its derivatives, by a series of ``order`` terms."""
        return added_by_clipping(s, self._even[: order + 1])

    @property
    def terms(self) -> float:
        """The length of the table on both sides."""
        return 2.0 * self.reach

    def characteristic(self, theta: FloatArray | ComplexArray) -> ComplexArray | None:
        """Return E exp(i theta X), by summation over all values."""
        if self.reach > _LARGEST_TABLE:
            return None
        value = np.full(np.shape(theta), self._atom, dtype=np.complex128)
        for k in range(1, self._useful + 1):
            value += 2.0 * self._pmf[-1 - k] * np.cos(k * np.asarray(theta, dtype=np.complex128))
        return value

    @property
    def strip(self) -> FloatArray:
        """Infinite: the tails decay faster than every exponential."""
        return np.full((), np.inf)

    def clipped_characteristic(self, x: FloatArray, theta: FloatArray) -> ComplexArray | None:
        """Return E exp(i theta (x + X)^+) for whole ``x``, from partial sums of the table.

        ``None`` where the table of partial sums would hold over four million numbers.
        """
        if self.reach > _LARGEST_TABLE:
            return None
        last = self._useful
        if (2 * last + 1) * theta.size > _LARGEST_TABLE:
            return None
        k = np.arange(last, -last - 1, -1)
        terms = self._pmf[-1 - np.abs(k)] * np.exp(1j * theta * k)
        sums = np.concatenate([np.zeros((theta.size, 1)), np.cumsum(terms, axis=1)], axis=1)
        # the values above -x, of which there are last + x in the table
        index = np.clip(last + x, 0, 2 * last + 1).astype(np.intp)
        rows = np.arange(theta.size)[:, None]
        value: ComplexArray = self.cdf(-x) + np.exp(1j * theta * x) * sums[rows, index]
        return value

    @property
    def _useful(self) -> int:
        """The largest value whose tail matters beside what lies below it."""
        mass = self._tables[0]
        return self.reach - int(np.searchsorted(mass, _NEGLIGIBLE)) + 1

    def _lower(self, m: FloatArray) -> tuple[FloatArray, FloatArray]:
        """E (-m - X)^+ and E ((-m - X)^+)^2 for whole m >= 0."""
        _, first, second = self._tables
        index = np.maximum(self.reach - m, 0.0).astype(np.intp)
        return first[index], second[index]
