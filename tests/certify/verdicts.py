"""Nulls and planted effects of every kind of verdict."""

from __future__ import annotations

import math

import attrs
import numpy as np
from certificate import Certificate, Counted
from scipy import special

from dpaudit.engine.attacks.verdicts import verdict_of
from dpaudit.model.attack import LEAST_EXCESS
from dpaudit.model.estimate import Estimate
from dpaudit.report.changes import compared
from dpaudit.report.thresholds import size
from dpaudit.stats.audits import epsilon_lower_bound, ranked_certificate
from dpaudit.stats.bands import band
from dpaudit.stats.betting import Book, Wealth
from dpaudit.stats.moments import Moments
from dpaudit.stats.one_run import Guesses, p_value
from dpaudit.stats.planning import first_answer, looks
from dpaudit.stats.replicates import over_replicates, spread_p_value

LEVEL, RISK, DRAWS, ENTITIES = 0.95, 0.05, 64, 20


def banded(rows: np.ndarray) -> Estimate:
    return band(Moments.of(rows), LEVEL, draws=len(rows), method="simulated")


def differences(seed: int, nulls: int) -> Counted:
    """An entity is called higher or lower; the control calls whoever is 1.96 errors away."""
    wrong = control = found = 0
    for rows in np.random.default_rng(seed).normal(size=(nulls, DRAWS, ENTITIES)):
        made = banded(rows)
        wrong += bool(((made.low > 0) | (made.high < 0)).any())
        error = rows.std(axis=0, ddof=1) / math.sqrt(DRAWS)
        control += bool((np.abs(rows.mean(axis=0)) > 1.96 * error).any())
        found += bool(made.low[0] + 0.6 > 0)
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def broken(seed: int, nulls: int) -> Counted:
    """A threshold is called broken where biases are exactly that large."""
    limit = 1.0
    signs = np.resize([limit, -limit], ENTITIES)
    wrong = control = found = 0
    for rows in np.random.default_rng(seed).normal(size=(nulls, DRAWS, ENTITIES)):
        wrong += bool(size(banded(rows + signs)).low.max() > limit)
        control += bool(np.abs((rows + signs).mean(axis=0)).max() > limit)
        found += bool(size(banded(rows + 1.6 * signs)).low.max() > limit)
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def kept(seed: int, nulls: int) -> Counted:
    """A threshold is called kept where one bias is a hair beyond it."""
    limit, one = 1.0, np.eye(ENTITIES)[0] * 1.000001
    wrong = control = found = 0
    for rows in np.random.default_rng(seed).normal(size=(nulls, DRAWS, ENTITIES)):
        wrong += bool(size(banded(rows + one)).high.max() <= limit)
        control += bool(np.abs((rows + one).mean(axis=0)).max() <= limit)
        found += bool(size(banded(rows)).high.max() <= limit)
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def exposures(seed: int, nulls: int) -> Counted:
    """An attack is called exposing that is above its baseline by what does not count."""
    rng = np.random.default_rng(seed)
    none = over_replicates(rng.normal(0.0, 0.05, (20, nulls)), 1.0 - 2e-5)
    wrong = control = found = 0
    excess = LEAST_EXCESS + rng.normal(0.0, 0.05, (nulls, 20))
    for number, rows in enumerate(excess):
        null = none[number]
        for shift in (0.0, 0.05):
            made = over_replicates(rows + shift, LEVEL)
            told = verdict_of(excess=made, null=null, exact=None, replicates=20)[0] == "exposed"
            wrong, found = wrong + (told and not shift), found + (told and bool(shift))
        people = np.resize(rows, 1000)  # each release's people taken for independent
        narrow = over_replicates(people, LEVEL)
        control += verdict_of(excess=narrow, null=null, exact=None, replicates=20)[0] == "exposed"
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def certificates(seed: int, nulls: int) -> Counted:
    """A mechanism is said to lose more than nothing; the control pays for one threshold of many."""
    rng = np.random.default_rng(seed)
    wrong = control = found = 0
    for members, others in rng.normal(size=(nulls, 2, 200)):
        wrong += ranked_certificate(members, others, RISK).epsilon > 0
        control += best_of_all(members, others) > 0
        found += ranked_certificate(members + 1.5, others, RISK).epsilon > 0
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def best_of_all(members: np.ndarray, others: np.ndarray) -> float:
    hits = np.array([(members >= t).sum() for t in members[::4]])
    false = np.array([(others >= t).sum() for t in members[::4]])
    return max(
        epsilon_lower_bound(hits=int(a), members=200, false=int(b), others=200, risk=2 * RISK)
        for a, b in zip(hits, false, strict=True)
    )


