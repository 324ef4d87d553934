import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpaudit.model.hierarchy import ROOT, Hierarchy

STATES = ["OR", "CA", "OR", "WA", "CA", "OR"]
COUNTIES = ["Lake", "Lake", "Linn", "Lake", "Kern", "Lake"]
DISTRICTS = ["d1", "d2", "d3", "d4", "d5", "d6"]
COUNTS = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])


@pytest.fixture
def tree():
    return Hierarchy.of(["state", "county", "district"], [STATES, COUNTIES, DISTRICTS])


def test_levels_come_from_the_root_to_the_entities(tree):
    assert tree.levels == (ROOT, "state", "county", "district")
    assert tree.sizes == (1, 3, 5, 6)
    assert tree.size == 15
    assert tree.depth == 4
    assert tree.labels[1] == ("CA", "OR", "WA")
    assert tree.labels[3] == tuple(DISTRICTS)


def test_shared_labels_are_told_apart_by_their_parent(tree):
    assert tree.labels[2] == ("Kern", "Lake (CA)", "Lake (OR)", "Linn", "Lake (WA)")
    deep = Hierarchy.of(["a", "b", "c"], [["x", "y"], ["s", "s"], ["t", "t"]])
    assert deep.labels[2:] == (("s (x)", "s (y)"), ("t (s (x))", "t (s (y))"))


def test_totals_are_sums_of_entities(tree):
    want = [63.0, 18.0, 37.0, 8.0, 16.0, 2.0, 33.0, 4.0, 8.0, *COUNTS]
    np.testing.assert_array_equal(tree.totals(COUNTS), want)
    both = tree.totals(np.stack([COUNTS, 2 * COUNTS]))
    np.testing.assert_array_equal(both, [want, 2 * np.array(want)])


def test_arranged_values_stand_beside_their_siblings(tree):
    order, starts = tree.groups(3)
    arranged = tree.arranged(3, COUNTS)
    np.testing.assert_array_equal(arranged, COUNTS[order])
    np.testing.assert_array_equal(np.add.reduceat(arranged, starts), [16, 2, 33, 4, 8])
    np.testing.assert_array_equal(tree.restored(3, arranged), COUNTS)
    assert tree.arranged(2, COUNTS[:5]) is not None
    inner = COUNTS[:5]
    assert tree.arranged(2, inner) is inner
    assert tree.restored(2, inner) is inner


def test_one_number_for_each_level(tree):
    np.testing.assert_array_equal(
        tree.spread([0.0, 1.0, 2.0, 3.0]), [0.0] + [1.0] * 3 + [2.0] * 5 + [3.0] * 6
    )


@given(data=st.data())
def test_up_undoes_down_but_for_the_number_of_children(data):
    n = data.draw(st.integers(1, 12))
    paths = [data.draw(st.lists(st.sampled_from("abc"), min_size=n, max_size=n)) for _ in range(2)]
    tree = Hierarchy.of(["a", "b", "c"], [*paths, [f"{i}" for i in range(n)]])
    for level in range(1, tree.depth):
        above = np.arange(1.0, tree.sizes[level - 1] + 1)
        many = tree.up(level, np.ones(tree.sizes[level]))
        assert (many >= 1).all()
        np.testing.assert_array_equal(tree.up(level, tree.down(level, above)), above * many)
    nodes = list(zip(*paths, strict=True))
    assert tree.sizes[:3] == (1, len(set(paths[0])), len(set(nodes)))
    assert all(len(set(labels)) == len(labels) for labels in tree.labels)
    for i in range(n):
        county = tree.parents[3][i]
        assert tree.labels[2][county].partition(" ")[0] == paths[1][i]
        assert tree.labels[1][tree.parents[2][county]] == paths[0][i]
