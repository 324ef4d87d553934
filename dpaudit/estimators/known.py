"""What is known of one task without simulation."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

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
    empty
        Probability that the release has no positive count.
    total_bias
        Bias of the sum of all outcomes, a scalar, where the sum is public.
    extra
        ``erased``, ``invented`` (probabilities) and ``share`` (bias), shape (n,), where asked
        for and known.
    """

    bias: Estimate | None = None
    variance: Estimate | None = None
    square: Estimate | None = None
    shortfall: Estimate | None = None
    group_variance: bool = False
    empty: float = 0.0
    total_bias: Estimate | None = None
    extra: Mapping[str, Estimate] = attrs.field(factory=dict)
