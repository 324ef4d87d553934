import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from dpaudit.solvers.mixed_order import ORDER_BITS, mixed_order

FALSE_ALARM = 1e-6
STEP, ALL = 0x9E3779B97F4A7C15, 2**64 - 1


def mixed(number):
    """SplitMix64's finaliser, in Python's whole numbers."""
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 & ALL
    number = (number ^ number >> 27) * 0x94D049BB133111EB & ALL
    return number ^ number >> 31


def by_hand(row):
    bits = [int(value) for value in (row + 0.0).view(np.uint64)]
    seed = sum((b ^ b >> 32) * mixed(i * STEP & ALL) for i, b in enumerate(bits, start=1)) & ALL
    return [mixed(seed + i * STEP & ALL) >> 44 for i in range(1, len(bits) + 1)]


def test_the_generator_is_splitmix64():
    """The first number of seed 0, as published with the generator."""
    assert mixed(STEP) == 0xE220A8397B1DCDAF


@given(
    rows=hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=3, max_side=7),
        elements=st.floats(allow_nan=False, allow_infinity=False),
    )
)
def test_every_row_is_mixed_as_by_hand_and_as_alone(rows):
    got = mixed_order(rows)
    assert ((got >= 0) & (got < 2**ORDER_BITS)).all()
    for row, order in zip(
        rows.reshape(-1, rows.shape[-1]), got.reshape(-1, rows.shape[-1]), strict=True
    ):
        assert order.tolist() == by_hand(row)
        np.testing.assert_array_equal(mixed_order(row), order)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1), (70_000, 2), (3, 40_000)])
def test_any_shape(shape):
    values = np.random.default_rng(1).integers(0, 9, shape).astype(np.float64)
    got = mixed_order(values)
    assert got.shape == shape
    for i in range(min(len(values), 3)):
        np.testing.assert_array_equal(got[-1 - i], mixed_order(values[-1 - i]))


def test_signed_zeros_are_one():
    np.testing.assert_array_equal(
        mixed_order(np.array([-0.0, 1.0])), mixed_order(np.array([0.0, 1]))
    )


def test_rows_of_small_counts_have_their_own_seeds():
    """2000 different rows with one sum and one fraction; the control is the exclusive or."""
    noise = np.random.default_rng(2).integers(-9, 10, (2000, 6)).astype(np.float64)
    noise[:, -1] -= noise.sum(axis=1)
    rows = np.unique(500.0 + noise, axis=0) + 0.5
    assert len(np.unique(mixed_order(rows), axis=0)) == len(rows)
    assert len(np.unique(np.bitwise_xor.reduce(rows.view(np.uint64), axis=1))) < len(rows) / 4


def test_all_positions_are_first_alike():
    """False alarm 1e-6 (chi-squared); the control is the order of the positions."""
    rows = np.random.default_rng(3).integers(490, 511, (12_000, 6)) + 0.5
    limit = stats.chi2.isf(FALSE_ALARM, 5)
    for order, fits in ((mixed_order(rows), True), (np.arange(6) + 0.0 * rows, False)):
        wins = np.bincount(order.argmax(axis=1), minlength=6)
        assert (np.sum((wins - 2000.0) ** 2 / 2000.0) <= limit) == fits
