"""Noise whose entities fall into groups, each with one value of the parameter."""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable
from typing import ClassVar

import attrs
import numpy as np

from dpaudit.model.arrays import ComplexArray, FloatArray
from dpaudit.noise.base import Noise, Variates
from dpaudit.noise.near_zero import Changed


@attrs.frozen(kw_only=True, eq=False)
class Part:
    """The entities (positions along the last axis) that share one noise."""

    entities: np.ndarray
    noise: Noise


def parts(parameter: FloatArray, make: Callable[[float], Noise]) -> tuple[Part, ...]:
    """Return one part for each distinct value of ``parameter``, shape () or (n,)."""
    values, group = np.unique(parameter, return_inverse=True)
    group = group.reshape(-1)
    return tuple(
        Part(entities=np.flatnonzero(group == i), noise=make(float(value)))
        for i, value in enumerate(values)
    )


@functools.lru_cache(maxsize=32)
def cached_parts(values: bytes, make: Callable[[float], Noise]) -> tuple[Part, ...]:
    """Return :func:`parts` of a parameter's bytes: what a noise tabulates is made once."""
    return parts(np.frombuffer(values), make)


class GroupedNoise(Noise):
    """Noise made of one noise for each distinct parameter value.

    A subclass gives ``_parameter``, shape () or (n,), and ``_parts``. Where all entities share
    one value, everything is handed to the only part.
    """

    lattice: ClassVar[bool] = True

    @property
    @abc.abstractmethod
    def _parameter(self) -> FloatArray:
        """The parameter, shape () or (n,)."""

    @property
    @abc.abstractmethod
    def _parts(self) -> tuple[Part, ...]:
        """The groups of entities."""

    def from_variates(self, variates: Variates) -> FloatArray:
        """Return the noise of every group from its own columns."""
        if len(self._parts) == 1:
            return self._parts[0].noise.from_variates(variates)
        made = np.empty(variates[0].shape)
        for part in self._parts:
            own = tuple(variate[..., part.entities] for variate in variates)
            made[..., part.entities] = part.noise.from_variates(own)
        return made

    @property
    def variance(self) -> FloatArray:
        """Var X of every entity."""
        return self._of_each(lambda noise: noise.variance)

    @property
    def fourth_cumulant(self) -> FloatArray:
        """E X^4 - 3 Var^2 of every entity."""
        return self._of_each(lambda noise: noise.fourth_cumulant)

    @property
    def mean_absolute(self) -> FloatArray:
        """E abs(X) of every entity."""
        return self._of_each(lambda noise: noise.mean_absolute)

    def cdf(self, t: FloatArray) -> FloatArray:
        """P(X <= t)."""
        return self._at(t, lambda noise, own: noise.cdf(own))

    def excess(self, t: FloatArray) -> FloatArray:
        """E (t - X)^+."""
        return self._at(t, lambda noise, own: noise.excess(own))

    def excess_square(self, t: FloatArray) -> FloatArray:
        """E ((t - X)^+)^2."""
        return self._at(t, lambda noise, own: noise.excess_square(own))

    def clipped_transform(
        self, x: FloatArray, s: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the transform of (x + X)^+ and its derivatives, for whole ``x``."""
        if len(self._parts) == 1:
            return self._parts[0].noise.clipped_transform(x, s)
        shape = np.broadcast_shapes(np.shape(x), np.shape(s), self._parameter.shape)
        x, s = np.broadcast_to(x, shape[-1:]), np.broadcast_to(s, shape)
        phi, psi, chi = (np.empty(shape) for _ in range(3))
        for part in self._parts:
            own = part.entities
            made = part.noise.clipped_transform(x[own], s[..., own])
            for whole, piece in zip((phi, psi, chi), made, strict=True):
                whole[..., own] = piece
        return phi, psi, chi

    def near_zero(self, x: FloatArray, s: FloatArray) -> Changed | None:
        """Return transforms of (x + X)^+ - x where the only part knows them."""
        return self._parts[0].noise.near_zero(x, s) if len(self._parts) == 1 else None

    @property
    def terms(self) -> float:
        """The most that any part has."""
        return max(part.noise.terms for part in self._parts)

    @property
    def strip(self) -> FloatArray:
        """The supremum of s with E exp(s X) finite, of every entity."""
        return self._of_each(lambda noise: noise.strip)

    def characteristic(self, theta: FloatArray | ComplexArray) -> ComplexArray | None:
        """Return E exp(i theta X), shape (m, 1) or (m, n), where every part knows its own."""
        if len(self._parts) == 1:
            return self._parts[0].noise.characteristic(theta)
        shape = (theta.shape[0], self._parameter.size)
        each: ComplexArray = np.broadcast_to(theta, shape).astype(np.complex128)
        made = np.empty(each.shape, dtype=np.complex128)
        for part in self._parts:
            own = part.noise.characteristic(each[:, part.entities])
            if own is None:
                return None
            made[:, part.entities] = own
        return made

    def clipped_characteristic(self, x: FloatArray, theta: FloatArray) -> ComplexArray | None:
        """Return E exp(i theta (x + X)^+), shape (..., m, n), where every part knows its own."""
        if len(self._parts) == 1:
            return self._parts[0].noise.clipped_characteristic(x, theta)
        made = np.empty(np.broadcast_shapes(x.shape, theta.shape), dtype=np.complex128)
        for part in self._parts:
            own = part.noise.clipped_characteristic(x[..., part.entities], theta)
            if own is None:
                return None
            made[..., part.entities] = own
        return made

    def _of_each(self, what: Callable[[Noise], FloatArray]) -> FloatArray:
        made = np.empty(self._parameter.size)
        for part in self._parts:
            made[part.entities] = what(part.noise)
        return made.reshape(self._parameter.shape)

    def _at(self, t: FloatArray, what: Callable[[Noise, FloatArray], FloatArray]) -> FloatArray:
        if len(self._parts) == 1:
            return what(self._parts[0].noise, t)
        t = np.broadcast_to(t, np.broadcast_shapes(np.shape(t), self._parameter.shape))
        made = np.empty(t.shape)
        for part in self._parts:
            made[..., part.entities] = what(part.noise, t[..., part.entities])
        return made
