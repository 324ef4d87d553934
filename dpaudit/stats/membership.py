"""Scores of membership from the losses of a model and of shadow models.

All take losses l >= 0 of n people; e^-l is the chance that a model gave to what is true, and of a
number as label a likelihood up to its scale.

References
----------
Carlini, Chien, Nasr, Song, Terzis and Tramer (2022), Membership inference attacks from first
principles, IEEE S&P, Sections V and VI (LiRA online and offline, the logit scale, one variance for
all where shadow models are few). Zarifzadeh, Liu and Shokri (2024), Low-cost high-power membership
inference attacks, ICML, Sections 3 and 4 (RMIA). Ye, Maddi, Murakonda, Bindschaedler and Shokri
(2022), Enhanced membership inference attacks against machine learning models, CCS (the attack by
the population).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import BoolArray, FloatArray

Spread = Literal["pooled", "own"]

LEAST_LOSS = 1e-7
"""Smaller losses count as this: what is beyond is rounding, and a logit of it without bound."""

_FEWEST = 2
_TINY = 1e-12


class Moments(NamedTuple):
    """Mean and variance of the signal of every person under some models, shape (n,) each."""

    mean: FloatArray
    variance: FloatArray


def logits(losses: FloatArray) -> FloatArray:
    """Return log(p / (1 - p)) of the chances p = e^-loss, any shape.

    Examples
    --------
    >>> logits(np.log([2.0, 4.0])).round(6).tolist()
    [0.0, -1.098612]
    """
    kept = np.maximum(losses, LEAST_LOSS)
    return -kept - np.log(-np.expm1(-kept))


def moments(signals: FloatArray, chosen: BoolArray, spread: Spread = "pooled") -> Moments:
    """Return means and variances of signals over the chosen models of every person.

    Parameters
    ----------
    signals
        Of S models and n people, shape (S, n).
    chosen
        Which of the models count for each person, shape (S, n), at least two of them.
    spread
        ``own``: the variance of each person by itself. ``pooled``: one for all, the mean over
        people, where models are too few to tell that of each.

    Raises
    ------
    UsageError
        If there are fewer than two models for somebody.
    """
    count = chosen.sum(axis=0)
    if count.min(initial=_FEWEST) < _FEWEST:
        raise UsageError(
            f"{int(count.min())} shadow models are on one side of person {int(count.argmin())}",
            hint="train more models: each person needs two with them and two without",
        )
    mean = np.where(chosen, signals, 0.0).sum(axis=0) / count
    square = np.where(chosen, (signals - mean) ** 2, 0.0).sum(axis=0)
    if spread == "pooled":
        variance = np.full(mean.shape, square.sum() / (count - 1).sum())
    else:
        variance = square / (count - 1)
    return Moments(mean, np.maximum(variance, _TINY))


def log_likelihood_ratio(signal: FloatArray, inside: Moments, outside: Moments) -> FloatArray:
    """Return log N(signal; inside) - log N(signal; outside), shape (n,).

    Notes
    -----
    The best score of any attack, by Neyman and Pearson, where signals are normal and the moments
    are known.

    Examples
    --------
    >>> inside, outside = (Moments(np.array([m]), np.array([1.0])) for m in (1.0, 0.0))
    >>> log_likelihood_ratio(np.array([2.0]), inside, outside).tolist()
    [1.5]
    """

    def log_density(of: Moments) -> FloatArray:
        return -0.5 * np.log(of.variance) - 0.5 * (signal - of.mean) ** 2 / of.variance

    return log_density(inside) - log_density(outside)


def one_sided(signal: FloatArray, outside: Moments) -> FloatArray:
    """Return by how many deviations a signal is above what models without the person give, (n,).

    A monotone function of the p-value of the offline attack that does not run out of digits.
    """
    return (signal - outside.mean) / np.sqrt(outside.variance)


def relative_chances(losses: FloatArray, expected: FloatArray) -> FloatArray:
    """Return p / E[p] of every person, where E[p] (n,) is what shadow models give on average."""
    return np.exp(-losses) / np.maximum(expected, 1e-300)


def dominated(ratios: FloatArray, population: FloatArray, gamma: float = 1.0) -> FloatArray:
    """Return the share of a population whose ratio a person's is at least ``gamma`` times, (n,).

    Ties are broken by the ratio itself, in the place of a fraction of one more person.

    Examples
    --------
    >>> dominated(np.array([0.5, 2.0, 9.0]), np.array([1.0, 1.5])).round(3).tolist()
    [0.111, 0.889, 0.967]
    """
    order = np.sort(population)
    below = np.searchsorted(order, ratios / gamma, side="right")
    return (below + ratios / (1.0 + ratios)) / (order.size + 1)


def above_population(
    losses: FloatArray,
    labels: FloatArray,
    population: FloatArray,
    population_labels: FloatArray,
) -> FloatArray:
    """Return the share of a population of the same label that has larger losses, shape (n,).

    Ties count half. A label that nobody in the population has is compared with all of them.

    Examples
    --------
    >>> above_population(np.array([1.0, 3.0]), np.zeros(2), np.array([2.0, 3.0]), np.zeros(2))
    array([1.  , 0.25])
    """
    made = np.empty(losses.shape)
    for label in np.unique(labels):
        own = labels == label
        same = population_labels == label
        order = np.sort(population[same] if same.any() else population)
        places = [np.searchsorted(order, losses[own], side=side) for side in ("left", "right")]
        made[own] = 1.0 - 0.5 * (places[0] + places[1]) / order.size
    return made
