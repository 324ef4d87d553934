import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from dpaudit.errors import PluginError, UsageError
from dpaudit.model.hierarchy import Hierarchy
from dpaudit.solvers import tree_nnls as module
from dpaudit.solvers.simplex import project_onto_simplex
from dpaudit.solvers.tree_least_squares import tree_least_squares
from dpaudit.solvers.tree_nnls import kkt_residual, tree_nnls
from dpaudit.solvers.tree_reference import tree_nnls_reference

POSITIVE = st.sampled_from([0.1, 1.0, 3.0, 50.0])
VALUES = st.one_of(st.integers(-50, 50).map(float), st.floats(-1e3, 1e3))


@st.composite
def noisy_trees(draw, variances=POSITIVE):
    n = draw(st.integers(1, 9))
    inner = draw(st.integers(0, 2))
    paths = [draw(st.lists(st.sampled_from("abc"), min_size=n, max_size=n)) for _ in range(inner)]
    levels = [f"level {i}" for i in range(inner + 1)]
    tree = Hierarchy.of(levels, [*paths, [f"e{i}" for i in range(n)]])
    rows = [[draw(VALUES) for _ in range(tree.size)] for _ in range(2)]
    return tree, np.array(rows), np.array([draw(variances) for _ in range(tree.size)])


def census(n, seed=0, scale=20.0):
    """Root, about sqrt(n) middle nodes and n entities, half of them empty, with Laplace noise."""
    rng = np.random.default_rng(seed)
    middle = [f"{i:05d}" for i in rng.integers(0, max(2, round(n**0.5)), n)]
    tree = Hierarchy.of(["middle", "entity"], [middle, [f"{i:07d}" for i in range(n)]])
    counts = np.where(rng.random(n) < 0.5, 0.0, np.floor(np.exp(rng.normal(2.0, 1.5, n))))
    return tree, counts, tree.totals(counts) + rng.laplace(0.0, scale, (3, tree.size))


@settings(max_examples=200)
@given(case=noisy_trees())
def test_equal_to_the_dense_algorithm_of_lawson_and_hanson(case):
    tree, rows, variances = case
    design = tree.totals(np.eye(tree.sizes[-1])).T / np.sqrt(variances)[:, None]
    got = tree_nnls(tree, rows, variances)
    for row, result in zip(rows, got, strict=True):
        counts, _ = nnls(design, row / np.sqrt(variances))
        np.testing.assert_allclose(result, tree.totals(counts), rtol=1e-9, atol=1e-8)


@settings(max_examples=200)
@given(case=noisy_trees())
def test_optimality_conditions(case):
    tree, rows, variances = case
    got = tree_nnls(tree, rows, variances)
    assert (got >= 0).all()
    np.testing.assert_array_equal(tree.totals(got[:, tree.entities]), got)
    assert kkt_residual(tree, rows, variances, got) <= 1e-9 * (1 + np.abs(rows).max() / 0.1)
    again = tree_nnls(tree, got, variances)
    np.testing.assert_allclose(again, got, rtol=1e-10, atol=1e-9)


def test_the_optimality_check_notices_a_wrong_solution():
    tree, _, rows = census(50)
    ones = np.ones(tree.size)
    got = tree_nnls(tree, rows, ones)
    off = tree.totals(got[:, tree.entities] + 1e-4)
    assert kkt_residual(tree, rows, ones, off) > 1e-5
    clipped = tree.totals(np.maximum(rows[:, tree.entities], 0.0))
    assert kkt_residual(tree, rows, ones, clipped) > 1.0


