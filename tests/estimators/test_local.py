"""The control of outcomes that follow from own values and their sums, against exact truths.

False-alarm rate: 1e-6 for every test.
"""

import attrs
import numpy as np
import pytest
from scipy import stats

import dpaudit
from dpaudit.engine.job import Job
from dpaudit.engine.tally import Controlled, tallies
from dpaudit.estimators.chain import Chain
from dpaudit.estimators.clipped_allotment import clipped_allotment
from dpaudit.model.dataset import Dataset
from dpaudit.model.plan import Task
from dpaudit.stats.bands import half_widths
from dpaudit_plugins.mechanisms.geometric import Geometric
from dpaudit_plugins.mechanisms.laplace import Laplace
from dpaudit_plugins.postprocessors.non_negative import NonNegative

SEEDS = 300
ALLOWED = stats.binom.isf(1e-6, SEEDS, 0.05)
COUNTS = np.concatenate([np.arange(2.0, 8.0), np.linspace(14.0, 150.0, 34).round()])
DIGEST = "0" * 64
DATA = Dataset(
    source="made",
    digest=DIGEST,
    entities=tuple(map(str, range(40))),
    names=tuple(map(str, range(40))),
    counts=COUNTS,
    columns={},
    status="public",
)


@attrs.frozen(kw_only=True, eq=False)
class Rationed(dpaudit.Decision):
    """Shares of those with ``least`` or more."""

    name = "rationed"
    vectorised = True
    bounded = True
    least: float = 10.0

    def due(self, counts):
        return np.where(counts >= self.least, counts, 0.0)

    def decide(self, counts):
        due = self.due(counts)
        return due / np.maximum(due.sum(axis=-1, keepdims=True), 1.0)

    def structure(self, n):
        return dpaudit.Local.ratable(self.due, 1.0, np.full((n, 1), self.least))


def job_of(mechanism, decision, counts=COUNTS):
    chain = Chain(counts=counts, mechanism=mechanism, steps=(NonNegative(),))
    task = Task(id="t", key="k", release="r", decision="d")
    return Job.make(task, chain, decision, (), groupings={})


def law(count, epsilon, least):
    """Return the probabilities of what an entity is due, 0, 1, 2 and so on, from the pmf."""
    decay = np.exp(-epsilon)
    k = np.arange(-80, 81)
    mass = (1.0 - decay) / (1.0 + decay) * decay ** np.abs(k)
    value = np.maximum(count + k, 0)
    return np.bincount(np.where(value >= least, value, 0).astype(int), weights=mass)


def exact_bias(counts, epsilon, least):
    """Return E u_i / U - truth, from the law of the sum of the others by convolution."""
    laws = [law(count, epsilon, least) for count in counts]
    before, after = [np.ones(1)], [np.ones(1)]
    for forward, backward in zip(laws, reversed(laws), strict=True):
        before.append(np.convolve(before[-1], forward))
        after.append(np.convolve(after[-1], backward))
    means = []
    for i, own in enumerate(laws):
        others = np.convolve(before[i], after[len(laws) - 1 - i])
        u, v = np.arange(own.size)[:, None], np.arange(others.size)
        means.append(float((own[:, None] * others * u / np.maximum(u + v, 1)).sum()))
    due = np.where(counts >= least, counts, 0.0)
    return np.array(means) - due / due.sum()


def holds(estimate, truth):
    return bool(((estimate.low <= truth) & (truth <= estimate.high)).all())


def test_the_control_removes_what_clipping_and_curvature_do():
    """PERFORMANCE W1d: a variance 1e4 to 1e7 times smaller, of the allotment of clipped counts."""
    counts = np.round(np.exp(np.random.default_rng(3).normal(5.3, 1.2, 2000)))
    for epsilon, least in ((0.1, 1e6), (0.01, 3e4)):
        job = job_of(Laplace(epsilon=epsilon), Rationed(least=0.0), counts)
        controlled = Controlled.choose(job, 0, DIGEST)
        (tally,) = tallies({"t": controlled}, 0, DIGEST, range(1))["t"]
        n = counts.size
        assert tally.error.m2[:n].sum() > least * tally.bias.m2[:n].sum()
        truth = clipped_allotment(counts, np.ones(n), job.chain.reduced()[0]).bias
        gap = np.abs(tally.bias.mean[:n] + controlled.offset[:n] - truth)
        limit = stats.t.isf(0.5e-6 / n, tally.bias.degrees_of_freedom[:n])
        assert (gap <= limit * tally.bias.standard_error[:n] + 1e-15).all()


@pytest.mark.slow
def test_bands_cover_where_few_draws_or_none_show_who_becomes_eligible(measured):
    truth = exact_bias(COUNTS, 1.0, 10.0)
    job = job_of(Geometric(epsilon=1.0), Rationed())
    missed = {"controlled": 0, "unaware": 0}
    for seed in range(SEEDS):
        task = measured(Controlled.choose(job, seed, DIGEST), seed, DATA)
        bias = task.entity("bias")
        assert bias.method == "controlled"
        missed["controlled"] += not holds(bias, truth)
        plain = task.columns("error", "entity")
        missed["unaware"] += bool((np.abs(plain.mean - truth) > half_widths(plain, 0.95)).any())
        assert (bias.high - bias.low)[:6].max() < 1e-4
    assert missed["controlled"] <= ALLOWED
    assert missed["unaware"] > ALLOWED, "the negative control must fail"


def test_a_rare_event_is_in_the_known_mean(measured):
    """Nobody with 2 children is eligible in 512 draws; the bias is known to a millionth."""
    truth = exact_bias(COUNTS, 3.0, 10.0)
    job = job_of(Geometric(epsilon=3.0), Rationed())
    task = measured(Controlled.choose(job, 0, DIGEST), 0, DATA)
    bias = task.entity("bias")
    assert not task.columns("error", "entity").m2[0]
    assert 0 < truth[0] < 1e-9
    assert holds(bias, truth)
    assert (bias.high - bias.low)[0] < 1e-5
    square = task.entity("mean-squared-error")
    assert square.high[0] > 0, "other quantities still allow for what no draw showed"


def test_without_a_known_law_there_is_no_complete_control():
    chain = Chain(counts=COUNTS, mechanism=Geometric(epsilon=1e-7), steps=(NonNegative(),))
    job = attrs.evolve(job_of(Geometric(epsilon=1.0), Rationed()), chain=chain)
    assert not Controlled.choose(job, 0, DIGEST).is_complete
