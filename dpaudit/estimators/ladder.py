"""The top of the method ladder: what is known without simulation."""

from __future__ import annotations

import attrs
import numpy as np

from dpaudit.estimators.chain import Chain
from dpaudit.estimators.clipped_allotment import clipped_allotment
from dpaudit.model.arrays import FloatArray
from dpaudit.model.estimate import Estimate, Method
from dpaudit.model.structure import Linear, Proportional, Structure


@attrs.frozen(kw_only=True, eq=False)
class Known:
    """What closed forms and quadrature say of one task; ``None`` where they say nothing.

    Parameters
    ----------
    bias, variance, square
        Per entity, shape (n,), in the unit of the decision (and its square).
    group_variance
        Whether the variance of a sum is the sum of the variances (independent entities).
    empty
        Probability that the release has no positive count.
    """

    bias: Estimate | None = None
    variance: Estimate | None = None
    square: Estimate | None = None
    group_variance: bool = False
    empty: float = 0.0


def known(chain: Chain, structure: Structure | None) -> Known:
    """Return what is known exactly of a decision with ``structure`` made from ``chain``."""
    if isinstance(structure, Linear) and structure.slope is not None:
        return _linear(chain, structure.slope)
    if isinstance(structure, Proportional) and chain.is_clipped and chain.counts.sum() > 0:
        return _clipped(chain, structure)
    return Known()


def _linear(chain: Chain, slope: FloatArray) -> Known:
    bias, variance = chain.closed_bias(), chain.closed_variance()
    if bias is None:
        return Known()
    bias = bias.scaled(slope)
    if variance is None:
        return Known(bias=bias)
    variance = variance.scaled(slope**2)
    return Known(
        bias=bias,
        variance=variance,
        square=_sum_of_square(bias, variance),
        group_variance=all(step.elementwise for step in chain.steps),
    )


def _sum_of_square(bias: Estimate, variance: Estimate) -> Estimate:
    """Return bias^2 + variance with the numerical errors of both."""
    error = 2.0 * np.abs(bias.value) * (bias.high - bias.value) + (variance.high - variance.value)
    inexact = bias if bias.method != "exact" else variance
    return Estimate.exact(bias.value**2 + variance.value, error=error, method=inexact.method)


def _clipped(chain: Chain, structure: Proportional) -> Known:
    noise, _ = chain.reduced()
    if noise is None:
        return Known()
    shares = clipped_allotment(chain.counts, structure.weights, noise)
    budget = structure.total
    square_error = budget**2 * shares.square_error
    variance = budget**2 * (shares.square - shares.bias**2)
    variance_error = square_error + 2.0 * budget**2 * np.abs(shares.bias) * shares.bias_error
    return Known(
        bias=_quadrature(budget * shares.bias, budget * shares.bias_error),
        variance=_quadrature(np.clip(variance, 0.0, None), variance_error),
        square=_quadrature(budget**2 * shares.square, square_error),
        empty=shares.empty,
    )


def _quadrature(value: FloatArray, error: FloatArray) -> Estimate:
    method: Method = "quadrature"
    return Estimate.exact(value, error=error, method=method)
