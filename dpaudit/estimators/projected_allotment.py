"""Moments of the allotment of noisy counts, projected on the simplex, without simulation.

With y_j = a_j (x_j + X_j) and S = sum_j y_j > 0 the projected shares are v_i = N_i / D with
N_i = (y_i - t)^+, D = sum_j N_j = S and t >= 0 the root of G(t) = sum_j min(y_j, t). The density
of the root by Kac and Rice, Fourier's integral for delta(G) and Laplace's for 1 / D give

    E[v_i; t > 0] = int dt int ds (1 / 2 pi i) int dz
                    E[#{j: y_j > t} N_i exp(z G(t) - s D(t))]

and the expectation is a product over the entities: with psi_j = E exp(z min(y_j, t) - s N_j),
beta_j the share of psi_j that comes from y_j > t and m_j, w_j mean and variance of N_j under the
tilted law, it is Psi m_i (1 + sum_{j != i} beta_j). The second moment needs the same parts with
s more. The event t = 0, that no y is negative, has an integral over s alone.

References
----------
PERFORMANCE W1c (the integral; derived for this project). Rice (1944), Mathematical analysis of
random noise, for the density of a root; Daniels (1954), Saddlepoint approximations in
statistics, for the contour.
"""

from __future__ import annotations

import attrs
import numpy as np

from dpaudit.estimators.projection_moments import Inverse, at_threshold, at_zero, cut_off
from dpaudit.estimators.projection_nodes import threshold_nodes
from dpaudit.estimators.projection_threshold import Weighted
from dpaudit.model.arrays import FloatArray
from dpaudit.noise.base import Noise

_LARGEST = 2**17
"""Entities of different kinds that are still solved: some ten seconds."""

_OFTEN_EMPTY = 1e-6
"""A total that is not positive more often than this is left to simulation."""

_NEVER = 1e-17
"""A negative count of this probability, in sum over the entities, never happens."""

_RARE = 1e-12
"""Thresholds of less probability say nothing of how far shares go there."""

_ROUNDING = 4e-15
_RELATIVE = 1e-11

_PER_ENTITY = ("bias", "bias_error", "square", "square_error")


@attrs.frozen(kw_only=True, eq=False)
class ProjectedAllotment:
    """Moments of projected shares, of shape (n,) but ``defect`` and ``nonpositive``.

    Parameters
    ----------
    bias, bias_error
        E v - P and a bound of its error.
    square, square_error
        E (v - P)^2 and a bound of its error.
    defect
        How far the sum of all E v, which is 1, is from 1.
    nonpositive
        A proved bound of P(S <= 0), an event that the errors account for and the moments leave
        out: the shares of a negative total are those of -y.
    """

    bias: FloatArray
    bias_error: FloatArray
    square: FloatArray
    square_error: FloatArray
    defect: float
    nonpositive: float