def fixed_thresholds(seed: int, nulls: int) -> Counted:
    """The same with a threshold that was fixed before, at the randomised response of a claim."""
    rng, p = np.random.default_rng(seed), float(special.expit(0.5))
    wrong = control = found = 0
    for hits, false, more in zip(
        rng.binomial(500, p, nulls),
        rng.binomial(500, 1 - p, nulls),
        rng.binomial(500, 0.8, nulls),
        strict=True,
    ):
        sides = {"members": 500, "false": int(false), "others": 500, "risk": RISK}
        wrong += epsilon_lower_bound(hits=int(hits), **sides) > 0.5
        control += math.log(max(hits, 1) / max(false, 1)) > 0.5
        found += epsilon_lower_bound(hits=int(more), **sides) > 0.5
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def one_runs(seed: int, nulls: int) -> Counted:
    """A true claim is refuted by canaries of one run; the control tests a smaller claim."""
    rng = np.random.default_rng(seed)

    def refuted(epsilon: float, claim: float) -> int:
        right = rng.binomial(200, special.expit(epsilon), nulls)
        made = (Guesses(canaries=200, guessed=200, right=int(v)) for v in right)
        return sum(p_value(one, claim) < RISK for one in made)

    return Counted(
        wrong=refuted(1.0, 1.0), control=refuted(1.0, 0.3), found=refuted(2.0, 1.0), tried=nulls
    )


def bets(seed: int, nulls: int) -> Counted:
    """A true claim is refuted by bets, looked at after each of four rounds."""
    rng = np.random.default_rng(seed)
    return Counted(
        wrong=sum(refuted_by_bets(0.5, 0.5, rng) for _ in range(nulls)),
        control=sum(refuted_by_bets(0.0, 0.5, rng) for _ in range(nulls)),
        found=sum(refuted_by_bets(0.5, 1.5, rng) for _ in range(nulls)),
        tried=nulls,
    )


def refuted_by_bets(claimed: float, true: float, rng: np.random.Generator) -> bool:
    """Bet on the mechanism that loses exactly what is true."""
    p = float(special.expit(true))
    ours = np.array([p, 1.0 - p])
    book = Book(sign=np.array([1.0, -1.0]), right=np.full(2, p),
                rates=np.stack([ours, ours[::-1]]))  # fmt: skip
    wealth, best = Wealth(np.array([claimed])), -math.inf
    for _ in range(4):
        counts = [rng.multinomial(100, law).astype(np.float64) for law in (ours, ours[::-1])]
        wealth.bet(book, *counts)
        best = max(best, float(wealth.log()[0]))
    return best >= -math.log(RISK)


