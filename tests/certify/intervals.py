"""Nulls and planted effects of every kind of interval."""

from __future__ import annotations

import math

import numpy as np
from certificate import Certificate, Counted
from scipy import special

from dpaudit.engine.intervals import frequency
from dpaudit.engine.job import Job
from dpaudit.engine.tally import Controlled
from dpaudit.estimators.chain import Chain
from dpaudit.estimators.ladder import known
from dpaudit.model.dataset import Dataset
from dpaudit.model.estimate import Estimate
from dpaudit.model.plan import Task
from dpaudit.stats.bands import band, band_quantile
from dpaudit.stats.budget import smallest_budget
from dpaudit.stats.certificates import bounded_band, split_lower, widest_difference
from dpaudit.stats.moments import Moments
from dpaudit.stats.proportions import clopper_pearson
from dpaudit.stats.replicates import over_replicates
from dpaudit.stats.spread import Halves, alpha, cost_of_privacy, xi
from dpaudit.testing.trials import simulated
from dpaudit.training.group_estimates import (
    change_of_largest_difference,
    largest_difference,
    of_runs,
)
from dpaudit_plugins.decisions.allotment import Allotment
from dpaudit_plugins.mechanisms.laplace import Laplace
from dpaudit_plugins.postprocessors.non_negative import NonNegative

LEVEL, DRAWS, ENTITIES = 0.95, 64, 20
PLANTED = np.r_[-0.6, np.zeros(ENTITIES - 2), 0.6]
"""Biases of a planted effect, in standard deviations of one draw."""


def misses(found: Estimate, truth: object) -> bool:
    return not bool(np.all((found.low <= truth) & (truth <= found.high)))


def noise(seed: int, nulls: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(nulls, *shape))


def halves_of(rows: np.ndarray) -> tuple[Estimate, Halves]:
    first, second = Moments.of(rows[::2]), Moments.of(rows[1::2])
    parts = Halves(first=first, second=second, unseen=np.zeros(rows.shape[1]))
    return band(first + second, LEVEL, draws=len(rows), method="simulated"), parts


def bands(seed: int, nulls: int) -> Counted:
    """Of the biases of all entities together; the control forgets that there are many."""
    wrong = control = found = 0
    for rows in noise(seed, nulls, DRAWS, ENTITIES):
        moments = Moments.of(rows)
        wrong += misses(band(moments, LEVEL, draws=DRAWS, method="simulated"), 0.0)
        alone = band_quantile(LEVEL, 1, np.array([DRAWS - 1.0])) * moments.standard_error
        control += bool((np.abs(moments.mean) > alone).any())
        planted = band(Moments.of(rows + PLANTED), LEVEL, draws=DRAWS, method="simulated")
        found += bool(planted.high[0] < 0 < planted.low[-1])
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def controlled_bands(seed: int, nulls: int) -> Counted:
    """Of clipped shares, each audit with the control of known mean that the engine chooses."""
    rng = np.random.default_rng(seed)
    counts = np.round(np.exp(rng.normal(4.5, 1.2, 40)))
    names = tuple(map(str, range(40)))
    data = Dataset(
        source="made", digest="0" * 64, entities=names, names=names, counts=counts, columns={},
        status="public",
    )  # fmt: skip
    chain = Chain(counts=counts, mechanism=Laplace(epsilon=0.05), steps=(NonNegative(),))
    rule = Allotment(weights=np.round(rng.uniform(0.8, 1.2, 40), 2))
    task = Task(id="t", key="k", release="r", decision="d")
    job = Job.make(task, chain, rule, (), groupings={})
    truth = known(job.chain, job.structure).bias.value
    shrink = band_quantile(LEVEL, 1, np.array([255.0])) / band_quantile(
        LEVEL, 40, np.array([255.0])
    )
    wrong = control = found = 0
    for number in range(nulls):
        chosen = Controlled.choose(job, seed + number, data.digest)
        bias = simulated(chosen, seed + number, data).entity("bias")
        wrong += misses(bias, truth)
        width = 0.5 * (bias.high - bias.low) * shrink
        control += bool((np.abs(bias.value - truth) > width).any())
        found += bool((bias.low > 0).any())
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def alphas(seed: int, nulls: int) -> Counted:
    """Of the largest difference of biases; the control chooses and measures on the same draws."""
    wrong = control = found = 0
    for rows in noise(seed, nulls, DRAWS, ENTITIES):
        wrong += misses(alpha(*halves_of(rows)), 0.0)
        mean, error = rows.mean(axis=0), rows.std(axis=0, ddof=1) / math.sqrt(DRAWS)
        control += bool((mean - 1.65 * error).max() > (mean + 1.65 * error).min())
        found += bool(alpha(*halves_of(rows + PLANTED)).low > 0)
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def xis(seed: int, nulls: int) -> Counted:
    """Of each entity's largest difference to another; the control is the plain estimate."""
    truth = xi(Estimate.exact(PLANTED)).value
    wrong = control = found = 0
    for rows in noise(seed, nulls, DRAWS, ENTITIES):
        made = xi(*halves_of(rows + PLANTED))
        wrong += misses(made, truth)
        control += bool((made.value > truth).any())
        found += bool((np.asarray(made.low)[[0, -1]] > 0).all())
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def costs(seed: int, nulls: int) -> Counted:
    """Of the sum of losses; the control takes the sum of the losses that were seen for it."""
    wrong = control = found = 0
    for rows in noise(seed, nulls, DRAWS, ENTITIES):
        wrong += misses(cost_of_privacy(*halves_of(rows)), 0.0)
        losses = np.maximum(-rows, 0.0).mean(axis=0).sum()
        control += bool(losses - 1.96 * rows.std() * math.sqrt(ENTITIES / DRAWS) > 0)
        found += bool(cost_of_privacy(*halves_of(rows + PLANTED)).low > 0)
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def pairs(seed: int, nulls: int) -> Counted:
    """Of the largest difference from kept draws; the control chooses the pair on the same."""
    wrong = control = found = 0
    for rows in noise(seed, nulls, DRAWS, ENTITIES):
        wrong += misses(widest_difference(rows, LEVEL), 0.0)
        control += chosen_pair(rows) > 0
        found += bool(widest_difference(rows + PLANTED, LEVEL).low > 0)
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def splits(seed: int, nulls: int) -> Counted:
    """Of the largest difference, by two halves of the draws; the same control."""
    wrong = control = found = 0
    for rows in noise(seed, nulls, DRAWS, ENTITIES):
        wrong += split_lower(rows, LEVEL) > 0
        control += chosen_pair(rows) > 0
        found += split_lower(rows + 2.0 * PLANTED, LEVEL) > 0
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def chosen_pair(rows: np.ndarray) -> float:
    mean = rows.mean(axis=0)
    gap = rows[:, mean.argmax()] - rows[:, mean.argmin()]
    return float(gap.mean() - 1.65 * gap.std(ddof=1) / math.sqrt(len(gap)))


