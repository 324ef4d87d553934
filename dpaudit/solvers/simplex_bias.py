"""Exact bias of the projection on the simplex of non-negative vectors with a given sum.

Let tau be the threshold of the projection of x + X. Entity i gains K_i = E (tau - x_i - X_i)^+
by clipping, all of them pay alike, and

    bias_i = K_i - mean(K) + (C - sum(x)) / n.

Entity i is clipped where x_i + X_i < tau_{-i}, the threshold of all others, and tau = tau_{-i}
there; so K_i = int F_i(t) P(tau_{-i} > t) dt with F_i the distribution function of x_i + X_i.

References
----------
METHODS-decisions 5.4 and 5.5 (derived for this project).
"""

from __future__ import annotations

import math

import attrs
import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.noise.base import Noise
from dpaudit.solvers.centred import LARGEST, SMALLEST, negative_part
from dpaudit.solvers.simplex import project_onto_simplex, simplex_threshold
from dpaudit.solvers.simplex_lattice import lattice_quadrature
from dpaudit.solvers.simplex_quadrature import threshold_quadrature
from dpaudit.solvers.simplex_range import Groups

LARGEST_COST = 5e8
"""Complex values, each about 60 ns of one processor, that a result may cost."""

_ROUNDING = 4e-14
_RESOLVED = 2.0**-50
"""The share of itself to which a sum of counts is known."""


@attrs.frozen(kw_only=True, eq=False)
class SimplexBias:
    """The bias of the projection on the simplex, all of shape (n,), persons.

    Parameters
    ----------
    push, push_error
        K_i = E (tau - x_i - X_i)^+ and a bound of its numerical error.
    bias, bias_error
        E v_i - x_i and a bound of its numerical error.
    """

    push: FloatArray
    push_error: FloatArray
    bias: FloatArray
    bias_error: FloatArray

    @property
    def mean_shift(self) -> float:
        """E T, by how much clipping lowers the entities that are not clipped, persons."""
        return float(self.push.mean())

    @property
    def spread(self) -> float:
        """The largest difference of two biases, alpha, persons."""
        return float(self.bias.max() - self.bias.min())


def simplex_bias(
    counts: FloatArray,
    noise: Noise,
    total: float | None = None,
    *,
    largest_cost: float = LARGEST_COST,
) -> SimplexBias | None:
    """Return the exact bias of the projection of x + X on the simplex.

    Parameters
    ----------
    counts
        True counts x, shape (n,), persons.
    noise
        Independent symmetric noise X of every count, alike or not.
    total
        C, persons, not negative; the sum of the counts where it is left out.
    largest_cost
        The largest number of complex values that may be computed.

    Returns
    -------
    SimplexBias or None
        ``None`` for noise that is not symmetric or has no clipped characteristic function, for
        problems that would cost too much (:data:`LARGEST_COST`), and for a total that is lost
        in the last digits of the sum of the counts.

    Examples
    --------
    >>> from dpaudit.noise.laplace import Laplace
    >>> simplex_bias(np.array([51.0, 22563.0, 54381.0]), Laplace(10.0)).bias.round(4)
    array([ 0.0028, -0.0014, -0.0014])
    """
    size = math.fsum(counts) if total is None else float(total)
    deviation = float(np.sqrt(np.max(noise.variance)))
    if not noise.symmetric or not deviation < LARGEST:
        return None
    if counts.size == 1 or deviation < SMALLEST:
        return _certain(counts, size)
    if counts.size == 2 and size > 0:  # noqa: PLR2004
        return _pair(counts, noise, size)
    if 0 < size < _RESOLVED * counts.size * np.abs(counts).max():
        return None
    groups = Groups.of(counts, noise)
    solve = lattice_quadrature if noise.lattice else threshold_quadrature
    found = solve(groups, size, largest_cost)
    if found is None:
        return None
    push, error = found
    rounding = _ROUNDING * deviation
    return _result(counts, push[groups.where], error[groups.where] + rounding, size)


def _result(counts: FloatArray, push: FloatArray, error: FloatArray, total: float) -> SimplexBias:
    """Turn the gains by clipping into biases."""
    drift = (total - math.fsum(counts)) / counts.size
    bias = push - push.mean() + drift if total > 0 else -counts
    wrong = error + error.mean() if total > 0 else np.zeros_like(error)
    return SimplexBias(push=push, push_error=error, bias=bias, bias_error=wrong)


def _certain(counts: FloatArray, total: float) -> SimplexBias:
    """Return the bias without noise, or of one entity, which gets the total."""
    released = project_onto_simplex(counts, total)
    push = np.maximum(simplex_threshold(counts, total) - counts, 0.0)
    if counts.size == 1:
        push = np.zeros_like(counts)
    bias = released - counts
    rounding = 1e-15 * np.abs(counts)
    return SimplexBias(push=push, push_error=rounding, bias=bias, bias_error=rounding)


def _pair(counts: FloatArray, noise: Noise, total: float) -> SimplexBias | None:
    """Return the bias of two entities: only one can be clipped, and K_i = 2 k_i."""
    part = negative_part(counts, noise, total)
    if part is None:
        return None
    error = 1e-12 * part + 1e-300
    return _result(counts, 2.0 * part, 2.0 * error, total)
