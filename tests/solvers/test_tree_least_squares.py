from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dpaudit.errors import UsageError
from dpaudit.model.hierarchy import Hierarchy
from dpaudit.solvers.tree_least_squares import least_squares_variance, tree_least_squares


@st.composite
def trees(draw):
    n = draw(st.integers(1, 6))
    inner = draw(st.integers(0, 3))
    paths = [draw(st.lists(st.sampled_from("ab"), min_size=n, max_size=n)) for _ in range(inner)]
    levels = [f"level {i}" for i in range(inner + 1)]
    return Hierarchy.of(levels, [*paths, [f"e{i}" for i in range(n)]])


@st.composite
def measurements(draw, kinds=(0, 1, 2, 7, None)):
    """A tree, values and variances (None for unmeasured) of which none contradict each other."""
    tree = draw(trees())
    values = [draw(st.integers(-20, 20)) for _ in range(tree.size)]
    variances = [draw(st.sampled_from(kinds)) for _ in range(tree.size)]
    exact = {}
    for level in range(tree.depth - 1, -1, -1):
        part = tree.part(level)
        for i in range(tree.sizes[level]):
            below = level < tree.depth - 1 and all(
                exact[level + 1, j] for j in np.flatnonzero(tree.parents[level + 1] == i)
            )
            node = part.start + i
            variances[node] = 2 if below and variances[node] == 0 else variances[node]
            exact[level, i] = below or variances[node] == 0
    return tree, values, variances


def incidence(tree):
    n = tree.sizes[-1]
    return [[int(v) for v in tree.totals(row)] for row in np.eye(n)]  # n rows of N


