"""A privacy claim audited on many pairs of inputs: stop, peek and resume whenever you like.

Every pair of inputs is tried; those that show least are given up one by one. What was made or lost
on them still counts, so that the verdict holds at the stated confidence whatever was tried, and
whenever one stops.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np
from scipy import special

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.privacy.black_box.inputs import InputPair
from dpaudit.privacy.black_box.kept import Kept
from dpaudit.privacy.black_box.sequential import FIRST, PairAudit, Runner
from dpaudit.stats.audits import AuditVerdict
from dpaudit.stats.betting import Book, Wealth

PILOT = 512
"""Pairs of outputs after which half of the pairs of inputs are given up, round by round."""

_GRID = np.concatenate(
    [np.arange(0.0, 1.0, 0.02), np.arange(1.0, 5.0, 0.1), np.arange(5.0, 16.1, 0.25)]
)
_SURE = 1.0 - 1e-12
_STEPS = 60


@attrs.frozen(kw_only=True)
class Claim:
    """What a mechanism promises.

    Parameters
    ----------
    epsilon
        Non-negative and finite.
    delta
        In [0, 1).

    Raises
    ------
    UsageError
        If a number is out of range.
    """

    epsilon: float
    delta: float = 0.0

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.epsilon < math.inf or not 0 <= self.delta < 1:
            raise UsageError(
                f"a claim of epsilon {self.epsilon!r} and delta {self.delta!r} cannot be refuted",
                hint="give a finite epsilon of 0 or more, and a delta from 0 to below 1",
            )


@attrs.frozen(kw_only=True)
class Result:
    """What an audit of a claim has shown so far.

    Parameters
    ----------
    claim
        That was audited.
    confidence
        Probability that what is said of the claim, and the bound, are right.
    verdict
        ``violates`` or ``not refuted``; never that a mechanism is private.
    epsilon
        Lower bound of epsilon at the delta of the claim; where that is refuted, the claim at
        least. The verdict and the bound each hold at the confidence.
    largest
        The most that so many runs could have certified.
    runs
        Pairs of outputs on all pairs of inputs.
    inputs, score
        The pair of inputs that shows most against the claim, and by what.
    """

    claim: Claim
    confidence: float
    verdict: AuditVerdict
    epsilon: float
    largest: float
    runs: int
    inputs: InputPair
    score: str

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        return sentence(
            self.verdict, self.claim, self.confidence, runs=self.runs, largest=self.largest
        )


def sentence(
    verdict: AuditVerdict, claim: Claim, confidence: float, *, runs: int, largest: float
) -> str:
    """Return a verdict in the words that every audit of a claim uses."""
    if verdict == "violates":
        return f"violates ({claim.epsilon:g}, {claim.delta:g}) at confidence {confidence:g}"
    return f"not refuted with {runs} runs; could have certified at most {largest:.3g}"


class ClaimAudit:
    """Audits a claim round by round.

    Parameters
    ----------
    runner
        The mechanism: from an input (d,), n and a generator to n outputs, shape (n, k).
    pairs
        Neighbouring inputs to try.
    claim
        What is promised.
    risk
        Probability of a false verdict, in (0, 1).
    seed
        Of all random numbers.
    bounds
        Look for a lower bound of epsilon as well, and not only at the claim.
    kept
        Outputs that were drawn before, and where new ones are kept.

    Raises
    ------
    UsageError
        If there are no pairs, or the risk is out of range.

    Examples
    --------
    >>> def too_little_noise(x, runs, rng):
    ...     return np.rint(x + rng.laplace(0.0, 0.5, (runs, x.size)))
    >>> pair = InputPair(name="0 or 1", ours=[0.0], theirs=[1.0])
    >>> audit = ClaimAudit(too_little_noise, [pair], Claim(epsilon=0.5))
    >>> audit.run(4096).sentence
    'violates (0.5, 0) at confidence 0.95'
    """

    def __init__(
        self,
        runner: Runner,
        pairs: Sequence[InputPair],
        claim: Claim,
        *,
        risk: float = 0.05,
        seed: int = 0,
        bounds: bool = True,
        kept: Kept | None = None,
    ) -> None:
        if not pairs or not 0 < risk < 1:
            raise UsageError(
                f"{len(pairs)} pairs of inputs at risk {risk!r}",
                hint="give one pair at least, and a risk between 0 and 1",
            )
        self.claim, self.risk = claim, risk
        own = np.array([claim.epsilon])
        self._epsilons = np.unique(np.concatenate([_GRID, own])) if bounds else own
        self._at = int(np.searchsorted(self._epsilons, claim.epsilon))
        self.audits = [
            PairAudit(runner, pair, self._epsilons, claim.delta, seed=(seed, number), kept=kept)
            for number, pair in enumerate(pairs)
        ]
        self._live = list(range(len(pairs)))
        self._most = np.zeros(self._epsilons.size)

    @property
    def pairs(self) -> int:
        """Pairs of outputs so far, on all inputs."""
        return sum(audit.pairs for audit in self.audits)

    @property
    def refuted(self) -> bool:
        """Whether the claim is refuted by now."""
        return bool(self._most[self._at] >= -math.log(self.risk))

    def planned(self) -> int:
        """Return how many pairs of outputs the next round takes."""
        return sum(self.audits[number].next_round() for number in self._live)

    def advance(self, most: int | None = None) -> None:
        """Play one round on every pair of inputs that is left, of ``most`` pairs of outputs."""
        share = self.planned() if most is None else most // len(self._live)
        for number in self._live:
            audit = self.audits[number]
            audit.advance(min(audit.next_round(), share))
        self._settle()

    def _settle(self) -> None:
        """Note the wealth after a round, and give up what shows least."""
        self._most = np.maximum(self._most, self.log_wealth())
        if len(self._live) > 1 and self.audits[self._live[0]].pairs >= PILOT:
            ranked = sorted(self._live, key=self._promise, reverse=True)
            self._live = sorted(ranked[: (len(ranked) + 1) // 2])

    def log_wealth(self) -> FloatArray:
        """Return the log of the average wealth over all inputs, shape (E,)."""
        each = np.stack([audit.log_wealth() for audit in self.audits])
        return special.logsumexp(each, axis=0) - math.log(len(each))

    def run(self, most: int, *, stop: bool = True) -> Result:
        """Play rounds until the claim is refuted or ``most`` pairs of outputs are drawn.

        Parameters
        ----------
        most
            Pairs of outputs on all inputs.
        stop
            Whether to stop once the claim is refuted; otherwise the bound becomes sharper.
        """
        while not (stop and self.refuted) and (left := most - self.pairs) >= len(self._live):
            self.advance(left)
        return self.result()

    def result(self) -> Result:
        """Return what is known by now."""
        best = max(self.audits, key=lambda audit: audit.log_wealth()[self._at])
        return Result(
            claim=self.claim,
            confidence=1.0 - self.risk,
            verdict="violates" if self.refuted else "not refuted",
            epsilon=max(self._bound(), self.claim.epsilon if self.refuted else 0.0),
            largest=largest_bound(
                max(audit.pairs for audit in self.audits), self.risk, self.claim.delta
            ),
            runs=self.pairs,
            inputs=best.pair,
            score=best.best(self._at),
        )

    def _bound(self) -> float:
        """Return the last epsilon of those from 0 on that are all refuted.

        A bound above the truth would need that the next larger value of the grid, which is no
        violation, was refuted: this has the probability of a single false verdict.
        """
        kept = np.flatnonzero(self._most < -math.log(self.risk))
        first = int(kept[0]) if kept.size else self._epsilons.size
        return float(self._epsilons[first - 1]) if first else 0.0

    def _promise(self, number: int) -> float:
        return float(np.clip(self.audits[number].log_wealth(), -2.0, 10.0).sum())


def largest_bound(pairs: int, risk: float, delta: float = 0.0) -> float:
    """Return the largest epsilon that so many pairs of outputs can certify by betting.

    Of a mechanism whose outputs give the input away, and a bettor who knows it after the first
    round. With a pair of inputs given and a threshold fixed beforehand,
    :func:`dpaudit.stats.audits.largest_certificate` says the same of Clopper-Pearson bounds.

    Examples
    --------
    >>> round(largest_bound(1000, 0.05), 1)
    6.1
    """
    bet = pairs - FIRST
    book = Book(sign=np.array([1.0, -1.0]), right=np.array([_SURE, _SURE]), rates=np.eye(2))

    def certain(epsilon: float) -> bool:
        wealth = Wealth(np.array([epsilon]), delta)
        wealth.bet(book, np.array([bet, 0.0]), np.array([0.0, bet]))
        return bool(wealth.log()[0] >= -math.log(risk))

    if bet < 1 or not certain(0.0):
        return 0.0
    low, high = 0.0, 40.0
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if certain(middle) else (low, middle)
    return low
