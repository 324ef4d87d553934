"""First derivatives by central differences."""

import numpy as np

from dpaudit.solvers.jacobian import jacobian


def test_it_is_exact_of_a_quadratic_of_more_inputs_than_are_moved_at_once():
    rng = np.random.default_rng(4)
    square, slope = rng.normal(size=(150, 3)), rng.normal(size=(150, 3))
    at, steps = rng.normal(size=150), rng.uniform(0.5, 2.0, 150)
    found = jacobian(lambda x: x**2 @ square + x @ slope, at, steps)
    np.testing.assert_allclose(found, 2 * at[:, None] * square + slope, rtol=1e-9, atol=1e-12)


def test_an_outcome_that_moves_with_one_input_alone_has_one_row():
    found = jacobian(lambda x: x[:, 1:2] * 3.0, np.zeros(4), np.ones(4))
    np.testing.assert_array_equal(found, [[0.0], [3.0], [0.0], [0.0]])
