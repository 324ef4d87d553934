import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dpaudit.stats.moments import Moments, merge_tree

RNG = np.random.default_rng(1)


def test_merged_moments_are_the_moments_of_all_rows():
    rows = RNG.standard_exponential((96, 5))
    merged = merge_tree([Moments.of(rows[i : i + 32]) for i in range(0, 96, 32)])
    np.testing.assert_allclose(merged.mean, rows.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(merged.variance, rows.var(axis=0, ddof=1), rtol=1e-12)
    assert merged.count == 96


@given(blocks=st.integers(1, 40), chunk=st.sampled_from([1, 2, 4, 8, 16]))
@settings(max_examples=60, deadline=None)
def test_merging_aligned_chunks_first_changes_no_bit(blocks, chunk):
    parts = [Moments.of(np.random.default_rng(i).normal(size=(8, 3))) for i in range(blocks)]
    whole = merge_tree(parts)
    chunked = merge_tree([merge_tree(parts[i : i + chunk]) for i in range(0, blocks, chunk)])
    for field in ("mean", "m2", "m4"):
        assert getattr(whole, field).tobytes() == getattr(chunked, field).tobytes()


def test_normal_rows_have_almost_all_their_degrees_of_freedom():
    moments = merge_tree([Moments.of(RNG.normal(size=(32, 4))) for _ in range(64)])
    assert (moments.degrees_of_freedom > 1500).all()


def test_a_variance_carried_by_one_event_has_few_degrees_of_freedom():
    rows = np.zeros((2048, 1))
    rows[7] = 1.0
    moments = merge_tree([Moments.of(rows[i : i + 32]) for i in range(0, 2048, 32)])
    assert moments.degrees_of_freedom[0] < 2.0


def test_moments_of_many_columns_are_those_of_each():
    """Wide rows are worked on in pieces, which changes no bit."""
    rows = RNG.laplace(size=(64, 5000))
    found, squares = Moments.of(rows), Moments.of(rows, np.square)
    gap = (rows - rows.mean(axis=0)) ** 2
    np.testing.assert_array_equal(found.mean, rows.mean(axis=0))
    np.testing.assert_array_equal(found.m2, gap.sum(axis=0))
    np.testing.assert_array_equal(found.m4, (gap * gap).sum(axis=0))
    np.testing.assert_array_equal(squares.mean, (rows * rows).mean(axis=0))
    last = Moments.of(rows[:, :1])
    assert found.ending_with(last).m2[-1] == last.m2[0]
