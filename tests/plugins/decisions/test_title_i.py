"""The formulas of Title I: invariants, thresholds, floors and degenerate data."""

import pickle

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import dpaudit
from dpaudit_plugins.decisions import _title_i
from dpaudit_plugins.decisions.title_i import TitleI
from dpaudit_plugins.decisions.title_i_basic import TitleIBasic
from dpaudit_plugins.decisions.title_i_concentration import TitleIConcentration
from dpaudit_plugins.decisions.title_i_efig import TitleIEfig
from dpaudit_plugins.decisions.title_i_targeted import TitleITargeted

STATES = np.array(["NY", "NY", "AL", "PR", "AL", "WY"])
POPULATION = np.array([900.0, 60_000.0, 400.0, 9_000.0, 0.0, 150.0])
SPENT = np.array([25_000.0, 25_000.0, 10_000.0, 9_000.0, 10_000.0, 16_000.0])
EQUITY = np.array([0.12, 0.12, 0.25, 0.0, 0.25, 0.05])
EFFORT = np.array([1.2, 1.2, 0.99, 0.9, 0.99, 1.0])
PREVIOUS = np.array([3e5, 2e7, 1e5, 5e6, 0.0, 9e4])
PUBLIC = {"population": POPULATION, "expenditure": SPENT, "state": STATES}
ONE = {**PUBLIC, "appropriation": 4e7}
FACTORS = {"effort": EFFORT, "equity": EQUITY}
ALL = {"basic": 4e7, "concentration": 1e7, "targeted": 2e7, "efig": 2e7, **FACTORS, **PUBLIC}
KEPT = {f"previous_{name}": PREVIOUS for name in ("basic", "concentration", "targeted", "efig")}
COUNTS = arrays(float, 6, elements=st.floats(-50, 10_000))


def formulas(**more):
    given = {**ONE, **more}
    return {
        "basic": TitleIBasic(**given),
        "concentration": TitleIConcentration(**given),
        "targeted": TitleITargeted(**given),
        "efig": TitleIEfig(**given, **FACTORS),
    }


DECISIONS = {
    **formulas(),
    **{f"{name}, floors": made for name, made in formulas(previous=PREVIOUS).items()},
    "all": TitleI(**ALL),
    "all, floors": TitleI(**ALL, **KEPT),
    "all, no minima": TitleI(**ALL, state_minimum=False),
}
ELIGIBLE = {
    "basic": _title_i.basic_eligible,
    "concentration": _title_i.concentration_eligible,
    "targeted": _title_i.targeted_eligible,
    "efig": _title_i.targeted_eligible,
}


@pytest.mark.parametrize("name", DECISIONS)
@given(counts=COUNTS)
def test_amounts_are_never_negative_and_within_the_appropriation(name, counts):
    made = DECISIONS[name].decide(counts)
    assert made.shape == counts.shape
    assert np.isfinite(made).all()
    assert made.min() >= 0
    total = getattr(DECISIONS[name], "appropriation", 9e7)
    assert made.sum() <= total * (1 + 1e-9)


@pytest.mark.parametrize("name", ELIGIBLE)
@given(counts=COUNTS)
def test_the_appropriation_is_spent_whenever_anybody_is_eligible(name, counts):
    eligible = ELIGIBLE[name](np.maximum(counts, 0.0), POPULATION)
    for floors in ("", ", floors"):
        made = DECISIONS[name + floors].decide(counts)
        if eligible.any():
            np.testing.assert_allclose(made.sum(), 4e7, rtol=1e-9)
        if not floors:
            np.testing.assert_array_equal(made > 0, eligible)


@pytest.mark.parametrize("name", DECISIONS)
@given(counts=COUNTS, seed=st.integers(0, 100))
def test_the_order_of_the_districts_does_not_matter(name, counts, seed):
    order = np.random.default_rng(seed).permutation(6)
    decision = DECISIONS[name]
    columns = {
        field.name: getattr(decision, field.name)[order]
        for field in attrs.fields(type(decision))
        if field.init and isinstance(getattr(decision, field.name), np.ndarray)
    }
    moved = attrs.evolve(decision, **columns).decide(counts[order])
    np.testing.assert_allclose(moved, decision.decide(counts)[order], rtol=1e-9, atol=1e-6)


