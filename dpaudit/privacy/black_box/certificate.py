"""The largest epsilon that a given number of runs can show of a mechanism.

Some runs look for the pair of inputs and the event that tell it best; new runs check how good
the best few really are; and new ones again, many more, measure the best event alone. Nothing is
chosen and measured on the same runs, so that the bound needs no correction.

References
----------
Bichsel, Steffen, Bogunovic and Vechev (2021), DP-Sniper: black-box discovery of differential
privacy violations using classifiers, IEEE S&P (search, then a Clopper-Pearson bound on new runs).
METHODS-attacks 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np
from scipy import special

from dpaudit.errors import UsageError
from dpaudit.model.arrays import BoolArray, FloatArray
from dpaudit.privacy.black_box.claim import Claim, sentence
from dpaudit.privacy.black_box.inputs import InputPair
from dpaudit.privacy.black_box.scores import Score
from dpaudit.privacy.black_box.sequential import FIRST, PairAudit, Runner
from dpaudit.privacy.gdp import gaussian_epsilon, mu_lower_bound
from dpaudit.stats.audits import Certificate, epsilon_lower_bound, largest_certificate

CHUNK = 100_000
"""Runs that are made at once."""

LEARN = 262_144
"""Pairs of runs that scores learn from, at most: more are better spent on rare events."""

_GLANCE, _FINALISTS = 0.5, 2
"""Share of the search that looks over all inputs, and how many are looked at closely."""

_CANDIDATES = 12
_THRESHOLDS = 400
_CAUTION = 2.0


@attrs.frozen(kw_only=True, eq=False)
class Event:
    """Outputs that a score puts beyond a threshold: likelier on one side than on the other.

    Parameters
    ----------
    pair
        The inputs.
    score
        That is learned and no longer changed.
    threshold
        Of the score: beyond it an output counts.
    flipped
        Whether those below count, and the second input is the likely one.
    """

    pair: InputPair
    score: Score
    threshold: float
    flipped: bool

    def contains(self, outputs: FloatArray) -> BoolArray:
        """Return which outputs are in the event, shape (n,)."""
        logit = self.score.logit(outputs)
        return np.asarray(logit <= self.threshold if self.flipped else logit >= self.threshold)


@attrs.frozen(kw_only=True)
class Measured:
    """What the last runs showed.

    Parameters
    ----------
    event
        That was measured.
    hits, false
        How often it happened on its likely and on its unlikely side.
    certificate
        The Clopper-Pearson bound.
    gaussian
        Lower bound of epsilon if the trade-off curve is *assumed* to be that of Gaussian noise;
        ``None`` where delta is 0, at which Gaussian noise has no epsilon.
    searched
        Pairs of runs that looked for the event, beside those that measured it.
    """

    event: Event
    hits: int
    false: int
    certificate: Certificate
    gaussian: float | None
    searched: int

    def sentence(self, claim: Claim) -> str:
        """Return the verdict on a claim in words."""
        found = self.certificate
        return sentence(
            found.verdict(claim.epsilon), claim, found.confidence,
            runs=found.runs + self.searched, largest=found.largest,
        )  # fmt: skip


def certified(
    runner: Runner,
    pairs: Sequence[InputPair],
    *,
    runs: int,
    search: int,
    delta: float = 0.0,
    risk: float = 0.05,
    seed: int = 0,
) -> Measured:
    """Return the largest epsilon that ``runs`` of the mechanism on each side show.

    Parameters
    ----------
    runner
        The mechanism.
    pairs
        Neighbouring inputs to look at.
    runs
        Pairs of runs that measure.
    search
        Pairs of runs that look for the event, over all inputs.
    delta
        That is granted to the mechanism, in [0, 1).
    risk
        Probability that the bound is too high, in (0, 1).
    seed
        Of all random numbers.

    Raises
    ------
    UsageError
        If there are no inputs or too few runs.
    """
    each = search // max(len(pairs), 1)
    if not pairs or runs < 1 or each < 4 * FIRST:
        raise UsageError(
            f"{runs!r} runs, and {search!r} to look over {len(pairs)} pairs of inputs",
            hint=f"give one pair at least, and {4 * FIRST} runs to look over each",
        )
    aims = _Aims(runs=runs, delta=delta, risk=risk)
    best = _best(runner, pairs, search, seed, aims)
    hits, false = measured(runner, best, runs, (seed, 2))
    return Measured(
        event=best,
        hits=hits,
        false=false,
        certificate=Certificate(
            epsilon=aims.bound(hits, false, runs),
            delta=delta,
            confidence=1.0 - risk,
            largest=largest_certificate(runs, risk, delta),
            runs=runs,
        ),
        gaussian=_gaussian(hits, false, runs, delta, risk),
        searched=search,
    )


def _best(runner: Runner, pairs: Sequence[InputPair], search: int, seed: int, aims: _Aims) -> Event:
    """Look over all inputs with some of the runs, and over the best few with the others."""
    if len(pairs) <= _FINALISTS:
        finalists, left = list(pairs), search
    else:
        first = max(int(_GLANCE * search) // len(pairs), 4 * FIRST)
        glances = [
            max(_searched(runner, pair, first, (seed, 0, number), aims), key=lambda item: item[0])
            for number, pair in enumerate(pairs)
        ]
        glances.sort(key=lambda item: -item[0])
        finalists = [event.pair for _, event in glances[:_FINALISTS]]
        left = max(search - first * len(pairs), 0)
    each = max(left // len(finalists), 4 * FIRST)
    found: list[tuple[float, Event]] = []
    for number, pair in enumerate(finalists):
        found += _searched(runner, pair, each, (seed, 1, number), aims)
    return max(found, key=lambda item: item[0])[1]


def measured(runner: Runner, event: Event, runs: int, seed: Sequence[int]) -> tuple[int, int]:
    """Return how often an event happens on its likely and on its unlikely side.

    Parameters
    ----------
    runs
        Of each side.
    seed
        Numbers that no other runs have.
    """
    sides = (event.pair.ours, event.pair.theirs)
    counts = [0, 0]
    for chunk in range(-(-runs // CHUNK)):
        size = min(CHUNK, runs - chunk * CHUNK)
        for side, given in enumerate(sides):
            stream = np.random.SeedSequence(tuple(seed), spawn_key=(chunk, side))
            rng = np.random.Generator(np.random.SFC64(stream))
            counts[side] += int(event.contains(runner(given, size, rng)).sum())
    return (counts[1], counts[0]) if event.flipped else (counts[0], counts[1])


@attrs.frozen(kw_only=True)
class _Aims:
    """What the search looks for: a large bound at the end."""

    runs: int
    delta: float
    risk: float

    def bound(self, hits: int, false: int, runs: int) -> float:
        return epsilon_lower_bound(
            hits=hits, members=runs, false=false, others=runs, risk=self.risk, delta=self.delta
        )

    def expected(self, hits: FloatArray, false: FloatArray, runs: int) -> FloatArray:
        """Return the bounds to expect of so many hits in the search, rather too small.

        Rates are moved by two standard errors, since the best of many looks better than it is.
        """
        p, q = (hits + 0.5) / (runs + 1.0), (false + 0.5) / (runs + 1.0)
        p = np.maximum(p - _CAUTION * np.sqrt(p * (1.0 - p) / runs), 0.0)
        q = q + _CAUTION * np.sqrt(q * (1.0 - q) / runs) * (false > 0)
        q = np.minimum(q, 1.0)
        low = special.betaincinv(
            np.maximum(p * self.runs, 1e-9), (1 - p) * self.runs + 1, self.risk / 2
        )
        high = special.betainccinv(
            q * self.runs + 1, np.maximum((1 - q) * self.runs, 1e-9), self.risk / 2
        )
        with np.errstate(divide="ignore"):
            return np.where(
                low > self.delta, np.log(np.maximum(low - self.delta, 1e-300) / high), 0.0
            )


def _searched(
    runner: Runner, pair: InputPair, runs: int, seed: Sequence[int], aims: _Aims
) -> list[tuple[float, Event]]:
    """Learn on some of the runs; choose events on others, and check them on the rest."""
    audit = PairAudit(runner, pair, np.zeros(1), seed=(*seed, 0))
    while audit.pairs + audit.next_round() <= min(max(runs // 2, 2 * FIRST), LEARN):
        audit.advance(audit.next_round())
    if audit.drawn is not None:
        for bettor in audit.bettors:
            bettor.score.learn(*audit.drawn)
    quarter = max((runs - audit.pairs) // 2, FIRST)
    choose = PairAudit(runner, pair, np.zeros(1), seed=(*seed, 1), scores=())
    choose.advance(quarter)
    check = PairAudit(runner, pair, np.zeros(1), seed=(*seed, 2), scores=())
    check.advance(quarter)
    events: list[tuple[float, Event]] = []
    for bettor in audit.bettors:
        events += _events(bettor.score, pair, choose.drawn, aims)
    events.sort(key=lambda item: -item[0])
    checked = []
    for _, event in events[:_CANDIDATES]:
        counts = [float(event.contains(side).sum()) for side in check.drawn or ()]
        hits, false = counts[::-1] if event.flipped else counts
        found = aims.expected(np.array([hits]), np.array([false]), quarter)
        checked.append((float(found[0]), event))
    return checked


def _events(
    score: Score,
    pair: InputPair,
    outputs: tuple[FloatArray, FloatArray] | None,
    aims: _Aims,
) -> list[tuple[float, Event]]:
    """Return the best event of each side that a score has, with the bound to expect."""
    if outputs is None:
        return []
    ours, theirs = sides = [np.sort(score.logit(side)) for side in outputs]
    every = np.unique(np.concatenate([ours, theirs]))
    if every.size > _THRESHOLDS:
        tails = np.geomspace(1.0 / every.size, 0.5, _THRESHOLDS // 2)
        every = np.unique(np.quantile(every, np.concatenate([tails, 1.0 - tails])))
    found = []
    for flipped in (False, True):
        below = [np.searchsorted(x, every, side="right" if flipped else "left") for x in sides]
        counts = [float(ours.size) * (not flipped) + (1 if flipped else -1) * at for at in below]
        hits, false = (
            np.asarray(c, dtype=np.float64) for c in (counts[::-1] if flipped else counts)
        )
        expected = aims.expected(hits, false, ours.size)
        at = int(expected.argmax())
        event = Event(pair=pair, score=score, threshold=float(every[at]), flipped=flipped)
        found.append((float(expected[at]), event))
    return found


def _gaussian(hits: int, false: int, runs: int, delta: float, risk: float) -> float | None:
    if not delta:
        return None
    mu = mu_lower_bound(false, runs, runs - hits, runs, risk)
    return gaussian_epsilon(mu, delta) if math.isfinite(mu) else None
