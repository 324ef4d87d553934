"""What Title I declares of itself gives back what it decides, and a control that is right."""

import numpy as np
import pytest

import dpaudit
from dpaudit.engine.job import Job
from dpaudit.engine.tally import Controlled
from dpaudit.estimators.chain import Chain
from dpaudit.model.dataset import Dataset
from dpaudit.model.plan import Task
from dpaudit.stats.bands import agreement
from dpaudit_plugins.decisions import _title_i
from dpaudit_plugins.decisions.title_i import TitleI
from dpaudit_plugins.decisions.title_i_basic import TitleIBasic
from dpaudit_plugins.decisions.title_i_concentration import TitleIConcentration
from dpaudit_plugins.decisions.title_i_efig import TitleIEfig
from dpaudit_plugins.decisions.title_i_targeted import TitleITargeted
from dpaudit_plugins.mechanisms.laplace import Laplace
from dpaudit_plugins.postprocessors.non_negative import NonNegative

RNG = np.random.default_rng(5)
N = 60
POPULATION = np.round(np.exp(RNG.normal(7.0, 1.3, N))) + 20.0
COUNTS = np.minimum(np.round(POPULATION * RNG.uniform(0.0, 0.45, N)), POPULATION)
COUNTS[:8] = [3, 6, 8, 9, 10, 11, 13, 15]
STATES = RNG.choice(np.array(["AL", "WY", "PR", "NY", "VT"]), N)
EQUITY = np.select([STATES == "AL", STATES == "NY"], [0.05, 0.25], 0.15)
COMMON = {"population": POPULATION, "expenditure": RNG.uniform(8e3, 2e4, N)}
STATE = {**COMMON, "state": STATES}
MADE = {
    "basic": TitleIBasic(**COMMON, appropriation=1e6),
    "basic by state": TitleIBasic(**STATE, appropriation=1e6, minimum_share=0.15),
    "concentration": TitleIConcentration(**COMMON, appropriation=1e6),
    "targeted": TitleITargeted(**COMMON, appropriation=1e6),
    "targeted, counties": TitleITargeted(**STATE, appropriation=1e6, brackets="county"),
    "efig": TitleIEfig(**STATE, appropriation=1e6, equity=EQUITY, minimum_share=0.1),
    "all": TitleI(**STATE, basic=4e5, concentration=1e5, targeted=2.5e5, efig=2.5e5, equity=EQUITY),
}
DATA = Dataset(
    source="made",
    digest="0" * 64,
    entities=tuple(map(str, range(N))),
    names=tuple(map(str, range(N))),
    counts=COUNTS,
    columns={},
    status="public",
)
every = pytest.mark.parametrize("decision", MADE.values(), ids=MADE.keys())


@every
def test_own_values_and_levels_give_the_amounts(decision):
    counts = np.concatenate([[COUNTS, 0.0 * COUNTS], COUNTS + RNG.laplace(0.0, 30.0, (20, N))])
    amounts = np.zeros_like(counts)
    for term in decision.structure(N).terms:
        own = term.own(counts)
        groups = np.eye(term.groups.max() + 1)[term.groups]
        amounts += own[0] * term.level(tuple(part @ groups for part in own))[:, term.groups]
    np.testing.assert_allclose(amounts, decision.decide(counts), rtol=1e-9, atol=1e-6)


@every
def test_own_values_are_straight_between_the_breaks(decision):
    for term in decision.structure(N).terms:
        ends = np.concatenate([np.zeros((1, N)), term.breaks.T, np.full((1, N), 2e9)])
        ends = np.sort(ends, axis=0)
        length = np.diff(ends, axis=0)
        values = [term.own(ends[:-1] + length * part)[0] for part in (0.25, 0.5, 0.75)]
        bent = np.abs(values[0] - 2.0 * values[1] + values[2])
        assert (bent <= 1e-9 * np.abs(values[1]) + 1e-9).all()


@every
@pytest.mark.parametrize("epsilon", [0.1, 1.0])
def test_the_controlled_bias_agrees_with_plain_simulation(measured, decision, epsilon):
    chain = Chain(counts=COUNTS, mechanism=Laplace(epsilon=epsilon), steps=(NonNegative(),))
    task = Task(id="t", key="k", release="r", decision="d")
    job = Job.make(task, chain, decision, (), groupings={})
    controlled = Controlled.choose(job, 0, DATA.digest)
    assert controlled.is_complete
    found = measured(controlled, 0, DATA, 32)
    bias, plain = found.entity("bias"), found.columns("error", "entity")
    controlled_moments = found.columns("bias", "entity")
    assert controlled_moments.m2.sum() < 0.1 * plain.m2.sum()
    moved = plain.m2 > 0
    worst, limit = agreement(bias.value, plain, bias.high - bias.value, excused=~moved)
    assert worst <= limit


def test_amounts_that_are_kept_are_not_declared():
    held = TitleIBasic(**COMMON, appropriation=1e6, previous=np.full(N, 10.0))
    assert held.structure(N) is None
    assert MADE["basic"].structure(N + 1) is None
    both = TitleI(**COMMON, basic=1.0, targeted=1.0, previous_basic=np.full(N, 10.0))
    assert both.structure(N) is None
    assert isinstance(MADE["all"].structure(N), dpaudit.Local)


def test_the_larger_of_two_weighted_counts_bends_where_they_cross():
    population = np.array([9000.0, 500.0, 2e5])
    places = _title_i.bends(population, _title_i.DISTRICTS, _title_i.TARGETED)
    by_number = _title_i.weighted_by_number(places)
    by_share = _title_i.weighted_by_share(places, population)
    assert (np.isclose(by_number, by_share, rtol=1e-12) & (places > 1000)).any()