@settings(max_examples=200)
@given(case=noisy_trees(variances=st.sampled_from([0.0, 0.0, 1.0, 4.0, np.inf])))
def test_exact_and_unmeasured_nodes(case):
    """Exact inner nodes come from one true table; entities are measured."""
    tree, rows, variances = case
    variances[tree.entities] = np.where(np.isfinite(variances[tree.entities]), 2.0, 3.0)
    truth = tree.totals(np.abs(np.rint(rows[:, tree.entities])))
    rows = np.where(variances == 0, truth, rows)
    got = tree_nnls(tree, rows, variances)
    assert (got >= 0).all()
    exact = variances == 0
    np.testing.assert_allclose(got[:, exact], truth[:, exact], rtol=1e-12, atol=1e-9)
    # In place of an exact value one of tiny variance; in place of an unmeasured one of a huge.
    near = np.where(exact, 1e-9, np.where(np.isinf(variances), 1e12, variances))
    np.testing.assert_allclose(tree_nnls(tree, rows, near), got, rtol=1e-6, atol=1e-4)


def test_ties_beside_tiny_variances_are_no_case_for_the_general_solver(monkeypatch):
    """It leaves 0.003 persons here, where rounding leaves less than a millionth."""
    tree = Hierarchy.of(["a", "b", "e"], [[*"abcac"], [*"aaaab"], [f"e{i}" for i in range(5)]])
    row = np.array([1.0, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 0])
    inner = np.array([1e-9, 1e-9, 1e-9, 1.0, 1e-9, 1.0, 1.0, 1e-9])
    monkeypatch.setattr(module, "tree_nnls_reference", None)
    got = tree_nnls(tree, row, np.append(inner, np.full(5, 2.0)))
    np.testing.assert_allclose(got[tree.entities], [0, 0, 0, 1, 0], atol=1e-6)


def test_one_exact_total_is_the_projection_on_the_simplex():
    rng = np.random.default_rng(4)
    tree = Hierarchy.of(["e"], [[f"{i}" for i in range(40)]])
    counts = rng.normal(0.0, 10.0, 40)
    for total in (0.0, 1e-6, 7.0, 1e6):
        variances = np.concatenate([[0.0], np.ones(40)])
        got = tree_nnls(tree, np.concatenate([[total], counts]), variances)
        want = project_onto_simplex(counts, total)
        np.testing.assert_allclose(got[1:], want, rtol=1e-12, atol=1e-12 * (1 + total))


def test_without_a_sign_to_mend_it_is_plain_least_squares():
    tree, _, rows = census(200, scale=1.0)
    rows = rows + tree.totals(np.full(200, 50.0))
    variances = np.random.default_rng(1).uniform(0.5, 2.0, tree.size)
    np.testing.assert_allclose(
        tree_nnls(tree, rows, variances), tree_least_squares(tree, rows, variances), rtol=1e-12
    )


@pytest.mark.parametrize("solver", ["clarabel", "osqp"])
def test_equal_to_the_general_solvers(solver):
    tree, counts, rows = census(400)
    variances = tree.spread([1.0, 4.0, 9.0])
    got = tree_nnls(tree, rows[0], variances)
    want = tree_nnls_reference(tree, rows[0], variances, solver)
    limit = {"clarabel": 1e-6, "osqp": 1e-9}[solver] * counts.sum()
    np.testing.assert_allclose(got, want, rtol=0, atol=limit)
    assert np.abs(got - tree.totals(np.maximum(rows[0, tree.entities], 0.0))).max() > limit


def test_the_reference_takes_exact_and_unmeasured_nodes():
    tree, counts, rows = census(60)
    variances = tree.spread([0.0, np.inf, 1.0])
    rows[:, 0] = counts.sum()
    want = tree_nnls_reference(tree, rows[0], variances)
    np.testing.assert_allclose(tree_nnls(tree, rows[0], variances), want, atol=1e-4)
    assert want[0] == pytest.approx(counts.sum(), rel=1e-9)


def test_the_reference_says_that_exact_values_contradict_each_other():
    tree = Hierarchy.of(["e"], [["a", "b"]])
    with pytest.raises(PluginError, match="infeasible"):
        tree_nnls_reference(tree, np.array([9.0, 1.0, 2.0]), np.zeros(3))


