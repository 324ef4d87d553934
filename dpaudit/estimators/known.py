"""What is known of one task without simulation."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.model.curvature import Curvature
from dpaudit.model.estimate import Estimate


@attrs.frozen(kw_only=True, eq=False)
class Known:
    """What closed forms and quadrature say of one task; ``None`` where they say nothing.

    Parameters
    ----------
    bias, variance, square, shortfall
        Per entity, shape (n,), in the unit of the decision (and its square).
    group_variance
        Whether the variance of a sum is the sum of the variances (independent entities).
    one_sided
        Whether every outcome can be off to one side only, always the same: then what a group
        falls short is the size of its bias.
    empty
        Probability that the release has no positive count.
    total_bias
        Bias of the sum of all outcomes, a scalar, where the sum is public.
    curvature
        Second-order biases, where they were asked for.
    extra
        ``erased``, ``invented``, ``changed`` (probabilities) and ``share`` (bias), shape (n,),
        where asked for and known.
    """

    bias: Estimate | None = None
    variance: Estimate | None = None
    square: Estimate | None = None
    shortfall: Estimate | None = None
    group_variance: bool = False
    one_sided: bool = False
    empty: float = 0.0
    total_bias: Estimate | None = None
    curvature: Curvature | None = None
    extra: Mapping[str, Estimate] = attrs.field(factory=dict)

    def against(self, shift: FloatArray) -> Known:
        """Return what is known of errors that are larger by ``shift`` (n,).

        The outcome is compared with another truth than its own: that moves the bias, and leaves
        the variance as it is.
        """
        if not np.any(shift):
            return self
        bias = None if self.bias is None else self.bias.plus(shift)
        square = None
        if bias is not None and self.variance is not None:
            square = sum_of_square(bias, self.variance)
        total = None if self.total_bias is None else self.total_bias.plus(shift.sum())
        return attrs.evolve(
            self,
            bias=bias,
            square=square,
            shortfall=None,
            one_sided=False,
            total_bias=total,
            extra={},
        )


def sum_of_square(bias: Estimate, variance: Estimate) -> Estimate:
    """Return bias^2 + variance, shape (n,), with the numerical errors of both."""
    error = 2.0 * np.abs(bias.value) * (bias.high - bias.value) + (variance.high - variance.value)
    inexact = bias if bias.method != "exact" else variance
    return Estimate.exact(bias.value**2 + variance.value, error=error, method=inexact.method)