@given(
    children=st.floats(0, 200_000), more=st.floats(0, 1_000), population=st.floats(0, 400_000),
    brackets=st.sampled_from([_title_i.DISTRICTS, _title_i.COUNTIES]),
    weights=st.sampled_from([_title_i.TARGETED, _title_i.MIDDLING, _title_i.UNEQUAL]),
)  # fmt: skip
def test_weighted_counts_grow_and_are_convex(children, more, population, brackets, weights):
    steps = np.array([children, children + more, children + 2 * more])
    made = _title_i.weighted(steps, np.full(3, population), brackets, weights)
    assert (np.diff(made) >= more * (1 - 1e-9) - 1e-6).all()
    assert made[0] >= children * (1 - 1e-12)
    assert made[2] - 2 * made[1] + made[0] >= -1e-9 * made[2] - 1e-6


@given(counts=COUNTS, i=st.integers(0, 5), more=st.floats(0, 500))
def test_a_child_more_is_no_dollar_less_where_nothing_is_kept(counts, i, more):
    for name in ELIGIBLE:
        decision = attrs.evolve(DECISIONS[name], minimum_share=0.0)
        before = decision.decide(counts)[i]
        grown = counts.copy()
        grown[i] += more
        assert decision.decide(grown)[i] >= before * (1 - 1e-9)


@given(counts=COUNTS)
def test_floors_are_respected_or_all_scaled_alike(counts):
    children = np.maximum(counts, 0.0)
    floors = _title_i.hold_harmless_rate(children, POPULATION) * PREVIOUS
    for name in ("basic", "targeted"):
        kept = np.where(ELIGIBLE[name](children, POPULATION), floors, 0.0)
        decision = attrs.evolve(DECISIONS[f"{name}, floors"], minimum_share=0.0)
        assert (decision.decide(counts) >= kept * (1 - 1e-9)).all()
        poor = attrs.evolve(decision, appropriation=1e6)
        if kept.sum() >= 1e6:
            np.testing.assert_allclose(poor.decide(counts), kept * 1e6 / kept.sum(), rtol=1e-9)


def test_thresholds_hold_as_they_are_written():
    whole = np.array([9.0, 10.0, 10.0, 7.0, 14.0, 150.0, 151.0])
    population = np.array([100.0, 500.0, 499.0, 140.0, 280.0, 1_000.0, 1_000.0])
    assert _title_i.basic_eligible(whole, population).tolist() == [0, 0, 1, 0, 1, 1, 1]
    assert _title_i.concentration_eligible(whole, population).tolist() == [0, 0, 0, 0, 0, 0, 1]
    assert _title_i.targeted_eligible(whole, population).tolist() == [0, 0, 0, 0, 1, 1, 1]
    rates = _title_i.hold_harmless_rate(np.array([29.0, 30.0, 14.0, 15.0]), np.full(4, 100.0))
    np.testing.assert_allclose(rates, [0.90, 0.95, 0.85, 0.90])


def test_five_percent_of_any_population_is_five_percent():
    population = np.arange(200.0, 20_000.0, 20.0)
    assert _title_i.targeted_eligible(population / 20.0, population).all()
    assert not _title_i.targeted_eligible(population / 20.0 - 1.0, population).any()


def test_negative_and_fractional_counts_are_read_as_documented():
    counts = np.array([-5.0, 4_000.5, 40.25, 3_000.0, 9.99, 60.0])
    zeroed = np.maximum(counts, 0.0)
    for decision in DECISIONS.values():
        np.testing.assert_array_equal(decision.decide(counts), decision.decide(zeroed))
        assert decision.decide(counts)[4] == 0


