"""Means and covariances of functions of one released count, entity by entity.

Every function is evaluated for all entities at once, a few values of the noise at a time:
panels of Gauss and Legendre where the noise has a density, the sum over all values where it is
whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import attrs
import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.noise.conditioning import (
    MOST_TERMS,
    NEGLIGIBLE,
    OFFSETS,
    ROUNDING,
    mass_of,
    reach_of,
    rule_of,
)
from dpaudit.noise.released import REACH, Released

Own = Callable[[FloatArray], tuple[FloatArray, ...]]
"""From released values, shape (m, n), to q functions of them, (m, n) each."""

_NODES, _CHECK = 12, 8

_AT_ONCE = 1 << 17
"""Values of the noise that are evaluated at once: what a processor's cache holds."""

Piece = tuple[FloatArray, FloatArray, tuple[int, ...]]
"""Values of the noise (m, n), their probabilities (m, n), and to which sums they are added."""

_FINE, _COARSE = 0, 1


@attrs.frozen(kw_only=True, eq=False)
class OwnMoments:
    """Moments of q functions f of the released count W of n entities.

    Parameters
    ----------
    mean, mean_error
        E f(W) and its numerical error, shape (q, n).
    covariance, covariance_error
        Cov(f_a(W), f_b(W)) and its numerical error, shape (q, q, n).
    third
        At least E abs(f_0(W) - E f_0(W))^3, shape (n,).
    """

    mean: FloatArray
    mean_error: FloatArray
    covariance: FloatArray
    covariance_error: FloatArray
    third: FloatArray


def own_moments(given: Released, own: Own, breaks: FloatArray) -> OwnMoments | None:
    """Return means and covariances of functions of one released count.

    Parameters
    ----------
    given
        W, what is released of every entity.
    own
        The functions, analytic but for steps and kinks at the breaks.
    breaks
        Places of these, shape (n, k), persons; infinite where there are fewer than k. Noise that
        is whole needs none.

    Returns
    -------
    OwnMoments or None
        ``None`` for noise that has neither a density nor whole values, and for whole-number
        noise so wide that the sums would have over 1e8 terms.

    Notes
    -----
    Panels end at the true count, at every break, at 0 where values are clipped, and at growing
    distances from the true count up to 40 mean absolute deviations. The error is the difference
    between 12 and 8 nodes, plus what rounding a value does to the place of a break.
    """
    n = given.counts.size
    if given.noise.lattice:
        reach = int(reach_of(given.noise, n).max())
        if (2.0 * reach + 1.0) * n > MOST_TERMS:
            return None
        pieces = _whole(given, reach)
    elif given.noise.density(np.zeros(n)) is None:
        return None
    else:
        pieces = _panels(given, breaks)
    return _collected(given, own, pieces)


def _collected(given: Released, own: Own, pieces: Iterator[Piece]) -> OwnMoments:
    """Add up over the values of the noise, as differences from what the true counts give."""
    nothing = np.zeros((1, given.counts.size))
    centre = np.stack([part[0] for part in own(_released(given, nothing))])
    q, n = centre.shape
    first, second, third = np.zeros((2, q, n)), np.zeros((2, q, q, n)), np.zeros(n)
    for moves, mass, rules in pieces:
        gap = np.stack(own(_released(given, moves))) - centre[:, None]
        weighted = mass * gap
        first[rules, :] += weighted.sum(axis=1)
        second[rules, :] += np.stack([(part * gap).sum(axis=1) for part in weighted])
        if _FINE in rules:
            third += (np.abs(weighted[0]) * gap[0] ** 2).sum(axis=0)
    return _moments(given, centre, first, second, third)


def _moments(
    given: Released, centre: FloatArray, first: FloatArray, second: FloatArray, third: FloatArray
) -> OwnMoments:
    covariance = second - first[:, :, None] * first[:, None]
    unit = np.where(given.silent, 1.0, given.unit)
    rounding = ROUNDING * (1.0 + given.counts / unit) + NEGLIGIBLE
    spread = np.sqrt(np.maximum(np.einsum("aan->an", second[_FINE]), 0.0))
    inexact = not given.noise.lattice
    return OwnMoments(
        mean=centre + first[_FINE],
        mean_error=inexact * np.abs(first[_FINE] - first[_COARSE])
        + rounding * (np.abs(centre) + spread),
        covariance=covariance[_FINE],
        covariance_error=inexact * np.abs(covariance[_FINE] - covariance[_COARSE])
        + rounding * (spread[:, None] * spread),
        # (a + b)^3 is at most 4 (a^3 + b^3)
        third=4.0 * (third + np.abs(first[_FINE, 0]) ** 3),
    )


def _released(given: Released, moves: FloatArray) -> FloatArray:
    moved = given.counts + moves
    return np.maximum(moved, 0.0) if given.clipped else moved


def _panels(given: Released, breaks: FloatArray) -> Iterator[Piece]:
    """Yield every panel that is not empty for all, and the atom at 0 of clipped values."""
    noise, n = given.noise, given.counts.size
    edges = _edges(given, breaks)
    places = [rule_of(nodes) for nodes in (_NODES, _CHECK)]
    for first, last in itertools.pairwise(edges):
        length = last - first
        if not length.any():
            continue
        for rule, (nodes, weights) in enumerate(places):
            moves = first + length * nodes[:, None]
            yield moves, length * weights[:, None] * np.asarray(noise.density(moves)), (rule,)
    if given.clipped:
        atom = np.where(given.silent, 0.0, noise.cdf(-given.counts))[None]
        yield np.broadcast_to(-given.counts, (1, n)), atom, (_FINE, _COARSE)


def _edges(given: Released, breaks: FloatArray) -> FloatArray:
    """Return sorted ends of panels, in values of the noise, shape (number of ends, n)."""
    unit = np.where(given.silent, 0.0, given.unit)
    last = REACH * unit
    first = np.maximum(-last, np.minimum(-given.counts, last)) if given.clipped else -last
    ends = np.concatenate([unit * OFFSETS, breaks.T - given.counts])
    return np.sort(np.clip(ends, first, last), axis=0)


def _whole(given: Released, reach: int) -> Iterator[Piece]:
    """Yield all values of noise that is whole."""
    n = given.counts.size
    rows = max(1, _AT_ONCE // n)
    for start in range(-reach, reach + 1, rows):
        k = np.arange(start, min(start + rows, reach + 1), dtype=np.float64)
        moves = np.broadcast_to(k[:, None], (k.size, n))
        yield moves, mass_of(given.noise, moves), (_FINE,)
