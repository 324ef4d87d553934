import itertools

import numpy as np
import pytest

from dpaudit.errors import UsageError
from dpaudit.solvers.hidden_cells import suppression_intervals

SUMS = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1]], dtype=np.float64)


@pytest.mark.parametrize("truth", [(1, 4, 3, 2), (1, 1, 1, 1), (4, 4, 2, 1)])
def test_intervals_are_those_of_all_tables_that_agree(truth):
    """A 2 x 2 table with totals both ways, whose extreme tables are whole."""
    totals = SUMS @ np.array(truth, dtype=np.float64)
    tables = np.array(
        [
            t
            for t in itertools.product(range(1, 5), repeat=4)
            if (SUMS @ np.array(t) == totals).all()
        ]
    )
    least, most = suppression_intervals(SUMS, totals, np.ones(4), np.full(4, 4.0))
    np.testing.assert_allclose(least, tables.min(axis=0), atol=1e-9)
    np.testing.assert_allclose(most, tables.max(axis=0), atol=1e-9)


def test_a_cell_alone_in_its_total_is_disclosed_and_one_in_none_is_not():
    least, most = suppression_intervals(
        np.array([[1.0, 0.0]]), np.array([3.0]), np.ones(2), np.array([9.0, np.inf])
    )
    assert (least.tolist(), most.tolist()) == ([3.0, 1.0], [3.0, np.inf])


def test_contradictions_are_named():
    with pytest.raises(UsageError, match="no table agrees"):
        suppression_intervals(SUMS, np.full(4, 99.0), np.ones(4), np.full(4, 4.0))
    with pytest.raises(UsageError, match="shape"):
        suppression_intervals(SUMS, np.ones(3), np.ones(4), np.full(4, 4.0))
