import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dpaudit.errors import UsageError
from dpaudit.solvers.scaling import fit_margins, scale_to_total


@given(
    values=hnp.arrays(np.float64, (2, 6), elements=st.floats(-1e6, 1e6)),
    total=st.floats(0, 1e9),
    seed=st.integers(0, 2**32 - 1),
)
def test_scaled_values_have_the_total(values, total, seed):
    got = scale_to_total(values, total)
    assert (got >= 0).all()
    np.testing.assert_allclose(got.sum(axis=-1), total, rtol=1e-13, atol=1e-300)
    np.testing.assert_allclose(scale_to_total(got, total), got, rtol=1e-12, atol=1e-300)
    order = np.random.default_rng(seed).permutation(6)
    np.testing.assert_allclose(
        scale_to_total(values[:, order], total), got[:, order], rtol=1e-13, atol=1e-300
    )


@pytest.mark.parametrize(
    ("values", "total", "want"),
    [
        ([1.0, -2.0, 3.0], 8.0, [2.0, 0.0, 6.0]),
        ([0.0, 0.0], 6.0, [3.0, 3.0]),
        ([-1.0, -5.0], 6.0, [3.0, 3.0]),
        ([5.0], 2.0, [2.0]),
        ([2.0**53, 2.0**53], 2.0**53, [2.0**52, 2.0**52]),
        ([1e308, 1e308], 1.0, [0.5, 0.5]),
        ([1e-310, 1e-310], 1.0, [0.5, 0.5]),
        ([1.0, 2.0], 0.0, [0.0, 0.0]),
    ],
)
def test_edges_of_scaling(values, total, want):
    np.testing.assert_allclose(scale_to_total(np.array(values), total), want, rtol=1e-15)


POSITIVE = st.floats(0.01, 100)


@given(
    tables=hnp.arrays(np.float64, (2, 3, 4), elements=POSITIVE),
    target=hnp.arrays(np.float64, (3, 4), elements=POSITIVE),
)
def test_fitted_tables_have_the_margins_and_keep_odds_ratios(tables, target):
    margins = [(0, target.sum(axis=1)), (1, target.sum(axis=0))]
    got = fit_margins(tables, margins)
    total = target.sum()
    np.testing.assert_allclose(got.sum(axis=2), [target.sum(axis=1)] * 2, atol=1e-9 * total)
    np.testing.assert_allclose(got.sum(axis=1), [target.sum(axis=0)] * 2, atol=1e-9 * total)

    def odds(table):
        logs = np.log(table)
        return logs[:, 1:, 1:] - logs[:, :1, 1:] - logs[:, 1:, :1] + logs[:, :1, :1]

    np.testing.assert_allclose(odds(got), odds(tables), atol=1e-9)
    np.testing.assert_allclose(fit_margins(got, margins), got, rtol=1e-7, atol=1e-8 * total)


def test_structural_zeros_stay():
    got = fit_margins(
        np.array([[[0.0, 1.0], [1.0, 1.0]]]), [(0, np.array([2.0, 6.0])), (1, np.array([3.0, 5.0]))]
    )
    np.testing.assert_allclose(got, [[[0.0, 2.0], [3.0, 3.0]]], atol=1e-8)


def test_one_margin_and_three_axes():
    table = np.arange(1.0, 9.0).reshape(1, 2, 2, 2)
    got = fit_margins(table, [(1, np.array([6.0, 0.0]))])
    np.testing.assert_allclose(got[0, :, 0], table[0, :, 0] * 6.0 / table[0, :, 0].sum())
    np.testing.assert_array_equal(got[0, :, 1], 0.0)
    nothing = fit_margins(table, [(0, np.zeros(2))])
    np.testing.assert_array_equal(nothing, np.zeros_like(table))


@pytest.mark.parametrize(
    ("table", "rows", "columns", "message"),
    [
        ([[0.0, 0.0], [1.0, 1.0]], [1.0, 1.0], [1.0, 1.0], "position 0 of axis 0 .*slice of zeros"),
        ([[1.0, 1.0], [1.0, 1.0]], [1.0, 1.0], [1.0, 2.0], "sum to 2.0, 3.0"),
        ([[1.0, 1.0], [1.0, 1.0]], [3.0, -1.0], [1.0, 1.0], "smallest entry -1.0"),
        ([[1.0, 0.0], [1.0, 1.0]], [3.0, 1.0], [1.0, 3.0], "misses a margin"),
    ],
)
def test_impossible_margins(table, rows, columns, message):
    with pytest.raises(UsageError, match=message):
        fit_margins(np.array([table]), [(0, np.array(rows)), (1, np.array(columns))])
    with pytest.raises(UsageError, match="no margins"):
        fit_margins(np.array([table]), [])


def test_tables_that_are_slow_to_converge_are_fitted():
    """Small cells that have to grow: sweeps alone are 1e-8 of the total away after 10,000.

    What is fitted is the table asked for: its odds ratios are those of the start.
    """
    start = np.array([[[0.01, 28.0, 0.01], [28.0, 0.01, 28.0]]])
    rows, columns = np.array([60.0, 40.0]), np.array([25.0, 60.0, 15.0])
    (got,) = fit_margins(start, [(0, rows), (1, columns)])
    np.testing.assert_allclose(got.sum(axis=1), rows, atol=1e-8)
    np.testing.assert_allclose(got.sum(axis=0), columns, atol=1e-8)
    odds = [t[0, 0] * t[1, 1] / (t[0, 1] * t[1, 0]) for t in (got, start[0])]
    assert odds[0] == pytest.approx(odds[1], rel=1e-6)
