import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from dpaudit.errors import UsageError
from dpaudit.solvers.mixed_order import mixed_order
from dpaudit.solvers.rounding import largest_remainder, random_round

FALSE_ALARM = 1e-6


def by_hand(values, total, order):
    """Round down, then one each to the largest remainders, ties to the largest of ``order``."""
    whole = np.floor(values)
    missing = int(total - whole.sum())
    for i in sorted(range(values.size), key=lambda i: (whole[i] - values[i], -order[i], i))[
        :missing
    ]:
        whole[i] += 1
    return whole


@st.composite
def grouped(draw):
    """Rows of multiples of 1/8 (ties are frequent), and where groups begin."""
    n = draw(st.integers(1, 12))
    rows = draw(hnp.arrays(np.float64, (2, n), elements=st.integers(0, 60).map(lambda k: k / 8)))
    cuts = draw(st.sets(st.integers(1, n - 1), max_size=4)) if n > 1 else set()
    return rows, np.array([0, *sorted(cuts)])


@given(case=grouped())
def test_every_group_is_rounded_as_by_hand(case):
    rows, starts = case
    totals = np.rint(np.add.reduceat(rows, starts, axis=-1))
    got = largest_remainder(rows, totals, starts)
    np.testing.assert_array_equal(np.add.reduceat(got, starts, axis=-1), totals)
    assert (np.abs(got - rows) < 1).all()
    for row, result, wanted in zip(rows, got, totals, strict=True):
        parts = (np.split(of, starts[1:]) for of in (row, result, mixed_order(row * 2.0**20)))
        for values, rounded, order, total in zip(*parts, wanted, strict=True):
            np.testing.assert_array_equal(rounded, by_hand(values, total, order))
        np.testing.assert_array_equal(largest_remainder(row, wanted, starts), result)
    np.testing.assert_array_equal(largest_remainder(got, totals, starts), got)


@given(
    values=hnp.arrays(np.float64, st.integers(1, 9), elements=st.floats(0, 1e6), unique=True),
    seed=st.integers(0, 2**32 - 1),
)
def test_order_does_not_matter_without_ties(values, seed):
    remainders = values - np.floor(values)
    gaps = np.diff(np.sort(remainders))
    if (gaps < 3e-6).any() or remainders.max() > 1 - 3e-6:
        values = np.floor(values) + np.linspace(0.1, 0.9, values.size)
    total = np.rint(values.sum(keepdims=True))
    order = np.random.default_rng(seed).permutation(values.size)
    got = largest_remainder(values, total)
    np.testing.assert_array_equal(largest_remainder(values[order], total), got[order])


def test_ties_come_after_larger_remainders_and_every_time_alike():
    values = np.array([0.5, 0.5, 0.5, 0.5, 0.75])
    got = largest_remainder(values, np.array([3.0]))
    assert got[-1] == 1
    assert got.sum() == 3
    rows = largest_remainder(np.tile(values, (5, 1)), np.array([3.0]))
    np.testing.assert_array_equal(rows, np.tile(got, (5, 1)))


@given(start=st.integers(0, 1000), n=st.integers(2, 9), digits=st.integers(-3, 3))
def test_last_digits_do_not_matter_to_ties(start, n, digits):
    values = start + np.arange(n) ** 2 + 1 / n
    total = np.rint(values.sum(keepdims=True))
    wrong = values + digits * np.spacing(values) * np.where(np.arange(n) % 2, 1, -1)
    np.testing.assert_array_equal(largest_remainder(wrong, total), largest_remainder(values, total))


def test_no_position_is_favoured():
    """False alarm 1e-6 over positions; the control serves the first, as sorting would."""
    rng, draws, n = np.random.default_rng(5), 20_000, 6
    whole = rng.integers(0, 1000, (draws, n))
    missing = rng.integers(1, n, (draws, 1))
    rounded = largest_remainder(whole + missing / n, whole.sum(axis=1, keepdims=True) + missing)
    limit = stats.norm.isf(FALSE_ALARM / n / 2) * np.sqrt(
        np.mean(missing / n * (1 - missing / n)) / draws
    )
    assert (np.abs(np.mean(rounded - whole - missing / n, axis=0)) <= limit).all()
    first = np.arange(n) < missing
    assert (np.abs(np.mean(first - missing / n, axis=0)) > limit).any()


