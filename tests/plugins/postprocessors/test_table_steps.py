"""Proportional scaling and iterative proportional fitting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import dpaudit
from dpaudit_plugins.postprocessors import iterative_proportional_fitting, proportional_scaling

SCALING = proportional_scaling.ProportionalScaling
FITTING = iterative_proportional_fitting.IterativeProportionalFitting
TABLE = dpaudit.Domain(names=("sex", "age"), values=(("f", "m"), ("0-17", "18-64", "65+")))
TARGETS = {"sex": (60.0, 40.0), "age": (25.0, 60.0, 15.0)}
ROWS = hnp.arrays(np.float64, (3, 6), elements=st.floats(-100, 100))


def fitting(**changes):
    return FITTING(**{"targets": TARGETS, "domain": TABLE, **changes})


def test_each_module_offers_its_step():
    assert proportional_scaling.dpaudit_postprocessors() == (SCALING,)
    assert iterative_proportional_fitting.dpaudit_postprocessors() == (FITTING,)
    assert SCALING.nonnegative
    assert FITTING.nonnegative


@given(noisy=ROWS, total=st.floats(0, 1e6))
def test_scaling_gives_the_total(noisy, total):
    step = SCALING(total=total)
    got = step.process(noisy)
    np.testing.assert_allclose(got.sum(axis=-1), total, rtol=1e-12, atol=1e-300)
    assert (got >= 0).all()
    np.testing.assert_allclose(step.process(got), got, rtol=1e-12, atol=1e-300)
    np.testing.assert_array_equal(step.process(noisy[1]), got[1])
    np.testing.assert_allclose(step.process(noisy[:, ::-1]), got[:, ::-1], rtol=1e-12)


def test_scaling_says_what_it_publishes_and_needs():
    assert "total" in SCALING().uncovered()[0]
    with pytest.raises(dpaudit.UsageError, match="has no total"):
        SCALING().process(np.ones(2))
    for total in (-1.0, np.inf, np.nan):
        with pytest.raises(dpaudit.UsageError, match="is not a non-negative number"):
            SCALING(total=total).process(np.ones(2))
    np.testing.assert_array_equal(SCALING(total=6.0).process(np.array([-1.0, 0.0, -3.0])), 2.0)


@given(noisy=ROWS)
def test_fitting_gives_the_margins(noisy):
    got = fitting().process(noisy)
    assert got.shape == noisy.shape
    assert (got >= 0).all()
    tables = TABLE.table(got)
    np.testing.assert_allclose(tables.sum(axis=2), [TARGETS["sex"]] * 3, atol=1e-7)
    np.testing.assert_allclose(tables.sum(axis=1), [TARGETS["age"]] * 3, atol=1e-7)
    np.testing.assert_allclose(fitting().process(noisy[1]), got[1], atol=1e-6)


def test_fitting_twice_changes_nothing_beyond_the_smallest_count():
    noisy = np.array([[4.0, 30.0, 2.0, 8.0, 20.0, 9.0]])
    got = fitting().process(noisy)
    assert got.min() > 0.01
    np.testing.assert_allclose(fitting().process(got), got, atol=1e-7)


def test_structural_zeros_where_nothing_is_raised():
    noisy = np.array([-2.0, 30.0, 4.0, 8.0, 20.0, 9.0])
    got = fitting(smallest=0.0).process(noisy)
    assert got[0] == 0.0
    np.testing.assert_allclose(TABLE.table(got).sum(axis=0), TARGETS["age"], atol=1e-7)
    empty = np.array([-5.0, -3.0, 0.0, 8.0, 20.0, 9.0])
    with pytest.raises(dpaudit.UsageError, match="slice of zeros"):
        fitting(smallest=0.0).process(empty)
    np.testing.assert_allclose(
        TABLE.table(fitting().process(empty)).sum(axis=1), TARGETS["sex"], atol=1e-7
    )


def test_what_is_published_exactly():
    assert fitting().uncovered() == (
        "the totals by 'sex'",
        "the totals by 'age'",
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"domain": None}, "has no table"),
        ({"targets": {"seks": (1.0, 2.0)}}, "no attribute 'seks'"),
        ({"targets": {"sex": (1.0, 2.0, 3.0)}}, "3 targets for the 2 values of 'sex'"),
        ({"targets": {"sex": (1.0, 2.0), "age": (1.0, 1.0, 2.0)}}, "not those of one table"),
    ],
)
def test_wrong_arguments(changes, message):
    with pytest.raises(dpaudit.UsageError, match=message):
        fitting(**changes).process(np.ones(6))


def test_no_targets():
    with pytest.raises(ValueError, match="targets"):
        fitting(targets={})


def test_an_audit_file_can_name_targets():
    step = dpaudit.Registry.discover().create(
        "postprocessor", "iterative-proportional-fitting", targets={"sex": [1, 2]}
    )
    assert step.targets == {"sex": (1.0, 2.0)}
    assert step.domain is None