def test_a_row_that_misses_its_conditions_goes_to_the_general_solver(monkeypatch):
    """The second multipliers are made too large: entities leave the active set wrongly."""
    tree, _, rows = census(60)
    ones, calls = np.ones(tree.size), []
    want = tree_nnls(tree, rows, ones)
    right, reference = module._multipliers, module.tree_nnls_reference

    def wrong(*arguments):
        calls.append("multipliers")
        return right(*arguments) + (5.0 if len(calls) == 2 else 0.0)

    def counted(*arguments):
        calls.append("reference")
        return reference(*arguments)

    monkeypatch.setattr(module, "_multipliers", wrong)
    monkeypatch.setattr(module, "tree_nnls_reference", counted)
    got = tree_nnls(tree, rows, ones)
    assert "reference" in calls
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_rows_do_not_depend_on_their_company(monkeypatch):
    tree, _, rows = census(300)
    ones = np.ones(tree.size)
    together = tree_nnls(tree, rows, ones)
    for row, result in zip(rows, together, strict=True):
        np.testing.assert_array_equal(tree_nnls(tree, row, ones), result)
    monkeypatch.setattr(module, "_BLOCK", 1)
    np.testing.assert_array_equal(tree_nnls(tree, rows, ones), together)


def test_permuted_entities():
    tree, _, rows = census(100)
    order = np.random.default_rng(2).permutation(100)
    middle = [tree.labels[1][i] for i in tree.parents[2]]
    moved = Hierarchy.of(
        ["middle", "entity"], [[middle[i] for i in order], [tree.labels[2][i] for i in order]]
    )
    at = np.concatenate([np.arange(tree.size - 100), tree.size - 100 + order])
    ones = np.ones(tree.size)
    np.testing.assert_allclose(
        tree_nnls(moved, rows[:, at], ones), tree_nnls(tree, rows, ones)[:, at], atol=1e-11
    )


@pytest.mark.parametrize("value", [0.0, 5.0, -5.0, 2.0**53, -(2.0**53)])
def test_degenerate_trees(value):
    for paths in ([["a"]], [["s", "s"], ["a", "b"]], [["s"], ["t"], ["a"]]):
        tree = Hierarchy.of([f"l{i}" for i in range(len(paths))], paths)
        got = tree_nnls(tree, np.full(tree.size, value), np.ones(tree.size))
        assert (got >= 0).all()
        assert np.isfinite(got).all()
        if value <= 0:
            np.testing.assert_array_equal(got, 0.0)


def test_many_entities():
    tree, _, rows = census(20_000)
    got = tree_nnls(tree, rows, np.ones(tree.size))
    assert kkt_residual(tree, rows, np.ones(tree.size), got) <= 1e-6


@pytest.mark.parametrize(
    ("values", "variances", "message"),
    [
        ([1.0, 1.0, 1.0], [1.0, np.inf, 1.0], "an entity was not measured"),
        ([-1.0, 1.0, 1.0], [0.0, 1.0, 1.0], "exact value -1.0 is negative"),
        ([np.nan, 1.0, 1.0], [1.0, 1.0, 1.0], "not finite"),
    ],
)
def test_wrong_arguments(values, variances, message):
    tree = Hierarchy.of(["e"], [["a", "b"]])
    with pytest.raises(UsageError, match=message):
        tree_nnls(tree, np.array(values), np.array(variances))


@pytest.mark.parametrize("factor", [2.0**-700, 2.0**700])
def test_only_ratios_of_variances_matter(factor):
    tree = Hierarchy.of(["state", "county"], [list("AABB"), list("wxyz")])
    values = np.array([5.0, 9.0, -2.0, -4.0, 6.0, 3.0, -8.0])
    variances = np.array([0.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0])
    made = tree_nnls(tree, values, variances)
    np.testing.assert_array_equal(tree_nnls(tree, values, factor * variances), made)
    assert made.min() == 0 < made.max()
