import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dpaudit.errors import UsageError
from dpaudit.solvers.simplex import project_onto_simplex, simplex_threshold

VALUES = hnp.arrays(
    np.float64, st.integers(1, 8), elements=st.floats(min_value=-1e6, max_value=1e6)
)
TOTALS = st.floats(min_value=0, max_value=1e6)


def brute_force(values, total):
    """Try every support: project on its affine hull, keep the nearest feasible point."""
    best, nearest = None, np.inf
    for size in range(1, values.size + 1):
        for support in itertools.combinations(range(values.size), size):
            point = np.zeros_like(values)
            inside = values[list(support)]
            point[list(support)] = inside - (inside.sum() - total) / size
            distance = np.sum((point - values) ** 2)
            if (point >= -1e-9).all() and distance < nearest:
                best, nearest = point, distance
    return best


@given(values=VALUES, total=TOTALS)
def test_projection_satisfies_the_optimality_conditions(values, total):
    """v >= 0, sum v = C, and v_i = (y_i - tau)^+ for one tau: necessary and sufficient."""
    projected = project_onto_simplex(values, total)
    scale = 1.0 + total
    assert (projected >= 0).all()
    assert projected.sum() == pytest.approx(total, rel=1e-12)
    tau = simplex_threshold(values, total)
    # tau itself is rounded to the size of the values
    np.testing.assert_allclose(
        projected, np.maximum(values - tau, 0.0), atol=1e-13 * scale + 1e-9, rtol=0
    )


@given(
    values=hnp.arrays(np.float64, st.integers(1, 5), elements=st.floats(-50, 50)),
    total=st.floats(min_value=0, max_value=100),
)
def test_projection_is_the_nearest_point(values, total):
    projected, nearest = project_onto_simplex(values, total), brute_force(values, total)
    np.testing.assert_allclose(projected, nearest, atol=1e-7)


@given(values=VALUES, total=TOTALS)
def test_threshold_is_the_largest_average_excess(values, total):
    """tau = max_k (sum of the k largest - C) / k (METHODS-decisions 5.3)."""
    ranked = np.sort(values)[::-1]
    want = ((np.cumsum(ranked) - total) / np.arange(1, values.size + 1)).max()
    assert simplex_threshold(values, total) == pytest.approx(want, rel=1e-12, abs=1e-8)


@given(
    values=hnp.arrays(np.float64, (3, 2, 6), elements=st.floats(-1e3, 1e3)),
    total=st.floats(min_value=0, max_value=1e3),
)
def test_rows_are_projected_on_their_own(values, total):
    together, taus = project_onto_simplex(values, total), simplex_threshold(values, total)
    assert taus.shape == (3, 2)
    for index in np.ndindex(3, 2):
        np.testing.assert_array_equal(together[index], project_onto_simplex(values[index], total))


@given(values=VALUES, total=st.floats(min_value=1, max_value=1e6))
def test_projecting_twice_changes_nothing(values, total):
    once = project_onto_simplex(values, total)
    np.testing.assert_allclose(project_onto_simplex(once, total), once, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize(
    ("values", "total", "want"),
    [
        ([5.0], 2.0, [2.0]),
        ([-5.0], 2.0, [2.0]),
        ([0.0, 0.0, 0.0], 0.0, [0.0, 0.0, 0.0]),
        ([3.0, 3.0, 3.0], 3.0, [1.0, 1.0, 1.0]),
        ([2.0**53, 0.0], 2.0**53, [2.0**53, 0.0]),
        ([2.0**53, 2.0**53, -1e300], 4.0, [2.0, 2.0, 0.0]),
        ([1e308, -1e308], 1.0, [1.0, 0.0]),
        ([1.0, 2.0], 1e-300, [0.0, 1e-300]),
    ],
)
def test_edges(values, total, want):
    np.testing.assert_allclose(project_onto_simplex(np.array(values), total), want, rtol=1e-15)


def test_long_chains_of_steps_end():
    """Geometrically growing values cost Newton's method the most steps."""
    values = 2.0 ** np.arange(60)
    projected = project_onto_simplex(values, 1.0)
    np.testing.assert_array_equal(projected, np.eye(60)[-1])


@pytest.mark.parametrize(
    ("values", "total"),
    [([], 1.0), ([np.nan], 1.0), ([np.inf, 1.0], 1.0), ([1.0], -1.0), ([1.0], np.nan)],
)
def test_wrong_arguments(values, total):
    with pytest.raises(UsageError):
        project_onto_simplex(np.array(values), total)


SIZES = [1, 5, 100, 128, 129, 2047, 2048, 40_000]
"""On both sides of the lengths from which rows are projected in another way."""


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("spread", [0.1, 2.0])
def test_rows_of_every_length_against_sorting(n, spread):
    rng = np.random.default_rng(n)
    values = np.exp(rng.normal(0.0, spread, (3, n))) + rng.laplace(0.0, 3.0, (3, n))
    total = 0.7 * n
    together = project_onto_simplex(values, total)
    for row, projected in zip(values, together, strict=True):
        ranked = np.sort(row.astype(np.longdouble))[::-1]
        tau = ((np.cumsum(ranked) - total) / np.arange(1, n + 1)).max()
        exact = np.maximum(row - tau, 0).astype(float)
        np.testing.assert_allclose(projected, exact, rtol=0, atol=1e-12 * total)
        np.testing.assert_array_equal(projected, project_onto_simplex(row, total))


@pytest.mark.parametrize("total", [0.0, 1e-300, 1.0, 1e9])
@pytest.mark.parametrize(
    "values",
    [
        np.full(5000, 3.0),
        np.r_[1e300, np.full(4999, -1e300)],
        np.r_[np.zeros(4999), 2.0**53],
        2.0 ** np.linspace(-1000.0, 1000.0, 5000),
    ],
    ids=["alike", "far apart", "one large", "growing"],
)
def test_edges_of_long_rows(values, total):
    projected = project_onto_simplex(values, total)
    assert (projected >= 0).all()
    assert projected.sum() == pytest.approx(total, rel=1e-12)
    assert (np.diff(projected[np.argsort(values, kind="stable")]) >= 0).all()
