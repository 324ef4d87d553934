"""Expectations of a function of one released value, by sums and one-dimensional integrals.

The chance of an event in which several independent noisy counts take part is the expectation,
over the one that they all meet, of the product of chances of the others (METHODS-decisions 4.6).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from dpaudit.model.arrays import FloatArray
from dpaudit.model.estimate import Estimate
from dpaudit.noise.base import Noise
from dpaudit.noise.released import REACH, Released

Chance: TypeAlias = Callable[[FloatArray, NDArray[np.intp]], FloatArray]
"""From released values, shape (m, b), and the b entities they are of, to chances, (m, b)."""

_STEPS = np.array([0.5, 1.0, 2.0, 4.0, 7.0, 11.0, 16.0, 22.0, 30.0, REACH])
OFFSETS = np.concatenate([-_STEPS[::-1], [0.0], _STEPS])[:, None]
_NODES, _CHECK = 20, 12
_BLOCK = 1 << 20
MOST_TERMS = 1e8
NEGLIGIBLE = 1e-18
_FARTHEST = 2.0**40
_FARTHEST_BEND = 1e300
ROUNDING = 4.0 * np.finfo(np.float64).eps


@attrs.frozen
class Bend:
    """Where the chance changes as the value grows, and over what length.

    Parameters
    ----------
    at
        Scalar or (n,), persons.
    width
        Scalar or (n,), persons: exponential decay lengths or standard deviations; 0 for a step.
    """

    at: FloatArray | float
    width: FloatArray | float = 0.0

    def of(self, index: NDArray[np.intp], n: int) -> tuple[FloatArray, FloatArray]:
        """Return where and over what length, of some of ``n`` entities, at most 1e300."""
        at, width = (np.broadcast_to(each, n)[index] for each in (self.at, self.width))
        return np.clip(at, -_FARTHEST_BEND, _FARTHEST_BEND), np.minimum(width, _FARTHEST_BEND)


def expected_chance(given: Released, chance: Chance, bends: Sequence[Bend]) -> Estimate | None:
    """Return E chance(W) of every entity.

    Parameters
    ----------
    given
        W, what is released of one count of every entity.
    chance
        A function of W into [0, 1], analytic but for steps and kinks at the bends.
    bends
        All of them; whole-number noise needs none.

    Returns
    -------
    Estimate or None
        Shape (n,), with the numerical error; ``None`` for noise that has neither a density nor
        whole values, and for whole-number noise so wide that the sums would have over 1e8 terms.

    Notes
    -----
    Whole-number noise: the sum over all values but for a probability of 1e-18. Noise with a
    density: Gauss-Legendre panels within 40 mean absolute deviations, whose ends are graded
    around the true count and around each bend; the error is the difference between 20 and 12
    nodes, plus the neglected tails, plus what rounding a value does to the place of a bend.
    """
    if given.noise.lattice:
        return _summed(given, chance)
    n = given.counts.size
    if given.noise.density(np.zeros(n)) is None:
        return None
    value, error = np.empty(n), np.zeros(n)
    silent = given.silent
    for index in _blocks(np.flatnonzero(silent), 1):
        value[index] = chance(_values(given, np.zeros((1, index.size)), index), index)[0]
    ends = (1 + len(bends)) * OFFSETS.size
    for index in _blocks(np.flatnonzero(~silent), ends * _NODES):
        edges = _edges(given, bends, index)
        value[index] = _integral(given, chance, edges, index, _NODES)
        check = _integral(given, chance, edges, index, _CHECK)
        error[index] = np.abs(value[index] - check) + _displaced(given, bends, index)
    return _estimate(value, error)


def _estimate(value: FloatArray, error: FloatArray) -> Estimate:
    value = np.clip(value, 0.0, 1.0)
    return Estimate.exact(value, error=np.minimum(error, 1.0), method="quadrature")


def _blocks(index: NDArray[np.intp], terms: int) -> Iterator[NDArray[np.intp]]:
    """Yield parts of ``index`` for which ``terms`` values each fit in memory."""
    size = max(1, _BLOCK // max(terms, 1))
    for start in range(0, index.size, size):
        yield index[start : start + size]


def _values(given: Released, moves: FloatArray, index: NDArray[np.intp]) -> FloatArray:
    """Return the released values of the entities at ``index`` for values of their noise."""
    moved = given.counts[index] + moves
    return np.maximum(moved, 0.0) if given.clipped else moved


def _edges(given: Released, bends: Sequence[Bend], index: NDArray[np.intp]) -> FloatArray:
    """Return sorted ends of panels, in values of the noise, shape (number of ends, b)."""
    x, unit = given.counts[index], given.unit[index]
    last = REACH * unit
    first = np.maximum(-last, np.minimum(-x, last)) if given.clipped else -last
    ends = [unit * OFFSETS]
    for bend in bends:
        at, width = bend.of(index, given.counts.size)
        ends.append((at - x) + width * OFFSETS)
    return np.sort(np.clip(np.concatenate(ends), first, last), axis=0)


def _integral(
    given: Released, chance: Chance, edges: FloatArray, index: NDArray[np.intp], nodes: int
) -> FloatArray:
    """Return the integral over all panels, and the atom at 0 of clipped values, shape (b,)."""
    noise = given.noise.at(index)
    places, weights = rule_of(nodes)
    length = np.diff(edges, axis=0)[:, None, :]
    moves = (edges[:-1, None, :] + length * places[:, None]).reshape(-1, index.size)
    density = np.asarray(noise.density(moves))
    mass = (length * weights[:, None]).reshape(moves.shape) * density
    total: FloatArray = (mass * chance(_values(given, moves, index), index)).sum(axis=0)
    if given.clipped:
        nothing = np.zeros((1, index.size))
        total += noise.cdf(-given.counts[index]) * chance(nothing, index)[0]
    return total


def _displaced(given: Released, bends: Sequence[Bend], index: NDArray[np.intp]) -> FloatArray:
    """Return what neglected tails and the rounding of places may change, shape (b,)."""
    x, unit = np.abs(given.counts[index]), given.unit[index]
    error = 1.0 + x / unit
    for bend in bends:
        at, width = bend.of(index, given.counts.size)
        error += (np.abs(at) + x) / np.maximum(width, unit)
    return ROUNDING * error + NEGLIGIBLE


@functools.cache
def rule_of(nodes: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights of Gauss and Legendre's rule on [0, 1]."""
    places, weights = np.polynomial.legendre.leggauss(nodes)
    return 0.5 * (places + 1.0), 0.5 * weights


