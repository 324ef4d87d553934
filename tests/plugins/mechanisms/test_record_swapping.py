"""Record swapping against enumeration of every possible set of pairs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dpaudit
from dpaudit_plugins.mechanisms import record_swapping
from dpaudit_plugins.mechanisms.record_swapping import RecordSwapping

LIMIT = 6.5
TABLE = dpaudit.Domain(
    names=("size", "area", "sex"), values=(("s", "l"), ("A", "B", "C"), ("f", "m"))
)
COUNTS = np.array([5.0, 3.0, 2.0, 0.0, 7.0, 1.0, 4.0, 4.0, 0.0, 6.0, 1.0, 2.0])
rng = np.random.default_rng


def swapping(domain=TABLE, **parameters):
    return RecordSwapping(**{"rate": 0.5, "swap": "area", "match": ("size",), **parameters,
                             "domain": domain})  # fmt: skip


def pairings(people, pairs):
    """Every set of that many disjoint pairs."""
    if pairs == 0:
        yield ()
        return
    for i, one in enumerate(people):
        for j in range(i + 1, len(people)):
            rest = [p for p in people[i + 1 :] if p != people[j]]
            for others in pairings(rest, pairs - 1):
                yield ((one, people[j]), *others)


def enumerated(counts, domain, rate):
    """Mean and variance of every cell, where all records are one stratum."""
    records = [cell for cell, many in enumerate(counts.astype(int)) for _ in range(many)]
    where = [list(np.unravel_index(cell, domain.shape)) for cell in records]
    outcomes = []
    for chosen in pairings(list(range(len(records))), math.floor(rate * len(records) / 2)):
        moved = [list(place) for place in where]
        for one, other in chosen:
            moved[one][0], moved[other][0] = where[other][0], where[one][0]
        cells = [int(np.ravel_multi_index(place, domain.shape)) for place in moved]
        outcomes.append(np.bincount(cells, minlength=domain.size))
    outcomes = np.array(outcomes, dtype=np.float64)
    return outcomes.mean(axis=0), outcomes.var(axis=0)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 3), min_size=6, max_size=6), st.sampled_from([0.0, 0.4, 0.7, 1.0]))
def test_moments_are_those_of_all_possible_pairs(cells, rate):
    counts = np.array(cells, dtype=np.float64)
    while counts.sum() > 7:
        counts[np.argmax(counts)] -= 1.0
    domain = dpaudit.Domain(names=("area", "sex"), values=(("A", "B", "C"), ("f", "m")))
    made = swapping(domain, rate=rate, match=())
    mean, variance = enumerated(counts, domain, rate)
    np.testing.assert_allclose(counts + made.bias(counts), mean, atol=1e-12)
    np.testing.assert_allclose(made.variance(counts), variance, atol=1e-12)


@pytest.mark.parametrize("swap", ["area", "size", "sex"])
def test_closed_forms_against_simulation(swap, draws_of, disagreement):
    """False alarm below 1e-6; the control takes the closed forms of another rate."""
    match = ("size",) if swap != "size" else ("sex",)
    made = swapping(swap=swap, match=match)
    drawn = draws_of(made, COUNTS, 8_000, one_by_one=True)
    assert max(disagreement(made, COUNTS, drawn).values()) < LIMIT
    other = swapping(swap=swap, match=match, rate=0.8)
    assert min(disagreement(other, COUNTS, drawn).values()) > LIMIT


def margin(counts, axes):
    return TABLE.table(counts).sum(axis=axes)


@given(
    st.lists(st.integers(0, 30), min_size=12, max_size=12),
    st.floats(0.0, 1.0),
    st.sampled_from([(), ("size",), ("sex",), ("size", "sex")]),
)
def test_margins_are_kept(cells, rate, match):
    counts = np.array(cells, dtype=np.float64)
    released = swapping(rate=rate, match=match).release(counts, rng(1))
    assert np.all(released >= 0)
    assert np.array_equal(margin(released, 1), margin(counts, 1))
    axes = tuple(i for i, name in enumerate(TABLE.names) if name not in {"area", *match})
    assert np.array_equal(margin(released, axes), margin(counts, axes))


def test_nobody_is_swapped_at_rate_zero_and_everybody_at_rate_one():
    assert np.array_equal(swapping(rate=0.0).release(COUNTS, rng(1)), COUNTS)
    assert np.all(swapping(rate=0.0).variance(COUNTS) == 0)
    two = dpaudit.Domain(names=("area", "sex"), values=(("A", "B"), ("f", "m")))
    released = swapping(two, rate=1.0, match=()).release(np.array([1.0, 0.0, 0.0, 1.0]), rng(1))
    assert released.tolist() == [0.0, 1.0, 1.0, 0.0]


def test_degenerate_tables():
    for counts in (np.zeros(12), np.eye(12)[3]):
        made = swapping(rate=1.0)
        assert np.array_equal(made.release(counts, rng(1)), counts)
        assert np.all(made.bias(counts) == 0)
        assert np.all(made.variance(counts) == 0)
    one = dpaudit.Domain(names=("area",), values=(("A",),))
    made = swapping(one, match=())
    assert made.release(np.array([9.0]), rng(1)).tolist() == [9.0]
    assert made.bias(np.array([9.0]))[0] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("neighbours", ["add-remove", "replace"])
def test_nothing_is_promised_and_the_kept_tables_are_named(neighbours):
    promised = swapping(neighbours=neighbours).privacy()
    assert (promised.neighbours, promised.epsilon) == (neighbours, math.inf)
    assert promised.uncovered == (
        "the table of size × area",
        "the table of all attributes but area",
    )
    assert swapping(match=()).privacy().uncovered[0] == "the table of area"
    assert swapping().caveats()
    assert not RecordSwapping.independent
    assert RecordSwapping.takes == "records"
    (offered,) = record_swapping.dpaudit_mechanisms()
    assert offered.name == "record-swapping"


def test_what_cannot_be_swapped():
    with pytest.raises(ValueError, match="'area'"):
        swapping(match=("area",))
    with pytest.raises(ValueError, match="rate"):
        swapping(rate=1.1)
    with pytest.raises(dpaudit.UsageError, match="no attribute 'state'"):
        swapping(swap="state").release(COUNTS, rng(1))
    with pytest.raises(dpaudit.UsageError, match="those of a table"):
        swapping(None).release(COUNTS, rng(1))
    with pytest.raises(dpaudit.UsageError, match="those of a table"):
        swapping().release(COUNTS[:4], rng(1))
    for bad in (COUNTS + 0.5, np.full(12, 2.0**53)):
        with pytest.raises(dpaudit.DataError, match="people in whole counts"):
            swapping().bias(bad)


def test_one_stream_gives_one_release():
    one, same, other = (swapping().release(COUNTS, rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_table_of_the_exchanged_attribute_alone_is_kept():
    domain = dpaudit.Domain(names=("area",), values=(("A", "B", "C"),))
    made = swapping(domain, rate=1.0, match=())
    drawn = {tuple(made.release(np.ones(3), rng(seed))) for seed in range(5)}
    assert drawn == {(1.0, 1.0, 1.0)}
