"""Taylor terms of the bias of a ratio: the allotment without clipping, and two counts divided.

With Z = sum_j a_j x_j, P_i = a_i x_i / Z, S_2 = sum_j a_j^2 v_j and S_4 = sum_j a_j^4 k_j
(METHODS-decisions 3.3, derived for this project). An asymptotic expansion: under unbounded
noise the expectation itself does not exist (3.4).
"""

from __future__ import annotations

import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray


def second_order_bias(x: FloatArray, a: FloatArray, v: FloatArray | float) -> FloatArray:
    """Return (P_i S_2 - a_i^2 v_i) / Z^2, the leading bias of the shares.

    Parameters
    ----------
    x
        True counts, shape (n,), persons.
    a
        Weights, shape (n,), positive.
    v
        Variances of independent symmetric noise, scalar or (n,), persons squared.

    Returns
    -------
    FloatArray
        Shape (n,), shares; sums to zero.

    Raises
    ------
    UsageError
        If the weighted counts sum to zero.
    """
    total = _total(x, a)
    spread = a**2 * v
    return np.asarray((a * x / total * spread.sum() - spread) / total**2)


def fourth_order_bias(
    x: FloatArray, a: FloatArray, v: FloatArray | float, k4: FloatArray | float
) -> FloatArray:
    """Return the next term, [P_i (3 S_2^2 + S_4) - 3 a_i^2 v_i S_2 - a_i^4 k_i] / Z^4.

    Parameters
    ----------
    x, a, v
        As for :func:`second_order_bias`.
    k4
        Fourth cumulants of the noise, scalar or (n,): 12 scale^4 for Laplace, 0 for Gaussian.

    Returns
    -------
    FloatArray
        Shape (n,), shares, to be added to the second-order term; sums to zero.

    Raises
    ------
    UsageError
        If the weighted counts sum to zero.
    """
    total = _total(x, a)
    spread, kurtosis = a**2 * v, a**4 * k4
    s2, s4 = spread.sum(), kurtosis.sum()
    common = a * x / total * (3.0 * s2**2 + s4)
    return np.asarray((common - 3.0 * spread * s2 - kurtosis) / total**4)


def quotient_bias(
    numerator: FloatArray, denominator: FloatArray, v: FloatArray | float
) -> FloatArray:
    """Return x_1 v / x_0^3, the leading bias of the ratio x_1 / x_0 of two noisy counts.

    Independent symmetric noise of the numerator adds nothing to it. For a given ratio it falls
    with the square of the denominator; whether a threshold of the ratio is reached is another
    matter, and depends on the margin beside the noise.

    Parameters
    ----------
    numerator, denominator
        True counts x_1 and x_0, shape (n,), persons.
    v
        Variance of the noise of the denominator, scalar or (n,), persons squared.

    Returns
    -------
    FloatArray
        Shape (n,), a ratio.

    Raises
    ------
    UsageError
        If a denominator is 0.

    References
    ----------
    METHODS-decisions 4.4 (derived for this project).

    Examples
    --------
    >>> quotient_bias(np.array([4.0, 30.0]), np.array([80.0, 600.0]), 200.0).round(8).tolist()
    [0.0015625, 2.778e-05]
    """
    empty = np.flatnonzero(denominator == 0)
    if empty.size:
        raise UsageError(
            f"the denominator of entity {empty[0] + 1} is 0: its ratio is not defined",
            hint="leave the entity out, or ask a rule that multiplies and does not divide",
        )
    return np.asarray(numerator * v / denominator / denominator**2)


def _total(x: FloatArray, a: FloatArray) -> float:
    total = float((a * x).sum())
    if total == 0:
        raise UsageError(
            "the weighted counts sum to 0: shares are not defined", hint="give a positive count"
        )
    return total
