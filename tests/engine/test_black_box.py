"""Rules of which nothing is declared: kinks, jumps and events that no draw shows.

False-alarm rate as in test_coverage: a test fails beyond the binomial's 1e-6 quantile.
"""

from typing import ClassVar

import attrs
import numpy as np
import pytest
from scipy import stats

import dpaudit
from dpaudit.engine import tally
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


@attrs.frozen(kw_only=True)
class Bounded(Jumping):
    name: ClassVar[str] = "bounded"
    at: float = -1000.0
    seats: float = 400.0

    def decide(self, counts):
        return self.seats * super().decide(counts)


@attrs.frozen(kw_only=True)
class Declared(Bounded):
    name: ClassVar[str] = "declared"

    @property
    def largest_change(self):
        return 1.0


def test_a_largest_change_bounds_what_no_draw_showed(measured):
    """Outcomes of 400 that never varied: one may become 0, unless its decision says it cannot."""
    widths = {}
    for decision in (Bounded(), Declared()):
        measured_task = task(measured, decision, 0)
        for quantity in ("bias", "expected-shortfall"):
            found = measured_task.entity(quantity)
            widths[decision.name, quantity] = (found.high - found.value).max()
    assert widths["declared", "bias"] == pytest.approx(widths["bounded", "bias"] / 400.0)
    assert 0 < widths["declared", "expected-shortfall"] < 0.1
    total = task(measured, Declared(), 0).total("bias")
    assert 0 < total.high - total.value < 40 * 0.1


def test_rules_and_seats_say_how_much_an_outcome_can_change():
    registry = dpaudit.Registry.discover()
    made = registry.create("decision", "apportionment", seats=435)
    assert made.largest_change == 434.0
    assert registry.create("decision", "top-k", k=2).largest_change == 1.0
    assert registry.create("decision", "counts").largest_change is None


def test_a_kink_that_few_draws_cross_is_read_from_plain_simulation(measured):
    """No standard error is made of a handful of events alone."""
    rare = attrs.evolve(DATA, counts=np.full(40, 50.0))
    chain = Chain(counts=rare.counts, mechanism=Laplace(epsilon=1.0 / SCALE))
    job = Job.make(
        Task(id="t", key="k", release="r", decision="d"), chain, Kinked(), (), groupings={}
    )
    found = measured(Controlled.choose(job, 0, DATA.digest), 0, rare)
    beyond = found.columns("bias", "entity")
    bias = found.entity("bias")
    crossed = beyond.m2 > 1e-15
    assert crossed.sum() > 20
    assert beyond.degrees_of_freedom[crossed].max() < 30
    plain = found.columns("error", "entity")
    np.testing.assert_array_equal(bias.value[crossed], plain.mean[crossed])
    assert holds(bias, np.full(40, SCALE / 2.0 * np.exp(-5.0)))


def test_draws_that_are_measured_a_few_at_a_time_are_those_of_a_block(monkeypatch):
    counts = np.linspace(1.0, 140.0, 5000)
    chain = Chain(counts=counts, mechanism=Laplace(epsilon=1.0 / SCALE))
    job = Job.make(
        Task(id="t", key="k", release="r", decision="d"), chain, Kinked(), (), groupings={}
    )
    controlled = Controlled.choose(job, 0, DATA.digest)
    (few,) = tally.tallies({"t": controlled}, 0, DATA.digest, [0])["t"]
    monkeypatch.setattr(tally, "_AT_ONCE", 10**9)
    (whole,) = tally.tallies({"t": controlled}, 0, DATA.digest, [0])["t"]
    for part in ("error", "bias", "square", "shortfall"):
        np.testing.assert_array_equal(few.part(part).mean, whole.part(part).mean)
        np.testing.assert_array_equal(few.part(part).m4, whole.part(part).m4)
    assert few.square.mean[-1] == pytest.approx(few.square.mean[:-1].sum())
