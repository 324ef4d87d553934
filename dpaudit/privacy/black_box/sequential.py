"""One pair of inputs audited round by round: guess from the past, bet, and learn.

Wealth is averaged over the library of scores (each has its share of the risk), so that trying
much costs the logarithm of how much is tried.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from scipy import special

from dpaudit.errors import PluginError
from dpaudit.model.arrays import FloatArray
from dpaudit.privacy.black_box.inputs import InputPair
from dpaudit.privacy.black_box.kept import Kept
from dpaudit.privacy.black_box.library import library
from dpaudit.privacy.black_box.scores import Score
from dpaudit.stats.betting import Book, Wealth

Runner: TypeAlias = Callable[[FloatArray, int, np.random.Generator], FloatArray]
"""From an input (d,) and n to n outputs, shape (n, k), independent."""

FIRST = 64
"""Pairs of the first round, of which is only learned."""

_STEP, _MOST = 0.125, 20.0
_LEVELS = 2 * int(_MOST / _STEP) + 1
_TRUST = 8.0
"""Guesses that a prediction is worth against how guesses of its level turned out."""


class Bettor:
    """One score, what its guesses were worth so far, and the wealth made with them.

    Parameters
    ----------
    score
        Learns from the past.
    epsilons, delta
        Claims that are bet against.
    """

    def __init__(self, score: Score, epsilons: FloatArray, delta: float) -> None:
        self.score = score
        self.wealth = Wealth(epsilons, delta)
        self._seen = np.zeros((2, _LEVELS))
        self._last: tuple[FloatArray, FloatArray] | None = None

    def bet(self, ours: FloatArray, theirs: FloatArray) -> None:
        """Learn from the outputs before these; guess, bet, and note how it turned out."""
        if self._last is not None:
            self.score.learn(*self._last)
        self._last = (ours, theirs)
        counts = np.stack([self._levels(ours), self._levels(theirs)])
        self.wealth.bet(self._book(), *counts)
        self._seen += counts

    def _levels(self, outputs: FloatArray) -> FloatArray:
        place = np.rint(np.clip(self.score.logit(outputs), -_MOST, _MOST) / _STEP)
        return np.bincount(place.astype(np.int64) + _LEVELS // 2, minlength=_LEVELS).astype(
            np.float64
        )

    def _book(self) -> Book:
        centre = (np.arange(_LEVELS) - _LEVELS // 2) * _STEP
        own, other = np.where(centre > 0, self._seen, self._seen[::-1])
        predicted = special.expit(np.abs(centre))
        right = (own + _TRUST * predicted) / (own + other + _TRUST)
        total = self._seen.sum(axis=1, keepdims=True)
        rates = (self._seen + 0.5 / _LEVELS) / (total + 0.5) if total.min() > 0 else None
        sign = np.sign(centre) * (right > 0.5)  # noqa: PLR2004 - a guess worse than a toss
        return Book(sign=sign, right=np.minimum(right, 1.0 - 1e-12), rates=rates)


class PairAudit:
    """The audit of one pair of inputs.

    Parameters
    ----------
    runner
        The mechanism.
    pair
        The inputs.
    epsilons, delta
        Claims that are bet against, rising.
    seed
        Numbers that no other pair has.
    scores
        Instead of the whole library.
    first
        Pairs of the first round.
    growth
        Pairs of each later round over all before it. Small rounds learn sooner and cost more.
    kept
        Outputs that were drawn before, and where new ones are kept.
    """

    def __init__(
        self,
        runner: Runner,
        pair: InputPair,
        epsilons: FloatArray,
        delta: float = 0.0,
        *,
        seed: Sequence[int] = (0,),
        scores: Sequence[Score] | None = None,
        first: int = FIRST,
        growth: float = 1.0,
        kept: Kept | None = None,
    ) -> None:
        self.pair, self._runner, self._seed = pair, runner, tuple(seed)
        self._first, self._growth, self._kept = first, growth, kept
        tried = library(pair.ours, pair.theirs) if scores is None else scores
        self.bettors = [Bettor(score, epsilons, delta) for score in tried]
        self.pairs = self.rounds = 0
        self.drawn: tuple[FloatArray, FloatArray] | None = None

    def advance(self, pairs: int) -> None:
        """Draw so many pairs of outputs, bet on them and learn from them.

        Raises
        ------
        PluginError
            If the mechanism does not return as many outputs as it was asked for.
        """
        self.settle(self._drawn(0, pairs), self._drawn(1, pairs))

    def settle(self, ours: FloatArray, theirs: FloatArray) -> None:
        """Bet on pairs of outputs that were drawn already, shape (n, k) each, then learn."""
        for bettor in self.bettors:
            bettor.bet(ours, theirs)
        self.pairs += len(ours)
        self.rounds += 1
        self.drawn = (ours, theirs)

    def next_round(self) -> int:
        """Return how many pairs come next."""
        return max(1, math.ceil(self._growth * self.pairs)) if self.pairs else self._first

    def log_wealth(self) -> FloatArray:
        """Return the log of the average wealth over the library, shape (E,)."""
        each = np.stack([bettor.wealth.log() for bettor in self.bettors])
        return special.logsumexp(each, axis=0) - math.log(len(self.bettors))

    def best(self, claim: int = 0) -> str:
        """Return the name of the score that made most against a claim."""
        return max(self.bettors, key=lambda bettor: bettor.wealth.log()[claim]).score.name

    def _drawn(self, side: int, runs: int) -> FloatArray:
        name = (*self._seed, self.rounds, side)
        known = self._kept.read(name, runs) if self._kept is not None else None
        if known is not None:
            return known
        stream = np.random.SeedSequence(self._seed, spawn_key=(self.rounds, side))
        rng = np.random.Generator(np.random.SFC64(stream))
        given = self.pair.theirs if side else self.pair.ours
        outputs = np.asarray(self._runner(given, runs, rng), dtype=np.float64)
        if outputs.ndim != 2 or len(outputs) != runs or not outputs.shape[1]:  # noqa: PLR2004
            raise PluginError(
                f"the mechanism returns shape {outputs.shape} for {runs} runs",
                hint="return an array with one row for each run",
            )
        if self._kept is not None:
            self._kept.write(name, outputs)
        return outputs
