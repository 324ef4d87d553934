"""What is known of outcomes that are 0 or 1: everything, where their probability is."""

from __future__ import annotations

import numpy as np

from dpaudit.estimators.chain import Chain
from dpaudit.estimators.known import Known
from dpaudit.interfaces import Decision, Extra
from dpaudit.model.arrays import FloatArray
from dpaudit.model.estimate import Estimate


def known_of_rule(
    chain: Chain, rule: Decision, truth: FloatArray, extras: frozenset[Extra] = frozenset()
) -> Known | None:
    """Return what the probability p of the outcome 1 says of a decision with truth t.

    The bias is p - t, the variance p (1 - p), the mean squared error abs(p - t) and the expected
    shortfall t (1 - p).

    Parameters
    ----------
    chain
        The release, of independent noise that is not processed but for clipping at zero.
    rule
        The decision, which may know the probability of its outcomes.
    truth
        The true outcomes, shape (n,).
    extras
        Of these ``erased``, ``invented`` and ``changed`` are known.

    Returns
    -------
    Known or None
        ``None`` where the decision does not know its probabilities, or truth is not 0 or 1.

    References
    ----------
    METHODS-decisions 4.2.
    """
    noise, rest = chain.reduced()
    if not np.isin(truth, (0.0, 1.0)).all():
        return None
    if noise is None or not chain.is_flat or (rest and not chain.is_clipped):
        return None
    counts = chain.counts.reshape(truth.size, -1) if rule.rows else chain.counts
    stated = rule.probability(counts, noise, clipped=bool(rest))
    if stated is None:
        return None
    chance = stated if isinstance(stated, Estimate) else Estimate.exact(stated)
    error, method = chance.high - chance.value, chance.method
    p = np.clip(chance.value, 0.0, 1.0)

    def estimate(value: FloatArray) -> Estimate:
        return Estimate.exact(value, error=error, method=method)

    wrong = estimate(np.abs(p - truth))
    events = {
        "erased": estimate(truth * (1.0 - p)),
        "invented": estimate((1.0 - truth) * p),
        "changed": wrong,
    }
    return Known(
        bias=estimate(p - truth),
        variance=estimate(p * (1.0 - p)),
        square=wrong,
        shortfall=events["erased"],
        group_variance=True,
        extra={name: value for name, value in events.items() if name in extras},
    )