def bounded(seed: int, nulls: int) -> Counted:
    """Of rare events; the control is the normal band, to which what was not seen is certain."""
    rng, chance = np.random.default_rng(seed), 0.0005
    wrong = control = found = 0
    for _ in range(nulls):
        moments = Moments.of((rng.random((300, 10)) < chance).astype(np.float64))
        wrong += misses(bounded_band(moments, 0.0, 1.0, LEVEL), chance)
        control += misses(band(moments, LEVEL, draws=300, method="simulated"), chance)
        often = Moments.of((rng.random((300, 10)) < 0.2).astype(np.float64))
        found += bool((bounded_band(often, 0.0, 1.0, LEVEL).low > 0).all())
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def frequencies(seed: int, nulls: int) -> Counted:
    """Of how often outcomes change, for all entities together; the control is Wald's interval."""
    rng, chance = np.random.default_rng(seed), 0.004
    wrong = control = found = 0
    for _ in range(nulls):
        rows = (rng.random((512, 10)) < chance).astype(np.float64)
        moments = Moments.of(rows)
        wrong += misses(frequency(moments, LEVEL, draws=512), chance)
        reach = 2.8 * np.sqrt(moments.mean * (1.0 - moments.mean) / 512)
        control += bool((np.abs(moments.mean - chance) > reach).any())
        often = Moments.of((rng.random((512, 10)) < 0.1).astype(np.float64))
        found += bool((frequency(often, LEVEL, draws=512).low > chance).all())
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def shares(seed: int, nulls: int) -> Counted:
    """Of one probability (Clopper and Pearson); the control is Wald's interval."""
    rng, n, p = np.random.default_rng(seed), 50, 0.04
    hits = rng.binomial(n, p, nulls)
    low, high = clopper_pearson(hits, n, 0.025)
    mean = hits / n
    reach = 1.96 * np.sqrt(mean * (1.0 - mean) / n)
    planted = clopper_pearson(rng.binomial(n, 0.3, nulls), n, 0.025)[0]
    return Counted(
        wrong=int(np.sum((low > p) | (high < p))),
        control=int(np.sum(np.abs(mean - p) > reach)),
        found=int(np.sum(planted > p)),
        tried=nulls,
    )


