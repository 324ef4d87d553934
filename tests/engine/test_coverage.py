"""The intervals hold what they promise: 1,000 seeded audits whose truth is known exactly.

A test fails only beyond the binomial's 1e-6 quantile at the nominal rate of 5 %, and the same
count with a band that forgets how many entities there are must fail.
"""

import attrs
import numpy as np
import pytest
from scipy import stats

from dpaudit.engine.job import Job
from dpaudit.engine.tally import Controlled
from dpaudit.estimators.chain import Chain
from dpaudit.estimators.ladder import known
from dpaudit.model.dataset import Dataset
from dpaudit.model.plan import Task
from dpaudit.stats.bands import band_quantile
from dpaudit.stats.spread import alpha, cost_of_privacy
from dpaudit_plugins.decisions.allotment import Allotment
from dpaudit_plugins.decisions.counts import Counts
from dpaudit_plugins.mechanisms.laplace import Laplace
from dpaudit_plugins.postprocessors.non_negative import NonNegative
from dpaudit_plugins.postprocessors.simplex import Simplex

NULLS = 1000
ALLOWED = int(stats.binom.isf(1e-6, NULLS, 0.05))
RNG = np.random.default_rng(12)
COUNTS = np.round(np.exp(RNG.normal(4.5, 1.2, 40)))
WEIGHTS = np.round(RNG.uniform(0.8, 1.2, 40), 2)
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


def job(epsilon):
    chain = Chain(counts=COUNTS, mechanism=Laplace(epsilon=epsilon), steps=(NonNegative(),))
    return Job.make(
        Task(id="t", key="k", release="r", decision="d"),
        chain,
        Allotment(weights=WEIGHTS),
        (),
        groupings={},
    )


def misses(measured, epsilon, *, with_control):
    """Count the audits in which the band, α, cost of privacy, or an unadjusted band miss."""
    audited = job(epsilon)
    truth = known(audited.chain, audited.structure).bias.value
    missed = dict.fromkeys(("band", "alpha", "cost", "unadjusted"), 0)
    for seed in range(NULLS):
        controlled = Controlled.choose(audited, seed, DIGEST)
        if not with_control:
            zero = np.zeros_like(controlled.offset)
            controlled = attrs.evolve(controlled, control=None, offset=zero)
        task = measured(controlled, seed, DATA)
        bias, parts = task.entity("bias"), task.halves("entity")
        missed["band"] += not holds(bias, truth)
        missed["alpha"] += not holds(alpha(bias, parts), np.ptp(truth))
        missed["cost"] += not holds(cost_of_privacy(bias, parts), np.clip(-truth, 0, None).sum())
        freedom = np.full(40, 255.0)
        shrink = band_quantile(0.95, 1, freedom) / band_quantile(0.95, 40, freedom)
        missed["unadjusted"] += bool(
            (np.abs(truth - bias.value) > (bias.high - bias.value) * shrink).any()
        )
    return missed


def holds(estimate, truth):
    return bool(((estimate.low <= truth) & (truth <= estimate.high)).all())


@pytest.mark.slow
@pytest.mark.parametrize("with_control", [True, False], ids=["controlled", "plain"])
@pytest.mark.parametrize("epsilon", [0.05, 0.5])
def test_bands_and_intervals_cover(measured, epsilon, with_control):
    missed = misses(measured, epsilon, with_control=with_control)
    assert missed["band"] <= ALLOWED
    assert missed["alpha"] <= ALLOWED
    assert missed["cost"] <= ALLOWED
    assert missed["unadjusted"] > ALLOWED, "the negative control must fail"


@pytest.mark.slow
def test_mirrored_pairs_would_not_cover_where_something_is_clipped(measured, monkeypatch):
    """Why antithetic pairs are kept to smooth outcomes: the band would miss too often."""
    monkeypatch.setattr(Job, "is_smooth", property(lambda self: True))
    assert misses(measured, 0.5, with_control=True)["band"] > ALLOWED


@pytest.mark.slow
@pytest.mark.parametrize(
    "decision", [Counts(), Allotment(weights=WEIGHTS)], ids=["counts", "share"]
)
def test_bands_cover_after_a_projection(measured, decision):
    """The truth is a simulation of 128,000 draws, sixteen times as sharp as an audit's."""
    step = Simplex(total=float(COUNTS.sum()))
    chain = Chain(counts=COUNTS, mechanism=Laplace(epsilon=0.5), steps=(step,))
    audited = Job.make(
        Task(id="t", key="k", release="r", decision="d"), chain, decision, (), groupings={}
    )

    def bias(seed, blocks):
        controlled = Controlled.choose(audited, seed, DIGEST)
        return measured(controlled, seed, DATA, blocks).entity("bias")

    truth = bias(10**6, 2000).value
    missed = sum(not holds(bias(seed, 8), truth) for seed in range(300))
    assert missed <= stats.binom.isf(1e-6, 300, 0.05)
