import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dpaudit.errors import UsageError
from dpaudit.model.hierarchy import Hierarchy
from dpaudit.solvers.simplex import project_onto_simplex
from dpaudit.solvers.top_down import project_groups, top_down

NOISY = st.floats(-1e4, 1e4)


@st.composite
def noisy_trees(draw, elements=NOISY):
    n = draw(st.integers(1, 8))
    inner = draw(st.integers(0, 2))
    paths = [draw(st.lists(st.sampled_from("abc"), min_size=n, max_size=n)) for _ in range(inner)]
    levels = [f"level {i}" for i in range(inner + 1)]
    tree = Hierarchy.of(levels, [*paths, [f"e{i}" for i in range(n)]])
    return tree, draw(hnp.arrays(np.float64, (2, tree.size), elements=elements))


@given(
    values=hnp.arrays(np.float64, (2, 9), elements=st.floats(-1e6, 1e6)),
    totals=hnp.arrays(np.float64, (2, 4), elements=st.floats(0, 1e6)),
)
def test_groups_are_projected_as_alone(values, totals):
    starts = np.array([0, 1, 4, 6])
    got = project_groups(values, totals, starts)
    for row, result, wanted in zip(values, got, totals, strict=True):
        parts = np.split(row, starts[1:]), np.split(result, starts[1:])
        for part, projected, total in zip(*parts, wanted, strict=True):
            alone = project_onto_simplex(part, total)
            np.testing.assert_allclose(projected, alone, rtol=1e-12, atol=1e-12 * (1 + total))


@given(case=noisy_trees())
def test_whole_results_are_whole_additive_and_non_negative(case):
    tree, values = case
    got = top_down(tree, values)
    assert (got >= 0).all()
    np.testing.assert_array_equal(got, np.rint(got))
    np.testing.assert_array_equal(tree.totals(got[:, tree.entities]), got)
    np.testing.assert_array_equal(got[:, 0], np.rint(np.maximum(values[:, 0], 0.0)))
    np.testing.assert_array_equal(top_down(tree, got), got)
    np.testing.assert_array_equal(top_down(tree, values[1]), got[1])


@given(case=noisy_trees())
def test_other_results_are_the_projections_level_by_level(case):
    tree, values = case
    got = top_down(tree, values, whole=False)
    np.testing.assert_allclose(tree.totals(got[:, tree.entities]), got, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(top_down(tree, got, whole=False), got, rtol=1e-12, atol=1e-9)
    for level in range(1, tree.depth):
        children, noisy = got[:, tree.part(level)], values[:, tree.part(level)]
        for parent in range(tree.sizes[level - 1]):
            mine = tree.parents[level] == parent
            for row in range(2):
                total = got[row, tree.part(level - 1)][parent]
                alone = project_onto_simplex(noisy[row, mine], total)
                np.testing.assert_allclose(children[row, mine], alone, rtol=1e-10, atol=1e-8)


@given(case=noisy_trees(elements=st.integers(0, 50).map(float)))
def test_true_counts_stay_as_they_are(case):
    tree, values = case
    counts = tree.totals(values[:, tree.entities])
    np.testing.assert_array_equal(top_down(tree, counts), counts)


@given(case=noisy_trees(elements=st.sampled_from([0.0, 2.0**53, -(2.0**53), 2.0**52 + 1, 1.0])))
def test_large_counts(case):
    tree, values = case
    got = top_down(tree, values)
    assert (got >= 0).all()
    np.testing.assert_array_equal(got, np.rint(got))
    np.testing.assert_array_equal(tree.totals(got[:, tree.entities]), got)


def test_entities_in_any_order():
    tree = Hierarchy.of(["s", "e"], [["x", "y", "x", "y"], ["a", "b", "c", "d"]])
    got = top_down(tree, np.array([10.0, 6.0, 4.0, 5.0, -3.0, 1.0, 7.0]))
    np.testing.assert_array_equal(got, [10, 6, 4, 5, 0, 1, 4])


@pytest.mark.parametrize("values", [[1.0, 2.0], [1.0, np.nan, 2.0], [np.inf, 1.0, 1.0]])
def test_wrong_arguments(values):
    with pytest.raises(UsageError, match="do not fit a tree of 3 nodes"):
        top_down(Hierarchy.of(["e"], [["a", "b"]]), np.array(values))


@pytest.mark.shared_data
def test_school_districts_in_counties_in_states(shared):
    """SAIPE 2019; a district in several counties is given to the first that is listed."""
    files = [
        np.genfromtxt(
            shared / "data" / name, dtype=str, delimiter=",", skip_header=1, usecols=columns
        )
        for name, columns in (
            ("school_district_to_county_2021.csv", (0, 1)),
            ("saipe_school_districts_2019.csv", (0, 1, -1)),
        )
    ]
    county = {}
    for district, fips in files[0]:
        county.setdefault(district, fips)
    districts, states, poor = files[1].T
    counties = [county.get(district, f"none in {state}") for district, state in files[1][:, :2]]
    tree = Hierarchy.of(["state", "county", "district"], [states, counties, districts])
    assert tree.sizes[-1] == 13_184
    counts = poor.astype(np.float64)
    noise = np.random.default_rng(11).laplace(0.0, 20.0, (3, tree.size))
    noise[:, 0] = 0.0
    got = top_down(tree, tree.totals(counts) + noise)
    assert (got >= 0).all()
    np.testing.assert_array_equal(got, np.rint(got))
    np.testing.assert_array_equal(got[:, 0], counts.sum())
    for level in range(1, tree.depth):
        sums = tree.up(level, got[:, tree.part(level)])
        np.testing.assert_array_equal(sums, got[:, tree.part(level - 1)])
    assert (got[:, tree.entities] != counts).any()
