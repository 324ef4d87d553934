import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dpaudit.errors import UsageError
from dpaudit.solvers.rounding import largest_remainder
from dpaudit.solvers.simplex import project_onto_simplex


def round_to_total(values, total):
    return largest_remainder(values, np.array([total]))


@given(
    values=hnp.arrays(np.float64, (3, 6), elements=st.floats(-1e6, 1e6)),
    total=st.integers(0, 2**53),
)
def test_whole_non_negative_and_the_exact_total(values, total):
    projected = project_onto_simplex(values, float(total))
    rounded = round_to_total(projected, float(total))
    np.testing.assert_array_equal(rounded, np.rint(rounded))
    assert (rounded >= 0).all()
    assert [sum(int(value) for value in row) for row in rounded] == [total] * 3
    np.testing.assert_array_less(np.abs(rounded - projected), 1.0 + 1e-15 * total)


@given(parts=st.lists(st.integers(0, 40), min_size=2, max_size=4), scale=st.integers(1, 7))
def test_it_is_the_nearest_whole_vector(parts, scale):
    total = float(sum(parts) // scale)
    values = np.array(parts) * (total / sum(parts)) if sum(parts) else np.zeros(len(parts))
    rounded = round_to_total(values, total)
    base = np.floor(values)
    moves = np.array(np.meshgrid(*[[-1, 0, 1, 2]] * len(parts))).reshape(len(parts), -1).T
    others = base + moves
    others = others[others.sum(axis=1) == total]
    best = np.square(others - values).sum(axis=1).min()
    assert np.square(rounded - values).sum() <= best + 1e-9


def test_as_many_of_equal_remainders_are_raised_as_are_missing():
    for total in range(5):
        values = np.full(4, total / 4)
        assert np.count_nonzero(round_to_total(values, float(total)) > values) == total % 4


@pytest.mark.parametrize("total", [0.5, -1.0, np.nan, np.inf])
def test_a_total_that_is_not_whole(total):
    with pytest.raises(UsageError, match="whole"):
        round_to_total(np.array([0.25, 0.25]), total)
