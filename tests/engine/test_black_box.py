"""Rules of which nothing is declared: kinks, jumps and events that no draw shows.

False-alarm rate as in test_coverage: a test fails beyond the binomial's 1e-6 quantile.
"""

from typing import ClassVar

import attrs
import numpy as np
import pytest
from scipy import stats

import dpaudit
from dpaudit.engine.job import Job
from dpaudit.engine.tally import Controlled
from dpaudit.estimators.chain import Chain
from dpaudit.model.dataset import Dataset
from dpaudit.model.plan import Task
from dpaudit_plugins.mechanisms.laplace import Laplace

SCALE = 10.0
SEEDS = 300
COUNTS = np.linspace(60.0, 140.0, 40)
DATA = Dataset(
    source="made",
    digest="0" * 64,
    entities=tuple(map(str, range(40))),
    names=tuple(map(str, range(40))),
    counts=COUNTS,
    columns={},
    status="public",
)


@attrs.frozen(kw_only=True)
class Kinked(dpaudit.Decision):
    name: ClassVar[str] = "kinked"
    vectorised: ClassVar[bool] = True

    def decide(self, counts):
        return 3.0 * counts + np.maximum(counts - 100.0, 0.0)


@attrs.frozen(kw_only=True)
class Jumping(dpaudit.Decision):
    name: ClassVar[str] = "jumping"
    vectorised: ClassVar[bool] = True
    at: float = 100.0

    def decide(self, counts):
        return (counts > self.at).astype(float)


def excess(margin):
    """E (margin + X)^+ - margin^+ for Laplace noise X, written out from its density."""
    return SCALE / 2.0 * np.exp(-np.abs(margin) / SCALE)


def jump_bias(at):
    survival = stats.laplace(scale=SCALE).sf(at - COUNTS)
    return survival - (at < COUNTS)


def task(measured, decision, seed):
    chain = Chain(counts=COUNTS, mechanism=Laplace(epsilon=1.0 / SCALE))
    job = Job.make(
        Task(id="t", key="k", release="r", decision="d"), chain, decision, (), groupings={}
    )
    return measured(Controlled.choose(job, seed, DATA.digest), seed, DATA)


def holds(estimate, truth):
    return bool(((estimate.low <= truth) & (truth <= estimate.high)).all())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("decision", "truth"),
    [
        (Kinked(), excess(COUNTS - 100.0)),
        (Jumping(), jump_bias(100.0)),
        (Jumping(at=30.0), jump_bias(30.0)),
    ],
    ids=["kink", "jump", "rare jump"],
)
def test_bands_cover_the_bias_of_a_black_box(measured, decision, truth):
    missed = sum(
        not holds(task(measured, decision, seed).entity("bias"), truth) for seed in range(SEEDS)
    )
    assert missed <= stats.binom.isf(1e-6, SEEDS, 0.05)


def test_an_outcome_that_never_varied_is_not_certain(measured):
    """The event has probability 2e-45: it is not seen, and the interval must still have width."""
    bias = task(measured, Jumping(at=-1000.0), 0).entity("bias")
    assert (bias.high - bias.low > 0).all()
    assert holds(bias, jump_bias(-1000.0))