@pytest.mark.parametrize("name", DECISIONS)
@pytest.mark.parametrize("value", [0.0, -1.0, 9.0, 1.0, 2.0**53])
def test_degenerate_counts_give_finite_amounts(name, value):
    for counts in (np.full(6, value), np.where(np.arange(6) == 2, 2.0**53, value)):
        made = DECISIONS[name].decide(counts)
        assert np.isfinite(made).all()
        if counts.max() < 10 and "floors" not in name:
            assert (made == 0).all()


@pytest.mark.parametrize("n", [1, 2])
def test_one_district_gets_it_all(n):
    public = {"population": np.full(n, 100.0), "state": np.full(n, "VT"), "appropriation": 6.0}
    counts = np.array([50.0, 0.0])[:n]
    for kind in (TitleIBasic, TitleIConcentration, TitleITargeted):
        np.testing.assert_allclose(kind(**public).decide(counts), np.array([6.0, 0.0])[:n])
    np.testing.assert_allclose(TitleIEfig(**public, equity=0.1).decide(counts).sum(), 6.0)


@pytest.mark.parametrize("name", DECISIONS)
def test_draws_are_decided_each_by_itself_and_after_pickling(name):
    draws = np.random.default_rng(1).uniform(-50, 5_000, (2, 3, 6))
    made = DECISIONS[name].decide(draws)
    again = pickle.loads(pickle.dumps(DECISIONS[name]))  # noqa: S301
    for index in np.ndindex(2, 3):
        np.testing.assert_allclose(again.decide(draws[index]), made[index], rtol=1e-12)


def test_puerto_rico_is_capped_by_any_name():
    counts = np.array([100.0, 100.0])
    public = {"population": np.array([1_000.0, 110.0]), "minimum_share": 0.0}
    for name in ("PR", "72", "Puerto Rico"):
        decision = TitleITargeted(**public, state=np.array(["AL", name]))
        np.testing.assert_allclose(decision.decide(counts)[1], 1.82 / 2.82)
    there = attrs.evolve(decision, state=np.array(["AL", "AK"]))
    assert there.decide(counts)[1] > 0.7


def test_a_minimum_lifts_a_small_state_up_to_the_law():
    counts = np.array([100_000.0, 60.0])
    public = {"population": 5 * counts, "state": np.array(["TX", "WY"]), "appropriation": 1e9}
    plain, lifted = (TitleITargeted(**public, minimum_share=share) for share in (0.0, 0.0035))
    by_children = 1.5 * 1e9 / counts.sum() * counts[1]
    np.testing.assert_allclose(lifted.decide(counts)[1], 0.5 * (3.5e6 + by_children))
    assert plain.decide(counts)[1] < 1e6
    assert "no minimum" in " ".join(attrs.evolve(lifted, state=None).caveats())


def test_the_minimum_of_basic_grants_grows_above_that_of_2001():
    counts = np.array([100_000.0, 20_000.0])
    public = {"population": 5 * counts, "state": np.array(["TX", "WY"]), "appropriation": 2e9}
    made = TitleIBasic(**public, minimum_share=0.25, base_appropriation=1e9,
                       minimum_share_above=0.35)  # fmt: skip
    worth = 1.5 * 2e9 / counts.sum() * counts[1]
    least = 0.25e9 + 0.35e9
    np.testing.assert_allclose(made.decide(counts)[1], min(least, 0.5 * (least + worth)))


def test_concentration_keeps_last_years_amount_of_who_falls_below():
    counts = np.array([300.0, 14.0, 16.0])
    given = {"population": np.array([1_000.0, 100.0, 100.0]), "appropriation": 100.0}
    kept = TitleIConcentration(**given, previous=np.array([50.0, 20.0, 30.0]))
    np.testing.assert_allclose(kept.decide(counts)[1], 0.85 * 20)
    strict = attrs.evolve(kept, grace=False)
    assert strict.decide(counts)[1] == 0
    assert "four years" in " ".join(kept.caveats())