def _summed(given: Released, chance: Chance) -> Estimate | None:
    reach = reach_of(given.noise, given.counts.size)
    if (2.0 * reach + 1.0).sum() > MOST_TERMS:
        return None
    value = np.zeros(given.counts.size)
    for far in np.unique(reach):
        for index in _blocks(np.flatnonzero(reach == far), int(2 * far + 1)):
            noise = given.noise.at(index)
            for start in range(-int(far), int(far) + 1, _BLOCK):
                k = np.arange(start, min(start + _BLOCK, int(far) + 1), dtype=np.float64)
                moves = np.broadcast_to(k[:, None], (k.size, index.size))
                met = chance(_values(given, moves, index), index)
                value[index] += (mass_of(noise, moves) * met).sum(axis=0)
    return _estimate(value, ROUNDING * (1.0 + given.unit) + 2.0 * NEGLIGIBLE)


def mass_of(noise: Noise, k: FloatArray) -> FloatArray:
    """Return P(X = k), from the lower tail where the noise is symmetric."""
    low = -np.abs(k) if noise.symmetric else k
    below = noise.cdf(low - 1.0)
    return np.where((low == 0) & noise.symmetric, 1.0 - 2.0 * below, noise.cdf(low) - below)


def reach_of(noise: Noise, n: int) -> FloatArray:
    """Return powers of two beyond which whole-number noise is negligible, shape (n,)."""
    reach = np.ones(n)
    while True:
        below = noise.cdf(-reach)
        above = below if noise.symmetric else 1.0 - noise.cdf(reach)
        far = (np.maximum(below, above) > NEGLIGIBLE) & (reach < _FARTHEST)
        if not far.any():
            return reach
        reach = np.where(far, 2.0 * reach, reach)
