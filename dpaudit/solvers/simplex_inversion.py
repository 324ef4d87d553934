"""The law of the leave-one-out threshold, by inversion of characteristic functions.

The threshold without entity i exceeds t where G = sum_{j != i} (x_j + X_j - t)^+ > C, and by
Gil-Pelaez, with the atom a = P(G = 0) taken out,

    P(G > C) = (1 - a) / 2 + (1 / pi) int_0^inf Im((phi(theta) - a) e^{-i theta C}) / theta dtheta

where phi is a product of clipped characteristic functions. The midpoint rule with step h is
exact but for the probability that abs(G - C) exceeds 2 pi / h. Where few entities are left, phi
decays slowly; there a smooth cut-off is put on it, which moves P(G > C) by a convolution with a
narrow kernel whose moments vanish.

References
----------
Gil-Pelaez (1951), Note on the inversion theorem; METHODS-decisions 5.5 (derived for this
project).
"""

from __future__ import annotations

import math

import attrs
import numpy as np
from scipy import special

from dpaudit.model.arrays import ComplexArray, FloatArray
from dpaudit.noise.base import Noise
from dpaudit.solvers.products import products_without
from dpaudit.solvers.simplex_range import Groups

_NIL = -39.0
"""Logarithm from which on a characteristic function counts as nothing."""

_LEVELS = 120
_CHUNK = 2**20
"""Largest number of complex values that are held at once, of which there are about six arrays."""


@attrs.frozen(kw_only=True, eq=False)
class Nodes:
    """Frequencies of one panel.

    Parameters
    ----------
    step
        The distance of neighbouring frequencies.
    size
        How many there are.
    cut
        Whether phi is not negligible at the last one.
    """

    step: float
    size: int
    cut: bool


@attrs.frozen(kw_only=True, eq=False)
class Inversion:
    """The probability that the leave-one-out threshold of each near group exceeds t.

    Parameters
    ----------
    near
        Groups that can be clipped.
    far
        Parts of the noise of all others, with the number of entities of each.
    gap
        Sum of the others' counts minus C, persons.
    total
        C, persons.
    last
        The largest frequency that is ever used.
    """

    near: Groups
    far: tuple[tuple[Noise, float], ...]
    gap: float
    total: float
    last: float

    @property
    def _others(self) -> float:
        return math.fsum(many for _, many in self.far)

    def nodes(self, t: float, span: float) -> Nodes:
        """Return the frequencies for thresholds up to ``t`` and abs(G - C) up to ``span``."""
        if self.total == 0:
            return Nodes(step=1.0, size=1, cut=False)
        step = 2.0 * np.pi / span
        theta = np.append(np.geomspace(min(step, self.last) * 0.5, self.last, _LEVELS), self.last)
        each = _log(self._clipped(np.array([t]), theta)[0])
        level = each @ self.near.many - each.min(axis=1) + _log(product_of(self.far, theta))
        alive = np.flatnonzero(level > _NIL)
        beyond = min(int(alive[-1]) + 1 if alive.size else 0, theta.size - 1)
        return Nodes(
            step=step,
            size=math.ceil(float(theta[beyond]) / step) + 1,
            cut=bool(alive.size) and int(alive[-1]) == theta.size - 1,
        )

    def exceed(self, t: FloatArray, nodes: Nodes) -> FloatArray:
        """Return P(threshold without one entity of the group > t), shape (size of t, m)."""
        below = self.near.below(t[:, None])
        atoms = products_without(below, self.near.many) * (0.0 if self.far else 1.0)
        if self.total == 0:
            return 1.0 - atoms
        result = 0.5 * (1.0 - atoms)
        width = self.near.counts.size
        rows = max(1, min(t.size, _CHUNK // (width * nodes.size)))
        columns = max(1, _CHUNK // (width * rows))
        for first in range(0, t.size, rows):
            some = slice(first, first + rows)
            for start in range(0, nodes.size, columns):
                theta = np.arange(start, min(start + columns, nodes.size), dtype=np.float64) + 0.5
                part = self._sum(t[some], nodes.step * theta, nodes, atoms[some])
                result[some] += part
        return np.clip(result, 0.0, 1.0)

    def _sum(self, t: FloatArray, theta: FloatArray, nodes: Nodes, atoms: FloatArray) -> FloatArray:
        """Sum the integrand over some of the frequencies."""
        weight = nodes.step / (np.pi * theta)
        if nodes.cut:
            weight = weight * _taper(theta / (nodes.step * nodes.size))
        phase = theta * (self.gap - self._others * t[:, None])
        outside = weight * product_of(self.far, theta) * np.exp(1j * phase)
        without = products_without(self._clipped(t, theta), self.near.many)
        found = np.imag(np.einsum("tkm,tk->tm", without, outside))
        return found + atoms * float(weight @ np.sin(theta * self.total))

    def _clipped(self, t: FloatArray, theta: FloatArray) -> ComplexArray:
        centred = (self.near.counts - t[:, None])[:, None, :]
        return _known(self.near.noise.clipped_characteristic(centred, theta[:, None]))


def product_of(far: tuple[tuple[Noise, float], ...], theta: FloatArray) -> ComplexArray:
    """Return the characteristic function of the sum of all far noise, shape of ``theta``."""
    product = np.ones(theta.size, dtype=np.complex128)
    for noise, many in far:
        product *= _known(noise.characteristic(theta[:, None]))[:, 0] ** many
    return product


def _known(values: ComplexArray | None) -> ComplexArray:
    """Return the values.

    Raises
    ------
    ValueError
        If there are none: whoever asks for a sum makes sure of them first.
    """
    if values is None:
        raise ValueError("the noise has no characteristic function")
    return values


def _log(values: ComplexArray) -> FloatArray:
    return np.log(np.maximum(np.abs(values), 1e-300))


def _taper(u: FloatArray) -> FloatArray:
    """Return a smooth step down from 1 at u = 0 to 0 at u = 1."""
    return np.asarray(0.5 * special.erfc(11.0 * (u - 0.5)))