def releases(seed: int, nulls: int) -> Counted:
    """Of an attack's rate over releases; the control takes people of one release for many."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(nulls, 20, 1))
    told = shared + rng.normal(size=(nulls, 20, 50))
    made = over_replicates((told > 0).mean(axis=2).T, LEVEL)
    planted = over_replicates((told + 1.2 > 0).mean(axis=2).T, LEVEL)
    flat = (told > 0).reshape(nulls, -1)
    half = 1.96 * flat.std(axis=1) / math.sqrt(flat.shape[1])
    return Counted(
        wrong=int(np.sum((made.low > 0.5) | (made.high < 0.5))),
        control=int(np.sum(np.abs(flat.mean(axis=1) - 0.5) > half)),
        found=int(np.sum(planted.low > 0.5)),
        tried=nulls,
    )


def trainings(seed: int, nulls: int) -> Counted:
    """Of a group's value over trainings; the control takes the normal quantile of few runs."""
    rng = np.random.default_rng(seed)
    wrong = control = found = 0
    for rows in rng.normal(size=(nulls, 4, 1)):
        wrong += misses(of_runs(rows, LEVEL), 0.0)
        control += bool(abs(rows.mean()) > 1.96 * rows.std(ddof=1) / 2.0)
        found += bool((of_runs(rows + 4.0, LEVEL).low > 0).all())
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def group_gaps(seed: int, nulls: int) -> Counted:
    """Of the largest difference of groups; the control chooses the pair on the same runs."""
    wrong = control = found = 0
    for rows in noise(seed, nulls, 30, 8):
        wrong += misses(largest_difference(rows, LEVEL), 0.0)
        control += chosen_pair(rows) > 0
        found += bool(largest_difference(rows + np.linspace(0, 1.5, 8), LEVEL).low > 0)
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def changed_gaps(seed: int, nulls: int) -> Counted:
    """Of the change of the largest difference; the control compares the pair chosen before."""
    wrong = control = found = 0
    for after, before in noise(seed, nulls, 2, 30, 40):
        wrong += misses(change_of_largest_difference(after, before, LEVEL), 0.0)
        mean = before.mean(axis=0)
        old, new = (rows[:, mean.argmax()] - rows[:, mean.argmin()] for rows in (before, after))
        control += misses(of_runs(np.sign(new.mean()) * new - old, LEVEL), 0.0)
        steps = np.linspace(0.0, 3.0, 40)
        narrowed = change_of_largest_difference(0.5 * steps + 0.1 * after, steps + 0.1 * before,
                                                LEVEL)  # fmt: skip
        found += bool(narrowed.high < 0)
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def budgets(seed: int, nulls: int) -> Counted:
    """Of the smallest budget that keeps a limit; the control's harms have too narrow intervals."""
    rng, exact = np.random.default_rng(seed), math.log(0.5 / 0.05) / 12.0

    def harm(careless: float | None):
        def measure(epsilon: float, asked: float) -> Estimate:
            level = careless or asked
            value = rng.binomial(2000, math.exp(-12.0 * epsilon) / 2.0) / 2000
            reach = special.ndtri(0.5 + 0.5 * level) * math.sqrt(max(value, 0.005) / 2000)
            return Estimate(value=value, low=max(0.0, value - reach), high=value + reach,
                            level=level, method="simulated", draws=2000)  # fmt: skip

        return measure

    wrong = control = found = 0
    for _ in range(nulls):
        made = smallest_budget(harm(None), 0.05, least=0.02, most=2.0, tolerance=0.02)
        wrong += misses(made, exact)
        found += bool(made.high < 1.5 * exact and made.low > exact / 1.5)
        rash = smallest_budget(harm(0.2), 0.05, least=0.02, most=2.0, tolerance=0.02)
        control += misses(rash, exact)
    return Counted(wrong=wrong, control=control, found=found, tried=nulls)


def made() -> tuple[Certificate, ...]:
    """Return the rows, each with a seed of its own."""
    alike, told = "nobody differs", f"±0.6 sd on two of {ENTITIES}"
    rows = [
        ("biases of all entities at once", alike, "one entity's quantile for all", told, bands),
        ("the same with a control of known mean", "clipped shares, exact bias known",
         "one entity's quantile for all", "the bias of clipping", controlled_bands),
        ("alpha-fairness", alike, "chosen and measured on the same draws", told, alphas),
        ("ξ of each entity", told, "the plain estimate as a lower end", told, xis),
        ("cost of privacy", alike, "the losses that draws show, taken for bias", told, costs),
        ("largest difference, kept draws", alike, "chosen and measured on the same draws", told,
         pairs),
        ("largest difference, two halves", alike, "chosen and measured on the same draws",
         "±1.2 sd on two of 20", splits),
        ("means within known bounds", "events of probability 0.0005", "the normal band",
         "probability 0.2", bounded),
        ("chances of changed outcomes", "events of probability 0.004", "Wald's interval",
         "probability 0.1", frequencies),
        ("one probability", "probability 0.04", "Wald's interval", "probability 0.3", shares),
        ("an attack over releases", "a coin for each person, shared noise",
         "people counted as independent", "1.2 sd of one person", releases),
        ("a group's value over trainings", "4 trainings", "the normal quantile", "4 sd",
         trainings),
        ("largest difference of groups", "8 groups alike", "chosen and measured on the same runs",
         "up to 1.5 sd apart", group_gaps),
        ("change of that difference", "40 groups alike, before and after",
         "the pair chosen before", "half as far apart", changed_gaps),
        ("smallest budget that keeps a limit", "a loss of known form", "intervals of 20 percent",
         "a factor of 1.5", budgets),
    ]  # fmt: skip
    return tuple(
        Certificate(name=name, kind="interval", null=null, control=control, planted=planted,
                    count=count, seed=1000 + 10_000 * number)
        for number, (name, null, control, planted, count) in enumerate(rows)
    )  # fmt: skip
