"""The formulas of Title I, Part A, before money is shared out: who is eligible, and how they count.

Children are shape (..., n), 0 or more, and need not be whole; everything else is public and of
shape (n,) or a number. Thresholds are compared without division, so that whole numbers on a
threshold fall on the side that the law says: 7 of 140 children are 5 percent.

References
----------
20 U.S.C. 6332 to 6337; 34 CFR 200.71 (eligibility) and 200.73 (hold harmless).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import numpy as np

from dpaudit import BoolArray, FloatArray

LEAST_CHILDREN = 10
"""Fewer formula children than this make no grant of any kind."""

CONCENTRATED = 6_500
"""More formula children than this make a concentration grant whatever their share."""

_FAR = 1e9
"""More children than there are."""

Five = tuple[float, float, float, float, float]


@attrs.frozen
class Brackets:
    """Where the weight of a further child changes.

    Parameters
    ----------
    numbers
        Numbers of children above which the next weight holds, four of them, rising.
    shares
        The same as shares of the children of 5 to 17.
    """

    numbers: tuple[float, float, float, float]
    shares: tuple[float, float, float, float]


@attrs.frozen
class Weights:
    """The weight of a further child in each of the five brackets, never falling."""

    number: Five
    share: Five


DISTRICTS = Brackets((691, 2_262, 7_851, 35_514), (0.1558, 0.2211, 0.3016, 0.3824))
"""Brackets of local educational agencies, 20 U.S.C. 6335(c)(2)."""

COUNTIES = Brackets((2_311, 7_913, 23_917, 93_810), (0.15, 0.19, 0.242, 0.292))
"""Brackets of counties, 20 U.S.C. 6335(c)(1)."""

TARGETED = Weights((1.0, 1.5, 2.0, 2.5, 3.0), (1.0, 1.75, 2.5, 3.25, 4.0))
"""Weights of targeted grants, 20 U.S.C. 6335(c)."""

MIDDLING = Weights((1.0, 1.5, 3.0, 4.5, 6.0), (1.0, 1.5, 2.25, 3.375, 4.5))
"""Within a state of equity factor 0.10 to 0.20; not checked against 20 U.S.C. 6337(d)(2)."""

UNEQUAL = Weights((1.0, 2.0, 4.0, 6.0, 8.0), (1.0, 2.0, 3.0, 4.5, 6.0))
"""Within a state of equity factor 0.20 or more; not checked against 20 U.S.C. 6337(d)(3)."""


def basic_eligible(children: FloatArray, population: FloatArray) -> BoolArray:
    """Return who has 10 children or more, and more than 2 percent; 34 CFR 200.71(a)."""
    return (children >= LEAST_CHILDREN) & (50.0 * children > population)


def concentration_eligible(children: FloatArray, population: FloatArray) -> BoolArray:
    """Return who also has more than 6,500 children or 15 percent; 34 CFR 200.71(b)."""
    many = (children > CONCENTRATED) | (20.0 * children > 3.0 * population)
    return basic_eligible(children, population) & many


def targeted_eligible(children: FloatArray, population: FloatArray) -> BoolArray:
    """Return who has 10 children or more, and 5 percent or more; 34 CFR 200.71(c) and (d)."""
    return (children >= LEAST_CHILDREN) & (20.0 * children >= population)


def bounded_spending(
    expenditure: FloatArray, average: float, low: float = 0.32, high: float = 0.48
) -> FloatArray:
    """Return 40 percent of the expenditure per pupil, held between two shares of the average.

    Parameters
    ----------
    expenditure
        Of the state, dollars per pupil, shape (n,).
    average
        Of the United States, dollars per pupil.
    low, high
        0.32 and 0.48 in 20 U.S.C. 6333(a)(1), 0.34 and 0.46 in 6337(b)(1)(A)(i).
    """
    return np.clip(0.4 * expenditure, low * average, high * average)


def efig_state_factor(spending: FloatArray, effort: FloatArray, equity: FloatArray) -> FloatArray:
    """Return what each child counts in the allotment of a state, dollars, shape (n,).

    The product of the bounded spending, the effort factor held between 0.95 and 1.05, and 1.30
    less the equity factor: 20 U.S.C. 6337(b)(1)(A) and (b)(2).
    """
    return spending * np.clip(effort, 0.95, 1.05) * (1.30 - equity)


def weighted_by_number(
    children: FloatArray, brackets: Brackets = DISTRICTS, weights: Weights = TARGETED
) -> FloatArray:
    """Return the children weighted by how many they are, shape (..., n).

    Weights are marginal: the 692nd child counts 1.5, and the 691 before it 1.0 each.
    """
    return _marginal(children, brackets.numbers, weights.number)


def weighted_by_share(
    children: FloatArray,
    population: FloatArray,
    brackets: Brackets = DISTRICTS,
    weights: Weights = TARGETED,
) -> FloatArray:
    """Return the children weighted by their share of the children of 5 to 17, shape (..., n)."""
    return _marginal(children, [share * population for share in brackets.shares], weights.share)


def weighted(
    children: FloatArray,
    population: FloatArray,
    brackets: Brackets = DISTRICTS,
    weights: Weights = TARGETED,
) -> FloatArray:
    """Return the larger of the two weighted counts, shape (..., n); 20 U.S.C. 6335(c)."""
    by_number = weighted_by_number(children, brackets, weights)
    by_share = weighted_by_share(children, population, brackets, weights)
    return np.maximum(by_number, by_share, out=by_number)


def bends(
    population: FloatArray, brackets: Brackets, weights: Weights, cap: float | None = None
) -> FloatArray:
    """Return where :func:`weighted` bends as the children grow, shape (k, n); far off if nowhere.

    Parameters
    ----------
    population
        Children of 5 to 17, shape (n,).
    brackets, weights
        As in :func:`weighted`.
    cap
        What a child counts at most on average, if anything is: the least of that and the
        weighted count bends too.
    """
    ends = [np.zeros_like(population), *(np.full_like(population, b) for b in brackets.numbers)]
    knots = np.sort(np.stack([*ends, *(share * population for share in brackets.shares)]), axis=0)

    def lead(children: FloatArray) -> FloatArray:
        by_number = weighted_by_number(children, brackets, weights)
        return by_number - weighted_by_share(children, population, brackets, weights)

    knots = np.sort(np.concatenate([knots, _crossings(lead, knots)]), axis=0)
    if cap is None:
        return knots
    capped = _crossings(lambda c: weighted(c, population, brackets, weights) - cap * c, knots)
    return np.concatenate([knots, capped])


def _crossings(gap: Callable[[FloatArray], FloatArray], knots: FloatArray) -> FloatArray:
    """Return where a function made of straight pieces changes sign, shape (k, n).

    ``knots``, shape (k, n), rise and hold all its bends; what does not change sign is far off.
    """
    ends = np.concatenate([knots, np.full_like(knots[:1], 2.0 * _FAR)])
    values = gap(ends)
    before, after = values[:-1], values[1:]
    crosses = before * after < 0
    part = np.divide(before, before - after, out=np.zeros_like(before), where=crosses)
    found = np.sort(np.where(crosses, ends[:-1] + part * np.diff(ends, axis=0), _FAR), axis=0)
    return found[(found < _FAR).any(axis=1)]


def hold_harmless_rate(children: FloatArray, population: FloatArray) -> FloatArray:
    """Return the part of last year's amount that is kept, shape (..., n); 34 CFR 200.73(a)(4).

    95 percent where 30 percent of the children or more are formula children, 90 percent from 15
    percent on, 85 percent below.
    """
    thirty = 10.0 * children >= 3.0 * population
    fifteen = 20.0 * children >= 3.0 * population
    return 0.85 + 0.05 * fifteen + 0.05 * thirty


def _marginal(
    children: FloatArray, bounds: Sequence[float | FloatArray], weights: Five
) -> FloatArray:
    """Return sum_k (w_k - w_{k-1}) (c - b_k)^+, the children weighted bracket by bracket."""
    total = weights[0] * children
    above = np.empty_like(total)
    for bound, before, weight in zip(bounds, weights, weights[1:], strict=False):
        np.subtract(children, bound, out=above)
        np.maximum(above, 0.0, out=above)
        above *= weight - before
        total += above
    return total