def permutations(seed: int, nulls: int) -> Counted:
    """Groups that are alike are said to differ; the control leaves undefined permutations out."""
    rng = np.random.default_rng(seed)
    wrong = control = found = 0
    for _ in range(nulls):
        own, drawn = rng.normal(size=(1, 4)), rng.normal(size=(1, 99, 4))
        planted = spread_p_value(np.array([[4.0, 0.0, 0.0, -4.0]]), drawn)
        drawn[rng.random(drawn.shape) < 0.4] = np.nan
        wrong += spread_p_value(own, drawn) <= RISK
        found += planted <= RISK
        bare = np.nan_to_num(drawn[0], nan=-9e9).max(1) - np.nan_to_num(drawn[0], nan=9e9).min(1)
        control += int(np.count_nonzero(bare >= np.ptp(own))) < 100 * RISK
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def planned_looks(seed: int, nulls: int) -> Counted:
    """A run that is looked at seven times answers though the truth is the threshold."""
    rng, plan = np.random.default_rng(seed), looks(50, 3200, LEVEL)
    draws = np.array([look.draws for look in plan])
    error = 1.0 / np.sqrt(draws)
    wrong = control = found = 0
    for _ in range(nulls):
        mean = np.cumsum(rng.normal(size=draws[-1]))[draws - 1] / draws

        def answered(level: float, shift: float = 0.0, mean: np.ndarray = mean) -> bool:
            reach = special.ndtri(0.5 + 0.5 * level) * error
            ends = np.stack([mean + shift - reach, mean + shift + reach], axis=1)
            return first_answer(ends, 0.0) is not None

        wrong += answered(plan[0].confidence)
        control += answered(LEVEL)
        found += answered(plan[0].confidence, 0.1)
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def changes(seed: int, nulls: int) -> Counted:
    """Two reports on other seeds are said to differ; the control compares standard errors."""
    rng = np.random.default_rng(seed)
    wrong = control = found = 0
    for first, second in rng.normal(size=(nulls, 2, DRAWS, ENTITIES)):
        before, after = banded(first), banded(second)
        wrong += changed(before, after)
        found += changed(before, banded(second + 2.0 * np.eye(ENTITIES)[0]))
        narrow = [
            attrs.evolve(one, low=one.value - half, high=one.value + half)
            for one, half in ((before, 1 / math.sqrt(DRAWS)), (after, 1 / math.sqrt(DRAWS)))
        ]
        control += changed(*narrow)
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def changed(before: Estimate, after: Estimate) -> bool:
    """Return whether ``dpaudit compare`` sees a change."""
    same = {"task": "t", "quantity": "bias", "group": "", "per": "total", "unit": "u", "audit": "b"}

    def rows(made: Estimate) -> list[dict[str, object]]:
        ends = zip(made.value.tolist(), made.low.tolist(), made.high.tolist(), strict=True)
        return [{**same, "entity": str(i), "value": v, "low": a, "high": b}
                for i, (v, a, b) in enumerate(ends)]  # fmt: skip

    return bool(compared(rows(before), rows(after)).changed)


def made() -> tuple[Certificate, ...]:
    """Return the rows, each with a seed of its own."""
    alike = "nobody differs"
    rows = [
        ("*higher* or *lower*, of any entity", alike, "1.96 errors for each", "0.6 sd on one",
         differences, 0.05),
        ("*not met*", "every bias as large as the threshold", "the estimate is over it",
         "1.6 times the threshold", broken, 0.05),
        ("*met*", "one bias just over the threshold", "the estimate is under it", alike, kept,
         0.05),
        ("*exposed*", "an attack at the least excess that counts",
         "people counted as independent", "0.05 above it, noise 0.05", exposures, 0.025),
        ("a certificate of ε, threshold found", "ε = 0",
         "the best threshold, paid for once", "scores 1.5 sd apart", certificates, 0.05),
        ("a certificate of ε, threshold fixed", "ε = 0.5, exactly",
         "the ratio of frequencies", "80 percent right", fixed_thresholds, 0.05),
        ("*violates*, canaries of one run", "ε = 1, exactly", "a claim of 0.3",
         "ε = 2", one_runs, 0.05),
        ("*violates*, bets after every round", "ε = 0.5, exactly", "a claim of 0",
         "ε = 1.5", bets, 0.05),
        ("groups differ in an attack", "four groups alike",
         "undefined permutations left out", "8 sd apart", permutations, 0.05),
        ("an answer before the last draw", "the truth is the threshold",
         "every look at the full level", "0.1 sd away", planned_looks, 0.05),
        ("*changed* between two reports", "the same audit, other seeds",
         "standard errors for intervals", "2 sd on one entity", changes, 0.05),
    ]  # fmt: skip
    return tuple(
        Certificate(name=name, kind="verdict", null=null, control=control, planted=planted,
                    count=count, seed=500_000 + 10_000 * number, nominal=nominal)
        for number, (name, null, control, planted, count, nominal) in enumerate(rows)
    )  # fmt: skip