def solve(matrix, right):
    """Gauss-Jordan in fractions; None if singular."""
    size = len(matrix)
    rows = [[*map(Fraction, a), *map(Fraction, b)] for a, b in zip(matrix, right, strict=True)]
    for k in range(size):
        pivot = next((i for i in range(k, size) if rows[i][k]), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [entry / rows[k][k] for entry in rows[k]]
        for i in range(size):
            if i != k and rows[i][k]:
                rows[i] = [a - rows[i][k] * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[size:] for row in rows]


def exact_gls(tree, variances):
    """Return the matrix of the best linear unbiased estimate, in fractions; None if singular."""
    leaves, n, size = incidence(tree), tree.sizes[-1], tree.size
    exact = [i for i in range(size) if variances[i] == 0]
    weight = [Fraction(1, v) if v else Fraction(0) for v in variances]
    normal = [
        [sum(weight[i] * a[i] * b[i] for i in range(size)) for b in leaves] + [a[i] for i in exact]
        for a in leaves
    ]
    right = [[weight[i] * a[i] for i in range(size)] for a in leaves]
    normal += [[a[i] for a in leaves] + [0] * len(exact) for i in exact]
    right += [[int(i == j) for j in range(size)] for i in exact]
    found = solve(normal, right)
    if found is None:
        return None
    return [
        [sum(leaves[k][i] * found[k][j] for k in range(n)) for j in range(size)]
        for i in range(size)
    ]


def as_floats(variances):
    return np.array([np.inf if v is None else float(v) for v in variances])


@settings(max_examples=200)
@given(case=measurements())
def test_equal_to_dense_least_squares_in_fractions(case):
    tree, values, variances = case
    gain = exact_gls(tree, variances)
    assume(gain is not None)
    want = [float(sum(g * z for g, z in zip(row, values, strict=True))) for row in gain]
    noise = [v or 0 for v in variances]
    spread = [float(sum(g * g * v for g, v in zip(row, noise, strict=True))) for row in gain]
    floats = as_floats(variances)
    got = tree_least_squares(tree, np.array(values, dtype=float), floats)
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(least_squares_variance(tree, floats), spread, rtol=1e-12, atol=1e-12)


@given(case=measurements())
def test_always_additive_and_exact_where_exact(case):
    tree, values, variances = case
    floats = as_floats(variances)
    rows = np.array([values, values[::-1]], dtype=float)
    got = tree_least_squares(tree, rows, floats)
    np.testing.assert_allclose(tree.totals(got[:, tree.entities]), got, atol=1e-11)
    np.testing.assert_allclose(got[:, floats == 0], rows[:, floats == 0], atol=1e-11)
    np.testing.assert_allclose(got[1], tree_least_squares(tree, rows[1], floats), atol=1e-12)
    np.testing.assert_allclose(tree_least_squares(tree, got, floats), got, atol=1e-10)


@given(case=measurements(kinds=(1, 2, 7)))
def test_variance_never_grows(case):
    tree, _, variances = case
    assert (least_squares_variance(tree, as_floats(variances)) <= as_floats(variances)).all()


@given(case=measurements(kinds=(0, 1, 2, None)), seed=st.integers(0, 2**32 - 1))
def test_renumbering_the_entities_renumbers_the_result(case, seed):
    tree, values, variances = case
    n, depth = tree.sizes[-1], tree.depth
    order = np.random.default_rng(seed).permutation(n)
    ancestors, columns = np.arange(n), []
    for level in range(depth - 1, 0, -1):
        columns.insert(0, [f"{i:02d}" for i in ancestors])
        ancestors = tree.parents[level][ancestors]
    moved = Hierarchy.of(tree.levels[1:], [[column[i] for i in order] for column in columns])
    inner = tree.size - n
    at = np.concatenate([np.arange(inner), inner + order])
    floats, values = as_floats(variances), np.array(values, dtype=float)
    got = tree_least_squares(moved, values[at], floats[at])
    np.testing.assert_allclose(got, tree_least_squares(tree, values, floats)[at], atol=1e-12)


def test_what_is_not_determined_is_shared_evenly():
    tree = Hierarchy.of(["e"], [["a", "b", "c"]])
    variances = np.array([1.0, np.inf, np.inf, 2.0])
    got = tree_least_squares(tree, np.array([10.0, np.nan, np.inf, 4.0]), variances)
    np.testing.assert_array_equal(got, [10.0, 3.0, 3.0, 4.0])
    np.testing.assert_array_equal(
        least_squares_variance(tree, variances), [1.0, np.inf, np.inf, 2.0]
    )
    nothing = tree_least_squares(tree, np.full(4, np.nan), np.full(4, np.inf))
    np.testing.assert_array_equal(nothing, np.zeros(4))


def test_the_only_unmeasured_child_is_what_is_left():
    tree = Hierarchy.of(["s", "e"], [["x", "x", "y"], ["a", "b", "c"]])
    variances = np.array([1.0, np.inf, 4.0, np.inf, 2.0, 8.0])
    got = tree_least_squares(tree, np.array([15.0, 0.0, 6.0, 0.0, 5.0, 3.0]), variances)
    rest = got[1] - 5.0
    assert got[3] == pytest.approx(rest)
    # y is 4 and 8 in parallel, x is the root minus y, a is x minus b
    y = 8.0 / 3.0
    np.testing.assert_allclose(
        least_squares_variance(tree, variances), [1, 1 + y, y, 3 + y, 2, y], rtol=1e-14
    )


def test_exact_children_stand_against_an_exact_parent():
    tree = Hierarchy.of(["e"], [["a", "b"]])
    got = tree_least_squares(tree, np.array([10.0, 3.0, 4.0]), np.zeros(3))
    np.testing.assert_array_equal(got, [7.0, 3.0, 4.0])


@pytest.mark.parametrize("value", [0.0, 2.0**53, -1e200, 1e-300])
def test_a_chain_averages_by_precision(value):
    tree = Hierarchy.of(["s", "e"], [["x"], ["a"]])
    got = tree_least_squares(tree, np.array([value, value, value]), np.array([1.0, 2.0, 4.0]))
    np.testing.assert_allclose(got, value, rtol=1e-15)
    want = 1.0 / (1.0 + 0.5 + 0.25)
    np.testing.assert_allclose(
        least_squares_variance(tree, np.array([1.0, 2.0, 4.0])), want, rtol=1e-14
    )


def test_the_input_stays_as_it_is():
    tree = Hierarchy.of(["e"], [["a", "b"]])
    values = np.array([10.0, 3.0, 4.0])
    tree_least_squares(tree, values, np.ones(3))
    np.testing.assert_array_equal(values, [10.0, 3.0, 4.0])


@pytest.mark.parametrize(
    ("values", "variances", "message"),
    [
        ([1.0, 2.0], [1.0, 1.0, 1.0], "do not fit a tree"),
        ([1.0, 2.0, 3.0], [1.0, 1.0], "do not fit a tree"),
        ([1.0, 2.0, 3.0], [1.0, -1.0, 1.0], "variance -1.0"),
        ([1.0, 2.0, 3.0], [1.0, np.nan, 1.0], "variance nan"),
        ([1.0, np.nan, 3.0], [1.0, 1.0, 1.0], "not finite"),
    ],
)
def test_wrong_arguments(values, variances, message):
    tree = Hierarchy.of(["e"], [["a", "b"]])
    with pytest.raises(UsageError, match=message):
        tree_least_squares(tree, np.array(values), np.array(variances))
