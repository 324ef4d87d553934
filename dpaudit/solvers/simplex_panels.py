"""Integrals of a distribution function times a smooth function, panel by panel.

Each panel has Gauss-Legendre nodes for the smooth function. The distribution function F(t - x)
of one group may have a kink at its count x: where that falls inside a panel, the weights are the
integrals of F times the Lagrange polynomials of the nodes, taken on both sides of the kink.
"""

from __future__ import annotations

import itertools

import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.solvers.simplex_range import Groups

_SPLIT = 20
_GRADED = np.array([-45.0, -20.0, -8.0, -3.0, -1.0, 0.0, 1.0, 3.0, 8.0, 20.0, 45.0])
_WIDE = 3.0
"""A panel wider than this many standard deviations of the noise is split by its decay."""


def panel_nodes(low: float, high: float, order: int) -> tuple[FloatArray, FloatArray]:
    """Return the Gauss-Legendre nodes and weights of one panel."""
    points, weights = np.polynomial.legendre.leggauss(order)
    half = 0.5 * (high - low)
    return 0.5 * (low + high) + half * points, half * weights


def panel_weights(groups: Groups, low: float, high: float, order: int) -> FloatArray:
    """Return weights of the nodes of one panel that integrate F against them, (order, m)."""
    nodes, weights = panel_nodes(low, high, order)
    result = weights[:, None] * groups.below(nodes[:, None])
    deviation = np.sqrt(groups.variance())
    graded = groups.counts + deviation * _GRADED[:, None]
    graded[:, high - low < _WIDE * deviation] = groups.counts[high - low < _WIDE * deviation]
    inside = (graded > low) & (graded < high)
    for place in np.flatnonzero(inside.any(axis=0)).tolist():
        edges = np.unique([low, *graded[inside[:, place], place], high])
        result[:, place] = _split(groups, place, edges, nodes)
    return result


def _split(groups: Groups, place: int, edges: FloatArray, nodes: FloatArray) -> FloatArray:
    """Return the weights of one group over the parts of a panel between ``edges``."""
    sides = [panel_nodes(*pair, _SPLIT) for pair in itertools.pairwise(edges)]
    fine = np.concatenate([side[0] for side in sides])
    mass = np.concatenate([side[1] for side in sides])
    inside = groups.below(fine[:, None])[:, place]
    weights: FloatArray = (mass * inside) @ _lagrange(nodes, fine)
    return weights


def _lagrange(nodes: FloatArray, at: FloatArray) -> FloatArray:
    """Return the Lagrange polynomials of the nodes, shape (size of at, size of nodes)."""
    scaled = 4.0 / (nodes[-1] - nodes[0])
    gaps = scaled * (nodes[:, None] - nodes)
    np.fill_diagonal(gaps, 1.0)
    away = scaled * (at[:, None] - nodes)
    away = np.where(away == 0, 1e-300, away)
    return np.asarray(away.prod(axis=1, keepdims=True) / (away * gaps.prod(axis=1)))
