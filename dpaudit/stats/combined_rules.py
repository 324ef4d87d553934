"""Rules made of rules: chances and biases of "all of", "any of" and "exactly one of".

For independent predicates with truth t_k in {0, 1}, noisy chance p_k and bias B_k = p_k - t_k
(METHODS-decisions 4.5). Predicates that read the same noisy count are not independent.
"""

from __future__ import annotations

import numpy as np

from dpaudit.model.arrays import FloatArray


def all_of(chances: FloatArray) -> FloatArray:
    """Return the chance that all of m independent events happen.

    Parameters
    ----------
    chances
        Shape (m, ...).

    Examples
    --------
    >>> round(float(all_of(np.array([0.7, 0.2]))), 12)
    0.14
    """
    return np.prod(chances, axis=0)


def any_of(chances: FloatArray) -> FloatArray:
    """Return the chance that at least one of m independent events happens.

    Parameters
    ----------
    chances
        Shape (m, ...).

    Notes
    -----
    Event by event, adding p (1 - what there is): no digit of a small chance is lost.

    Examples
    --------
    >>> round(float(any_of(np.array([0.7, 0.2]))), 12)
    0.76
    """
    total = np.zeros(chances.shape[1:])
    for chance in chances:
        total = total + chance * (1.0 - total)
    return total


def exactly_one_of(chances: FloatArray) -> FloatArray:
    """Return the chance that exactly one of m independent events happens.

    Parameters
    ----------
    chances
        Shape (m, ...). Two events differ with this chance (exclusive or).

    Examples
    --------
    >>> round(float(exactly_one_of(np.array([0.7, 0.2]))), 12)
    0.62
    """
    one, none = np.zeros(chances.shape[1:]), np.ones(chances.shape[1:])
    for chance in chances:
        one = one * (1.0 - chance) + none * chance
        none = none * (1.0 - chance)
    return one


def all_of_bias(
    first: FloatArray, second: FloatArray, true1: FloatArray, true2: FloatArray
) -> FloatArray:
    """Return the bias of "both", B1 B2 + t1 B2 + t2 B1.

    Parameters
    ----------
    first, second
        Biases B1 and B2 of two independent predicates, any shape.
    true1, true2
        Their truths t1 and t2, 0 or 1.
    """
    return first * second + true1 * second + true2 * first


def any_of_bias(
    first: FloatArray, second: FloatArray, true1: FloatArray, true2: FloatArray
) -> FloatArray:
    """Return the bias of "either", (1 - t1) B2 + (1 - t2) B1 - B1 B2; as :func:`all_of_bias`."""
    return (1.0 - true1) * second + (1.0 - true2) * first - first * second


def exactly_one_of_bias(
    first: FloatArray, second: FloatArray, true1: FloatArray, true2: FloatArray
) -> FloatArray:
    """Return the bias of "one", (1 - 2 t2) B1 + (1 - 2 t1) B2 - 2 B1 B2; as the others."""
    return (1.0 - 2.0 * true2) * first + (1.0 - 2.0 * true1) * second - 2.0 * first * second


def all_or_any_alpha_bound(first: float, second: float) -> float:
    """Return an upper bound of alpha of "both" and of "either", b1 + b2 - b1 b2 + max(b1, b2).

    Parameters
    ----------
    first, second
        b_k, the largest absolute bias of each of two independent predicates, in [0, 1].

    Notes
    -----
    An upper bound alone. That alpha of "both" is *at least* the larger of the two alphas is
    true of the worst case over all data, where the other predicate can be made as good as
    certain, and false for given data: where one predicate is safely false for every entity,
    "both" has no bias at all, however biased the other is (METHODS-decisions 4.5).
    """
    return first + second - first * second + max(first, second)


def exactly_one_alpha_bound(first: float, second: float) -> float:
    """Return an upper bound of alpha of "exactly one", 2 max(b1, b2, b1 + b2 - 2 b1 b2).

    Parameters
    ----------
    first, second
        b_k, the largest absolute bias of each of two independent predicates, in [0, 1].

    Notes
    -----
    Up to a sign the bias is c1 + c2 - 2 c1 c2 or c1 - c2 + 2 c1 c2 for c_k in [0, b_k], linear in
    each: its extremes are at the corners. For b_k <= 1/2 the last of the three is the largest.
    """
    return 2.0 * max(first, second, first + second - 2.0 * first * second)