def test_the_four_formulas_add_up():
    counts = np.array([200.0, 9_000.0, 90.0, 4_000.0, 20.0, 30.0])
    parts = formulas()
    shares = {name: attrs.evolve(parts[name], appropriation=ALL[name]) for name in parts}
    summed = sum(each.decide(counts) for each in shares.values())
    np.testing.assert_allclose(TitleI(**ALL).decide(counts), summed)
    assert len(set(TitleI(**ALL).caveats())) == len(TitleI(**ALL).caveats())


def test_whole_dollars_and_whole_counts_are_as_good():
    counts = np.array([200, 9_000, 90, 4_000, 20, 30])
    for name, made in formulas(previous=PREVIOUS.astype(int)).items():
        whole = attrs.evolve(made, appropriation=40_000_000, population=POPULATION.astype(int))
        np.testing.assert_allclose(
            whole.decide(counts), made.decide(counts.astype(float)), err_msg=name
        )


def test_the_counties_have_brackets_of_their_own():
    counts, population = np.array([2_300.0, 2_300.0]), np.array([4e4, 1e4])
    by_county = TitleITargeted(population=population, brackets="county").decide(counts)
    by_district = TitleITargeted(population=population).decide(counts)
    assert abs(by_county[0] - by_district[0]) > 0.01


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        (TitleIBasic, {"population": np.array([1.0, -2.0])}, "population: -2.0 (entity 2)"),
        (TitleIBasic, {"population": np.array(["x", "y"])}, "population: 'x'"),
        (TitleIBasic, {"population": np.ones(2), "expenditure": 0.0}, "expenditure: 0.0"),
        (TitleIBasic, {"population": np.ones(2), "state": np.array(["A"])}, "(1,) for 2 entities"),
        (TitleIEfig, {"population": np.ones(2), "equity": 0.1}, "give state"),
        (
            TitleIEfig,
            {**ONE, "equity": 0.1, "unequal_share": (1.0, 2.0, 1.0, 3.0, 4.0)},
            "that rise",
        ),
        (TitleI, {"population": np.ones(2)}, "basic, concentration, targeted or efig"),
        (TitleI, {"population": np.ones(2), "efig": 1.0, "state": STATES[:2]}, "give equity"),
    ],
    ids=range(8),
)
def test_wrong_columns_are_named(kind, given, said):
    with pytest.raises((dpaudit.DataError, ValueError)) as caught:
        kind(**given)
    assert said in str(caught.value)


def test_the_weights_of_a_state_are_those_of_its_equity():
    counts, population = np.array([2_000.0, 2_000.0]), np.array([5_000.0, 20_000.0])
    public = {"population": population, "state": np.array(["A", "A"]), "appropriation": 1.0}
    by_equity = [
        TitleIEfig(**public, equity=equity).decide(counts)[0] for equity in (0.05, 0.15, 0.25)
    ]
    expected = []
    for weights in (_title_i.TARGETED, _title_i.MIDDLING, _title_i.UNEQUAL):
        made = _title_i.weighted(counts, population, weights=weights)
        expected.append(made[0] / made.sum())
    np.testing.assert_allclose(by_equity, expected)
    assert len(set(np.round(expected, 3))) == 3
    flat = (1.0,) * 5
    same = TitleIEfig(**public, equity=0.25, unequal_number=flat, unequal_share=flat)
    np.testing.assert_allclose(same.decide(counts), 0.5)


def test_what_is_not_filled_in_is_named():
    with pytest.raises(dpaudit.UsageError, match="population: the column 'n'"):
        TitleIBasic(population="n").decide(np.ones(2))
    with pytest.raises(dpaudit.DataError, match="for 2 entities"):
        TitleIBasic(population=np.ones(2)).decide(np.ones(3))
    with pytest.raises(dpaudit.DataError, match=r"equity: 1\.4"):
        TitleIEfig(**ONE, equity=1.4).decide(np.full(6, 50.0))


def test_nothing_is_claimed_that_is_not_known():
    for decision in DECISIONS.values():
        assert not isinstance(decision.structure(6), dpaudit.Linear | dpaudit.Proportional)
        assert decision.existence(None, clipped=False) is None
        assert all(not sentence.endswith(".") for sentence in decision.caveats())
