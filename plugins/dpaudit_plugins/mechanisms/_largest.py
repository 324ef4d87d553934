"""The probability that each of n noisy values is the largest, by quadrature.

Values are given as distances z_i >= 0 below the largest one, in units of the noise scale. With
density f and distribution function F of the unit noise, the probability is the integral of
f(t + z_i) prod_{j != i} F(t + z_j). Ties have probability zero; equal values have equal chances.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import dpaudit
from dpaudit import FloatArray

_NODES = 16
_CHUNK = 1 << 21
_ROUNDS = 6
_ENOUGH = 1e-12
_REACH = 45.0
_MOST_BREAKS = 400

Integrand = Callable[[FloatArray], FloatArray]


def chosen_under_exponential(below: FloatArray) -> dpaudit.Estimate:
    """Return the probabilities under one-sided exponential noise.

    Notes
    -----
    With y = e^{-t} and a_i = e^{-z_i} it is a_i times the integral of prod_{j != i} (1 - a_j y)
    over [0, 1], whose integrand falls within 1 / sum(a).
    """
    a = np.exp(-below)

    def integrand(y: FloatArray) -> FloatArray:
        logs = np.log1p(-a * y)
        return a * np.exp(logs.sum(axis=1, keepdims=True) - logs)

    narrow = 1.0 / (1.0 + a.sum())
    edges = np.unique(
        np.concatenate([[0.0], np.minimum(1.0, narrow * 2.0 ** np.arange(-3, 8)), [1.0]])
    )
    return _refined(integrand, edges, below.size)


def chosen_under_laplace(below: FloatArray) -> dpaudit.Estimate:
    """Return the probabilities under Laplace noise.

    Notes
    -----
    The integrand has a kink at every value: panels end at the 400 largest distinct ones. Kinks
    further down, where it takes more than 400 larger values to lie below t, are left to the
    refinement, which reports what they cost.
    """

    def integrand(t: FloatArray) -> FloatArray:
        shifted = t + below
        tail = 0.5 * np.exp(-np.abs(shifted))
        upper = shifted >= 0
        logs = np.where(upper, np.log1p(-tail), shifted - np.log(2.0))
        return tail * np.exp(logs.sum(axis=1, keepdims=True) - logs)

    near = np.unique(below[below < _REACH])[:_MOST_BREAKS]
    high = _REACH + np.log(below.size)
    grid = np.arange(-_REACH, high + 1.0)
    return _refined(integrand, np.unique(np.concatenate([grid, -near])), below.size)


def _refined(integrand: Integrand, edges: FloatArray, n: int) -> dpaudit.Estimate:
    """Return the integral over panels, halved until two rounds agree; the rest is the error."""
    last = _integral(integrand, edges, n)
    for _ in range(_ROUNDS):
        edges = np.sort(np.concatenate([edges, 0.5 * (edges[1:] + edges[:-1])]))
        made = _integral(integrand, edges, n)
        gap = float(np.abs(made - last).max())
        last = made
        if gap < _ENOUGH:
            break
    # All probabilities add up to 1: what is missing is an error that halving cannot see.
    error = gap + abs(float(made.sum()) - 1.0) + _ENOUGH
    value = np.clip(made, 0.0, 1.0)
    return dpaudit.Estimate.exact(value, error=error, method="quadrature")


def _integral(integrand: Integrand, edges: FloatArray, n: int) -> FloatArray:
    """Return the integral of (points, 1) -> (points, n) by Gauss-Legendre on every panel."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    half = 0.5 * np.diff(edges)
    points = ((edges[:-1] + half)[:, None] + half[:, None] * nodes).reshape(-1, 1)
    shares = (half[:, None] * weights).reshape(-1)
    rows = max(1, _CHUNK // n)
    total = np.zeros(n)
    for start in range(0, points.size, rows):
        total += shares[start : start + rows] @ integrand(points[start : start + rows])
    return total
