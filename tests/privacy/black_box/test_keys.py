import numpy as np

from dpaudit.privacy.black_box import keys
from dpaudit.privacy.black_box.features import Features


def same(key, first, second):
    made = key(np.array([first, second], dtype=float))
    return bool(made[0] == made[1])


def test_atoms_are_bitwise_equal_rows():
    assert same(keys.atoms, [1.0, 2.0], [1.0, 2.0])
    assert same(keys.atoms, [0.0, 2.0], [-0.0, 2.0])
    assert not same(keys.atoms, [1.0, 2.0], [2.0, 1.0])
    assert not same(keys.atoms, [1.0, 2.0], [1.0, np.nextafter(2.0, 3.0)])


def test_support_is_signs_and_what_is_no_number():
    assert same(keys.support, [1.0, -2.0], [5.0, -0.1])
    assert not same(keys.support, [1.0, 0.0], [1.0, 1e-300])
    kinds = keys.support(np.array([[np.nan], [np.inf], [-np.inf], [0.0], [1.0], [-1.0]]))
    assert len(set(kinds.tolist())) == 6


def test_the_bit_grid_is_the_lowest_set_bit():
    assert same(keys.bit_grid, [0.75], [10.25])
    assert not same(keys.bit_grid, [0.5], [0.25])
    assert not same(keys.bit_grid, [1.0], [1.0 + 2.0**-52])
    assert not same(keys.bit_grid, [0.0], [1.0])
    assert same(keys.bit_grid, [5e-324], [-5e-324])


def test_differences_and_totals_forgive_rounding():
    assert same(keys.differences, [0.1, 0.3], [1.1, 1.3])
    assert not same(keys.differences, [0.1, 0.3], [0.1, 0.4])
    assert same(keys.totals, [0.1, 0.2], [0.3, 0.0])
    assert keys.differences(np.ones((3, 1))).tolist() == [0, 0, 0]
    assert keys.totals(np.array([[np.nan], [np.inf], [1.0]])).size == 3


def test_flags_are_values_that_come_back():
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(400, 4))
    numbers[:, :2] = -1000.0
    numbers[200:, 3] = -2000.0
    made = Features.learned(numbers, np.zeros(4), np.ones(4))
    assert made.flags.tolist() == [-2000.0, -1000.0]
    assert made.numeric
    runs = made.runs(numbers)
    np.testing.assert_array_equal(runs[:, 0], 2)
    np.testing.assert_array_equal(runs[:, 1], numbers[:, 2])
    np.testing.assert_array_equal(runs[:200, 2], 2)
    assert np.isfinite(made.table(numbers)).all()


def test_columns_stay_the_same_whatever_comes_later():
    made = Features.learned(np.tile([[0.0, 1.0]], (50, 1)), np.zeros(2), np.ones(2))
    later = np.array([[np.nan, np.inf], [0.0, 1.0], [-1e300, 7.0]])
    assert not made.numeric
    assert made.table(later).shape == (3, made.table(np.zeros((1, 2))).shape[1])
    assert np.isfinite(made.table(later)).all()
