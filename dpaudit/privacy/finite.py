"""Mechanisms with finitely many outputs: how far two data sets can be told apart, exactly.

References
----------
Dwork, Hardt, Pitassi, Reingold and Zemel (2012), Fairness through awareness, ITCS (a mechanism is
epsilon-private if and only if it is Lipschitz for d_X = epsilon times the records that differ and
d_Y = the largest log-ratio); Balle, Barthe and Gaboardi (2018), Privacy amplification by
subsampling, NeurIPS (hockey-stick divergence); McSherry and Talwar (2007), Mechanism design via
differential privacy, FOCS.
"""

from __future__ import annotations

import math

import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray

_ROUNDING = 1e-9


def choice_probabilities(
    scores: FloatArray, epsilon: float, sensitivity: float = 1.0
) -> FloatArray:
    """Return P(i) in proportion to exp(epsilon u_i / (2 sensitivity)), shape (n,).

    Parameters
    ----------
    scores
        u, shape (n,).
    epsilon
        0 chooses anybody alike, infinity the best (several that are equally good alike).
    sensitivity
        By how much one person may change a score.

    Examples
    --------
    >>> choice_probabilities(np.array([0.9, 0.8]), 0.0).tolist()
    [0.5, 0.5]
    >>> choice_probabilities(np.array([0.9, 0.8]), np.inf).tolist()
    [1.0, 0.0]
    """
    if not epsilon >= 0 or not 0 < sensitivity < math.inf:
        raise UsageError(
            f"epsilon {epsilon!r} with sensitivity {sensitivity!r}",
            hint="give an epsilon of 0 or more and a positive sensitivity",
        )
    below = scores - scores.max()
    if math.isinf(epsilon):
        weights = (below == 0).astype(np.float64)
    else:
        weights = np.exp(0.5 * epsilon / sensitivity * below)
    return weights / weights.sum()


def log_ratio(left: FloatArray, right: FloatArray) -> float:
    """Return d_Y, the largest |log(p/q)| over outputs: both ways.

    Infinite if one of both has an output that the other has not.

    Examples
    --------
    >>> round(log_ratio(np.array([0.5, 0.5]), np.array([0.25, 0.75])), 4)
    0.6931
    """
    _check(left, right)
    if ((left > 0) != (right > 0)).any():
        return math.inf
    seen = left > 0
    return float(np.abs(np.log(left[seen]) - np.log(right[seen])).max())


def hockey_stick(left: FloatArray, right: FloatArray, epsilon: float) -> float:
    """Return the delta of these two at ``epsilon``, both ways: max of sum (p - e^epsilon q)^+.

    Examples
    --------
    >>> hockey_stick(np.array([0.5, 0.5]), np.array([0.25, 0.75]), 0.0)
    0.25
    """
    _check(left, right)
    grown = math.exp(epsilon)
    ways = ((left, right), (right, left))
    return max(float(np.maximum(p - grown * q, 0.0).sum()) for p, q in ways)


def _check(left: FloatArray, right: FloatArray) -> None:
    for chances in (left, right):
        if chances.shape != left.shape or chances.ndim != 1 or (chances < 0).any():
            raise UsageError(
                f"probabilities of the shapes {left.shape} and {right.shape}",
                hint="give a probability of every output, of both data sets in one order",
            )
        if abs(chances.sum() - 1.0) > _ROUNDING:
            raise UsageError(
                f"probabilities sum to {float(chances.sum())!r}", hint="give all outputs"
            )
