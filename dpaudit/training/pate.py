"""Noisy votes of teachers: how often a label flips, exactly, and what the labels cost.

References
----------
Papernot, Song, Mironov, Raghunathan, Talwar and Erlingsson (2018), Scalable private learning with
PATE, ICLR (GNMax, Proposition 8); Mironov (2017), Renyi differential privacy, CSF, Proposition 3;
METHODS-learning 5.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray

_EDGE, _STEP = 10.0, 0.125
_MOST_ORDER = 500


def gaussian_keep_probability(votes: FloatArray, sigma: float) -> FloatArray:
    """Return the probability that the winner of ``votes`` (n, K) still wins under N(0, sigma^2).

    Returns
    -------
    FloatArray
        Shape (n,), to an absolute 1e-9; a tie is won by the first class.

    Notes
    -----
    The integral over u of phi(u) prod_j Phi((c_1 - c_j)/sigma + u), by the trapezoid on
    [-10, 10]; with K = 2 it is Phi((c_1 - c_2)/(sqrt 2 sigma)).

    Examples
    --------
    >>> gaussian_keep_probability(np.array([[60.0, 40.0]]), 40.0).round(6).tolist()
    [0.638163]
    """
    votes = np.atleast_2d(np.asarray(votes, dtype=np.float64))
    if not sigma > 0:
        raise UsageError(f"sigma {sigma!r} is not positive", hint="give a positive number")
    winner = votes.argmax(axis=1)
    rows = np.arange(len(votes))
    lead = (votes[rows, winner][:, None] - votes) / sigma
    total = np.zeros(len(votes))
    for u in np.arange(-_EDGE, _EDGE + _STEP / 2, _STEP):
        below = special.ndtr(lead + u)
        below[rows, winner] = 1.0
        total += _STEP * math.exp(-0.5 * u * u) / math.sqrt(2.0 * math.pi) * below.prod(axis=1)
    return total


def laplace_flip_probability(margin: FloatArray, scale: float) -> FloatArray:
    """Return P(two classes swap) under Laplace noise of ``scale`` b: e^(-m/b) (1 + m/(2b)) / 2.

    Examples
    --------
    >>> float(laplace_flip_probability(np.array(0.0), 20.0))
    0.5
    """
    ratio = np.asarray(margin) / scale
    return 0.5 * np.exp(-ratio) * (1.0 + 0.5 * ratio)


def gnmax_epsilon(queries: int, sigma: float, delta: float) -> float:
    """Return epsilon of ``queries`` answers whatever the votes are.

    min over whole alpha of 2 ... 499 of m alpha / sigma^2 + log(1/delta) / (alpha - 1). A bound
    that reads the votes would itself be private.
    """
    if not 0 < delta < 1:
        raise UsageError(f"delta {delta!r} is not in (0, 1)", hint="a common choice is 1e-5")
    orders = np.arange(2.0, _MOST_ORDER)
    found = queries * orders / sigma**2 + math.log(1.0 / delta) / (orders - 1.0)
    return float(found.min())