def projected_allotment(
    counts: FloatArray, weights: FloatArray, noise: Noise
) -> ProjectedAllotment | None:
    """Return bias and mean squared error of shares of noisy counts, projected on the simplex.

    Parameters
    ----------
    counts
        True counts x, shape (n,), persons, non-negative and not all zero.
    weights
        a, shape (n,), positive.
    noise
        Independent noise X of every count.

    Returns
    -------
    ProjectedAllotment or None
        ``None`` where the method does not apply: noise whose tail transforms are not known (so
        all noise on the whole numbers) or that is nil for some entity, a total that may well not
        be positive, too many entities, or numbers that overflow.
    """
    alike = np.column_stack([counts, weights, noise.parameters(counts.size)])
    _, first, kind, times = np.unique(
        alike, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.argsort((counts * weights)[first], kind="stable")
    chosen = first[order]
    law = Weighted(
        counts=counts[chosen],
        weights=weights[chosen],
        times=times[order].astype(np.float64),
        noise=noise.at(chosen),
    )
    nonpositive = _nonpositive(law) if _is_solvable(law) else 1.0
    if nonpositive > _OFTEN_EMPTY:
        return None
    with np.errstate(all="ignore"):  # what overflows, in data of absurd scales, is not finite
        found = _solved(law, nonpositive)
    if not (np.isfinite(found.bias_error).all() and np.isfinite(found.square_error).all()):
        return None
    kind = np.argsort(order)[kind.reshape(-1)]
    return attrs.evolve(found, **{name: getattr(found, name)[kind] for name in _PER_ENTITY})


def _is_solvable(law: Weighted) -> bool:
    noise, variance = law.noise, law.noise.variance
    known = noise.symmetric and noise.tail_transform(np.zeros(1), np.zeros((1, 1))) is not None
    return known and bool(np.all(variance > 0)) and law.times.size <= _LARGEST


def nonpositive_total(counts: FloatArray, weights: FloatArray, noise: Noise) -> float:
    """Return Chernoff's bound of P(sum_j a_j (x_j + X_j) <= 0), 1 where none is known."""
    law = Weighted(counts=counts, weights=weights, times=np.ones_like(counts), noise=noise)
    return _nonpositive(law)


def _nonpositive(law: Weighted) -> float:
    """Return the least of exp(-s E S) E exp(s (E S - S)) over some s, at most 1."""
    if law.deviation == 0:
        return 0.0
    strip = float(np.min(law.noise.strip / law.weights))
    tried = law.total / law.deviation**2 * np.logspace(-6.0, 1.0, 57)
    tried = np.concatenate([tried[tried < strip], 0.999 * strip * np.array([0.5, 1.0])])
    least = 0.0
    for s in tried[np.isfinite(tried)]:
        with np.errstate(all="ignore"):
            moment = law.noise.characteristic(1j * s * law.weights[None, :])
            if moment is None or not law.noise.symmetric:
                return 1.0
            rate = float(law.summed(np.log(np.real(moment[0]))) - s * law.total)
        if np.isfinite(rate):
            least = min(least, rate)
    return float(np.exp(least))


def _solved(law: Weighted, nonpositive: float) -> ProjectedAllotment:
    shares = law.weights * law.counts / law.total
    inverse = Inverse.of(law)
    sums = at_zero(law, inverse, shares)
    first, second = np.zeros_like(shares), np.zeros_like(shares)
    if law.summed(law.noise.cdf(-law.counts)) > _NEVER:
        nodes, start = threshold_nodes(law), 0.0
        for t, fine, coarse in zip(nodes.t, nodes.fine, nodes.coarse, strict=True):
            here, start = at_threshold(law, inverse, shares, float(t), start)
            sums = sums + here.times(fine, coarse)
            mass = float(law.summed(here.first[0]))
            if mass * fine > _RARE:
                first = np.maximum(first, np.abs(here.first[0] / mass - shares))
                second = np.maximum(second, np.abs(here.second[0]) / mass)
    total, square = law.summed(sums.first), np.maximum(sums.second[0], 0.0)
    # What a rule misses, of probability ``defect``, lies as far off as at any node or on average.
    first, second = np.maximum(first, np.sqrt(square)), np.maximum(second, square)
    bias = sums.first - shares * total[:, None]
    defect = max(abs(float(total[0]) - 1.0) - nonpositive, 0.0)
    cut = cut_off(law)
    farthest = np.maximum(shares, 1.0 - shares)
    return ProjectedAllotment(
        bias=bias[0],
        bias_error=np.abs(bias[0] - bias[1])
        + (defect + cut) * first
        + nonpositive * farthest
        + _ROUNDING * shares,
        square=square,
        square_error=np.abs(square - sums.second[1])
        + (defect + cut) * second
        + nonpositive * farthest**2
        + _RELATIVE * square
        + _ROUNDING * shares**2,
        defect=defect,
        nonpositive=nonpositive,
    )
