"""Noisy votes of teachers: how often a label flips, exactly, and what the labels cost.

References
----------
Papernot, Song, Mironov, Raghunathan, Talwar and Erlingsson (2018), Scalable private learning with
PATE, ICLR (GNMax, Proposition 8); Mironov (2017), Renyi differential privacy, CSF, Proposition 3;
METHODS-learning 5.
"""

from __future__ import annotations

import itertools
import math
from typing import Literal, TypeAlias

import attrs
import numpy as np
from scipy import special

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.model.guarantee import Guarantee
from dpaudit.privacy.zcdp import epsilon_of, pure_rho
from dpaudit.training.records import IntArray

_EDGE, _STEP = 10.0, 0.125
_MOST_ORDER = 500
_FAR, _WIDTH, _NODES = 40.0, 4.0, 16
_CHANGED = 2.0
"""Votes that one person changes: the vote of one teacher moves from one class to another."""

VoteLaw: TypeAlias = Literal["gaussian", "laplace"]


@attrs.frozen(kw_only=True)
class VoteNoise:
    """The noise that is added to every count of votes before the largest is named.

    Parameters
    ----------
    law
        ``gaussian`` (GNMax) or ``laplace`` (LNMax).
    scale
        sigma, or b.
    """

    law: VoteLaw = "gaussian"
    scale: float = attrs.field(validator=attrs.validators.gt(0.0))

    def keep_probability(self, votes: FloatArray) -> FloatArray:
        """Return the probability that the winner of ``votes`` (n, K) still wins, shape (n,)."""
        if self.law == "gaussian":
            return gaussian_keep_probability(votes, self.scale)
        return laplace_keep_probability(votes, self.scale)

    def win_probabilities(self, votes: FloatArray) -> FloatArray:
        """Return the probability that each class wins, shape (n, K)."""
        votes = np.atleast_2d(np.asarray(votes, dtype=np.float64))
        win = _gaussian_win if self.law == "gaussian" else _laplace_win
        return np.stack(
            [win(votes, np.full(len(votes), k), self.scale) for k in range(votes.shape[1])], axis=1
        )

    def draw(self, votes: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return noisy counts of the shape of ``votes``."""
        made = rng.standard_normal if self.law == "gaussian" else rng.laplace
        return votes + self.scale * made(size=votes.shape)

    def guarantee(self, queries: int, delta: float) -> Guarantee:
        """Return what ``queries`` answers promise whatever the votes are.

        Notes
        -----
        Gaussian: :func:`gnmax_epsilon`. Laplace: one answer is 2/b-private, because one person
        changes two counts by 1; m answers cost the smaller of 2 m / b and what rho = m (2/b)^2 / 2
        of zero-concentrated privacy gives at delta.
        """
        if self.law == "gaussian":
            epsilon = gnmax_epsilon(queries, self.scale, delta)
            return Guarantee(neighbours="replace", epsilon=epsilon, delta=delta)
        each = _CHANGED / self.scale
        together = epsilon_of(delta, queries * pure_rho(each))
        if queries * each <= together:
            return Guarantee(neighbours="replace", epsilon=queries * each)
        return Guarantee(neighbours="replace", epsilon=together, delta=delta)


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
    return _gaussian_win(votes, votes.argmax(axis=1), sigma)


def _gaussian_win(votes: FloatArray, winner: IntArray, sigma: float) -> FloatArray:
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


def laplace_keep_probability(votes: FloatArray, scale: float) -> FloatArray:
    """Return the probability that the winner of ``votes`` (n, K) still wins under Laplace noise.

    Returns
    -------
    FloatArray
        Shape (n,), to an absolute 1e-9; a tie is won by the first class.

    Notes
    -----
    With K = 2 in closed form. Else the integral over the winner's noise u of its density times
    the product of F((c_1 - c_j)/b + u), by Gauss-Legendre between the points where one of the
    factors has a kink.

    Examples
    --------
    >>> laplace_keep_probability(np.array([[60.0, 40.0]]), 20.0).round(6).tolist()
    [0.72409]
    """
    votes = np.atleast_2d(np.asarray(votes, dtype=np.float64))
    if not scale > 0:
        raise UsageError(f"scale {scale!r} is not positive", hint="give a positive number")
    return _laplace_win(votes, votes.argmax(axis=1), scale)


def _laplace_win(votes: FloatArray, winner: IntArray, scale: float) -> FloatArray:
    rows = np.arange(len(votes))
    lead = (votes[rows, winner][:, None] - votes) / scale
    if votes.shape[1] == 2:  # noqa: PLR2004 (two classes)
        ahead = lead[rows, 1 - winner]
        flip = laplace_flip_probability(np.abs(ahead), 1.0)
        return np.where(ahead >= 0, 1.0 - flip, flip)
    return np.array([_laplace_keep(np.delete(lead[i], winner[i])) for i in rows])


def _laplace_keep(lead: FloatArray) -> float:
    """Return the integral of e^-|u|/2 prod F(lead + u): kinks lie at 0 and at -lead."""
    kinks = np.unique(np.clip(np.concatenate([[-_FAR, 0.0, _FAR], -lead]), -_FAR, _FAR))
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    total = 0.0
    for low, high in itertools.pairwise(kinks):
        pieces = max(1, math.ceil((high - low) / _WIDTH))
        edges = np.linspace(low, high, pieces + 1)
        half = 0.5 * np.diff(edges)[:, None]
        u = edges[:-1, None] + half * (1.0 + nodes)
        below = _laplace_cdf(lead + u[:, :, None]).prod(axis=2)
        total += float(np.sum(half * weights * 0.5 * np.exp(-np.abs(u)) * below))
    return total


def _laplace_cdf(t: FloatArray) -> FloatArray:
    tail = 0.5 * np.exp(-np.abs(t))
    return np.where(t < 0, tail, 1.0 - tail)


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