def test_two_entries_swap_about_as_often_as_not():
    """A swapped row has an order of its own; false alarm 1e-6."""
    values = np.random.default_rng(6).integers(0, 10**6, (20_000, 2)) + 0.5
    up = [
        largest_remainder(v, np.floor(v.sum(axis=1, keepdims=True))) - v > 0
        for v in (values, values[:, ::-1])
    ]
    same = np.mean(up[0][:, 0] == up[1][:, 0])
    assert abs(same - 0.5) <= stats.norm.isf(FALSE_ALARM / 2) * 0.5 / np.sqrt(len(values))


@pytest.mark.parametrize(
    ("values", "total", "want"),
    [
        ([0.0, 0.0], 0.0, [0, 0]),
        ([3.4], 3.0, [3]),
        ([0.6], 1.0, [1]),
        ([2.0**53, 0.0], 2.0**53, [2.0**53, 0]),
        ([2.0**53, 0.5, 0.5], 2.0**53, [2.0**53, 0, 0]),
        ([1e-300, 1.0], 1.0, [0, 1]),
        ([1.0 - 2**-53, 1.0], 2.0, [1, 1]),
    ],
)
def test_edges(values, total, want):
    got = largest_remainder(np.array(values), np.array([total]))
    np.testing.assert_array_equal(got, want)


def test_a_gap_of_large_numbers_goes_to_the_largest():
    values = np.full(3, 2.0**51 / 3)
    total = float(np.floor(values).sum()) + 5
    got = largest_remainder(values, np.array([total]))
    assert got.sum() == total
    assert (got >= 0).all()
    less = np.array([2.0**51, 2.0**51 + 1, 7.0])
    got = largest_remainder(less, np.array([less.sum() - 2]))
    np.testing.assert_array_equal(got, [2.0**51, 2.0**51 - 1, 7.0])


def test_numbers_beyond_2_53_are_whole_already():
    huge = np.array([[3e99, 0.5, 0.0], [1.5, 1.5, 0.0]])
    got = largest_remainder(huge, np.array([[3e99], [3.0]]))
    np.testing.assert_array_equal(got, [[3e99, 0.0, 0.0], [2.0, 1.0, 0.0]])


@pytest.mark.parametrize(
    ("values", "total", "message"),
    [
        ([-0.5, 1.5], 1.0, "-0.5 cannot be rounded"),
        ([np.nan, 1.0], 1.0, "nan cannot be rounded"),
        ([np.inf, 1.0], 1.0, "inf cannot be rounded"),
        ([0.5, 0.5], 0.5, "total 0.5 is not whole"),
        ([0.5, 0.5], 40.0, "sum to 1.0 cannot be rounded to the total 40.0"),
        ([30.5, 0.5], 4.0, "cannot be rounded to the total 4.0"),
    ],
)
def test_wrong_arguments(values, total, message):
    with pytest.raises(UsageError, match=message):
        largest_remainder(np.array(values), np.array([total]))


@given(
    values=hnp.arrays(np.float64, 6, elements=st.floats(-1e9, 1e9)),
    base=st.sampled_from([1.0, 3.0, 5.0, 10.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_random_rounding_gives_neighbouring_multiples(values, base, seed):
    got = random_round(values, base, np.random.default_rng(seed))
    np.testing.assert_array_equal(np.mod(got, base), 0.0)
    assert (np.abs(got - values) < base + 1e-6).all()
    np.testing.assert_array_equal(random_round(got, base, np.random.default_rng(seed)), got)


def test_random_rounding_is_unbiased():
    """False alarm 1e-6 over all values; the control is rounding to the nearest."""
    values, base, draws = np.array([0.0, 1.0, 2.0, 2.5, -1.0, 7.0]), 5.0, 200_000
    rows = np.broadcast_to(values, (draws, values.size))
    got = random_round(rows, base, np.random.default_rng(3))
    chance = np.mod(values, base) / base
    limit = stats.norm.isf(FALSE_ALARM / values.size / 2)
    error = base * np.sqrt(chance * (1 - chance) / draws)
    assert (np.abs(got.mean(axis=0) - values) <= limit * error).all()
    nearest = base * np.rint(rows / base)
    assert (np.abs(nearest.mean(axis=0) - values) > limit * error).any()


def test_random_rounding_leaves_huge_values():
    values = np.array([2.0**53, -(2.0**60), 0.0])
    np.testing.assert_array_equal(random_round(values, 1.0, np.random.default_rng(1)), values)
