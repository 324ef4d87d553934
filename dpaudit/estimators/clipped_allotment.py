"""Exact bias and mean squared error of the allotment of clipped counts, by one integral.

With W_j = (x_j + X_j)^+ and D = sum_j a_j W_j, the shares P~_i = a_i W_i / D satisfy

    E[P~_i - P_i; D > 0]     = int_0^inf   Phi(s) (t_i - P_i T) ds
    E[(P~_i - P_i)^2; D > 0] = int_0^inf s Phi(s) ((t_i - P_i T)^2 + (1 - 2 P_i) w_i
                                                    + P_i^2 Omega) ds

where Phi = prod_j E e^{-s a_j W_j}, and t_j, w_j are mean and variance of a_j W_j under the
exponentially tilted law; T and Omega are their sums. The leading terms cancel inside the
bracket, so relative accuracy survives.

References
----------
METHODS-decisions 6.2 (bias; derived for this project) and PERFORMANCE W1c (second moment).
"""

from __future__ import annotations

import attrs
import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.noise.base import Noise

_DEFECT = 1e-11
"""The quadrature of P(D > 0) must meet its closed form this closely."""

_FAR = 1e14
"""The range of integration is not extended beyond this many mean decay lengths."""

_PER_ENTITY = ("bias", "bias_error", "square", "square_error")

_CHUNK = 2**21
"""Largest number of (node, entity) pairs that are evaluated at once."""


@attrs.frozen(kw_only=True, eq=False)
class ClippedAllotment:
    """Exact moments of shares, all of shape (n,) but ``defect`` and ``empty``.

    Parameters
    ----------
    bias, bias_error
        E P~ - P and a bound of its numerical error.
    square, square_error
        E (P~ - P)^2 and a bound of its numerical error.
    defect
        Distance between the same quadrature of P(D > 0) and its closed form.
    empty
        P(D = 0): then shares are proportional to the weights.
    """

    bias: FloatArray
    bias_error: FloatArray
    square: FloatArray
    square_error: FloatArray
    defect: float
    empty: float


def clipped_allotment(counts: FloatArray, weights: FloatArray, noise: Noise) -> ClippedAllotment:
    """Return the exact bias and mean squared error of shares of clipped counts.

    Parameters
    ----------
    counts
        True counts x, shape (n,), persons, not all zero.
    weights
        a, shape (n,), positive.
    noise
        Independent noise X of every count.
    """
    alike = np.column_stack([counts, weights, noise.parameters(counts.size)])
    _, first, kind, times = np.unique(
        alike, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    if first.size == counts.size:
        return _solved(counts, weights, np.ones_like(counts), noise)
    found = _solved(counts[first], weights[first], times.astype(np.float64), noise.at(first))
    kind = kind.reshape(-1)
    return attrs.evolve(found, **{name: getattr(found, name)[kind] for name in _PER_ENTITY})


def _solved(
    counts: FloatArray, weights: FloatArray, times: FloatArray, noise: Noise
) -> ClippedAllotment:
    """Solve for entities that differ; ``times`` says how many there are of each."""
    shares = weights * counts / (times * weights * counts).sum()
    empty = float(np.exp((times * np.log(np.maximum(noise.cdf(-counts), 1e-300))).sum()))
    last = 60.0
    while True:
        coarse = _integrate(counts, weights, shares, times, noise, order=10, last=last)
        defect = abs(coarse[2] - (1.0 - empty))
        if defect < _DEFECT or last > _FAR:
            break
        last *= 100.0
    fine = _integrate(counts, weights, shares, times, noise, order=16, last=last)
    defect = abs(fine[2] - (1.0 - empty))
    fallback = weights / (times * weights).sum() - shares
    farthest = np.maximum(shares, 1.0 - shares)  # how far a share can be from the truth
    bias = fine[0] + empty * fallback
    square = fine[1] + empty * fallback**2
    return ClippedAllotment(
        bias=bias,
        bias_error=np.abs(fine[0] - coarse[0]) + defect * farthest + 1e-16 * shares,
        square=square,
        square_error=np.abs(fine[1] - coarse[1]) + defect * farthest**2 + 1e-12 * square,
        defect=defect,
        empty=empty,
    )


def _integrate(
    counts: FloatArray,
    weights: FloatArray,
    shares: FloatArray,
    times: FloatArray,
    noise: Noise,
    *,
    order: int,
    last: float,
) -> tuple[FloatArray, FloatArray, float]:
    """Integrate over s = u / E D by Gauss-Legendre on panels that suit every decay rate."""
    scale = float((times * weights * (counts + noise.excess(-counts))).sum())
    nodes, node_weights = _panels(order, last)
    bias, square, mass = np.zeros_like(counts), np.zeros_like(counts), 0.0
    rows = max(1, _CHUNK // counts.size)
    for start in range(0, nodes.size, rows):
        s = nodes[start : start + rows, None] / scale
        phi, psi, chi = noise.clipped_transform(counts, s * weights)
        with np.errstate(under="ignore"):
            product = np.exp(np.log(phi) @ times) * node_weights[start : start + rows] / scale
        mean = weights * psi / phi
        spread = weights**2 * chi / phi - mean**2
        total = (mean @ times)[:, None]
        gap = mean - shares * total
        bias += product @ gap
        omega = (spread @ times)[:, None]
        square += (product * s[:, 0]) @ (gap**2 + (1.0 - 2.0 * shares) * spread + shares**2 * omega)
        mass += float(product @ total[:, 0])
    return bias, square, mass


def _panels(order: int, last: float) -> tuple[FloatArray, FloatArray]:
    edges = np.concatenate([[0.0], np.logspace(-8, 0, 33), np.linspace(1.0, 60.0, 40)[1:]])
    if last > edges[-1]:
        panels = 8 * int(np.ceil(np.log10(last / edges[-1])))
        tail = np.logspace(np.log10(edges[-1]), np.log10(last), panels + 1)
        edges = np.concatenate([edges, tail[1:]])
    points, weights = np.polynomial.legendre.leggauss(order)
    half = np.diff(edges) / 2.0
    centre = (edges[1:] + edges[:-1]) / 2.0
    nodes = (centre[:, None] + half[:, None] * points).ravel()
    return nodes, (half[:, None] * weights).ravel()
