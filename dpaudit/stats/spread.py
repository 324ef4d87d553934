"""α-fairness and cost of privacy: functionals of a bias vector, never from plug-in values alone.

The largest difference of noisy estimates overstates α (up to 287-fold in METHODS-decisions
2.3), and a sum of absolute noisy biases overstates the cost of privacy. So the draws are split
in two independent halves: one chooses the entities (or signs), the other measures them. The
value exchanges the two roles and averages. Of the interval

* the upper end needs no correction for the number of entities. α is the difference of two
  entities that are fixed, though unknown, so that it is enough for the interval of that pair
  to hold; the largest upper end over all pairs is above it. The cost of privacy is the
  loss of one fixed set of entities in the same way;
* the lower end is the better of two: the one-sided interval, from the second half, of what the
  first half chose, and the largest difference that a band over all entities proves.

The upper end errs with a fifth of the risk, since it is cheap, and the two lower ends with two
fifths each. The standard error of a sum is at most the sum of the standard errors, whatever the
correlations. Nothing here knows the law of a mean but Student's: see
:class:`dpaudit.stats.moments.Moments` for what is done about heavy tails.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
from scipy import special

from dpaudit.model.arrays import FloatArray
from dpaudit.model.estimate import Estimate
from dpaudit.stats.moments import Moments

_UPPER, _BAND, _SPLIT = 0.2, 0.4, 0.4
"""Shares of the risk."""


@attrs.frozen(kw_only=True, eq=False)
class Halves:
    """Biases from two independent halves of the draws.

    Parameters
    ----------
    first, second
        Moments of the biases, shape (m,).
    unseen
        What an event that no draw showed may add to a bias, shape (m,).
    """

    first: Moments
    second: Moments
    unseen: FloatArray

    def reach(self, moments: Moments, risk: float) -> FloatArray:
        """Return how far each mean may be from its bias on one side, but for ``risk``.

        One draw alone says nothing.
        """
        if moments.count < 2:  # noqa: PLR2004 - a variance needs two
            return np.full(moments.mean.shape, np.inf)
        quantile = -special.stdtrit(moments.degrees_of_freedom, risk)
        reach: FloatArray = quantile * moments.standard_error + self.unseen
        return reach


def alpha(bias: Estimate, halves: Halves | None = None) -> Estimate:
    """Return α = max_i B_i - min_i B_i, the largest difference of biases.

    Parameters
    ----------
    bias
        Biases with their simultaneous band, shape (n,).
    halves
        The biases from two independent halves of the draws; without them the interval is that
        of the band.

    Returns
    -------
    Estimate
        Scalar. ``low`` is the largest difference that is proved and ``high`` the largest that
        may be. With one entity α is 0.

    References
    ----------
    Tran, Fioretto, Van Hentenryck and Yao, IJCAI 2021, definition of α-fairness. Cox (1975),
    A note on data-splitting for the evaluation of significance levels, Biometrika 62(2), for the
    split; Berger (1982), Multiparameter hypothesis testing and acceptance sampling,
    Technometrics 24(4), for the upper end; METHODS-decisions 2.4.
    """
    if bias.value.size == 1:
        return _functional(bias, 0.0, 0.0, 0.0)
    if halves is None or bias.is_deterministic:
        low = max(0.0, float(bias.low.max() - bias.high.min()))
        return _functional(bias, low, _widest(bias.low, bias.high), float(np.ptp(bias.value)))
    first, second, risk = halves.first, halves.second, 1.0 - bias.level
    both = first + second
    reach = halves.reach(both, _UPPER * risk)
    high = _widest(both.mean - reach, both.mean + reach)
    chosen, measured = (halves.reach(half, _SPLIT * risk) for half in (first, second))
    most, least = (first.mean - chosen).argmax(), (first.mean + chosen).argmin()
    split = (second.mean - measured)[most] - (second.mean + measured)[least]
    wide = halves.reach(both, _BAND * risk / (2 * both.mean.size))
    proved = (both.mean - wide).max() - (both.mean + wide).min()
    return _functional(bias, max(0.0, float(split), float(proved)), high, _swapped(halves, _pair))


def xi(bias: Estimate, halves: Halves | None = None) -> Estimate:
    """Return ξ_i = max_j abs(B_i - B_j), how far an entity is from the one least like it.

    Parameters
    ----------
    bias, halves
        As for :func:`alpha`, which is the largest ξ_i.

    Returns
    -------
    Estimate
        Shape (n,); the intervals hold for all entities at once.

    References
    ----------
    Tran et al., IJCAI 2021, section 4: the fairness of entity i.
    """
    if bias.value.size == 1:
        zero = np.zeros(1)
        return attrs.evolve(bias, value=zero, low=zero, high=zero)
    top, bottom = _of_others(bias.high, np.max), _of_others(bias.low, np.min)
    high = np.maximum(top - bias.low, bias.high - bottom)
    low = np.maximum(_of_others(bias.low, np.max) - bias.high,
                     bias.low - _of_others(bias.high, np.min))  # fmt: skip
    low = np.maximum(low, 0.0)
    if halves is None or bias.is_deterministic:
        value = np.maximum(bias.value.max() - bias.value, bias.value - bias.value.min())
    else:
        means = halves.first.mean, halves.second.mean
        value = (_farthest(*means) + _farthest(*means[::-1])) / 2.0
    return attrs.evolve(bias, value=np.clip(value, low, high), low=low, high=high)


def cost_of_privacy(bias: Estimate, halves: Halves | None = None) -> Estimate:
    """Return the sum of the expected losses, ``sum_i max(-B_i, 0)``.

    Parameters
    ----------
    bias, halves
        As for :func:`alpha`; in dollars the result is dollars. For outcomes that always sum to
        the same budget it equals half of ``sum_i |B_i|`` (Proposition 3).

    References
    ----------
    Tran et al., Definition 5 and Proposition 3; METHODS-decisions 2.2.
    """
    if halves is None or bias.is_deterministic:
        low, high, plug_in = (
            float(np.clip(-part, 0, None).sum()) for part in (bias.high, bias.low, bias.value)
        )
        return _functional(bias, low, high, plug_in)
    first, second, risk = halves.first, halves.second, 1.0 - bias.level
    both = first + second
    high = float(np.clip(halves.reach(both, _UPPER * risk) - both.mean, 0, None).sum())
    losers = first.mean + halves.reach(first, _SPLIT * risk) < 0
    split = -(second.mean + halves.reach(second, _SPLIT * risk))[losers].sum()
    wide = halves.reach(both, _BAND * risk / both.mean.size)
    proved = float(np.clip(-(both.mean + wide), 0, None).sum())
    return _functional(bias, max(0.0, float(split), proved), high, _swapped(halves, _losses))


def _functional(bias: Estimate, low: float, high: float, value: float) -> Estimate:
    low = min(low, high)
    return Estimate(
        value=np.float64(np.clip(value, low, high)),
        low=np.float64(low),
        high=np.float64(high),
        level=bias.level,
        method=bias.method,
        draws=bias.draws,
    )


def _widest(low: FloatArray, high: FloatArray) -> float:
    """Return the largest ``high_i - low_j`` of two different entities, and never less than 0."""
    return max(0.0, float((_of_others(high, np.max) - low).max()))


def _of_others(values: FloatArray, best: Callable[..., FloatArray]) -> FloatArray:
    """Return the largest (or smallest) of all values but its own, for each of two or more."""
    at = int(np.argmax(values)) if best is np.max else int(np.argmin(values))
    found = np.full(values.shape, values[at])
    found[at] = best(np.delete(values, at))
    return found


def _pair(choose: FloatArray, measure: FloatArray) -> float:
    return float(measure[choose.argmax()] - measure[choose.argmin()])


def _losses(choose: FloatArray, measure: FloatArray) -> float:
    return float(-measure[choose < 0].sum())


def _farthest(choose: FloatArray, measure: FloatArray) -> FloatArray:
    """Return the difference from the entity that one half finds farthest, measured by the other."""
    most, least = int(choose.argmax()), int(choose.argmin())
    is_above = choose - choose[least] > choose[most] - choose
    return np.where(is_above, measure - measure[least], measure[most] - measure)


def _swapped(halves: Halves, functional: Callable[[FloatArray, FloatArray], float]) -> float:
    first, second = halves.first.mean, halves.second.mean
    return (functional(first, second) + functional(second, first)) / 2
