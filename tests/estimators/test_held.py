"""A plug-in is held to the shape that it was given and to finite numbers, and told what to do."""

import numpy as np
import pytest

import dpaudit
from dpaudit.estimators.chain import processed
from dpaudit.estimators.held import held

GIVEN = np.array([[1.0, 2.0], [3.0, 4.0]])


def writes(values):
    values[0] = 0.0
    return values


def test_what_is_as_it_should_be_is_returned():
    np.testing.assert_array_equal(held("it", lambda rows: rows + 1, GIVEN), GIVEN + 1)
    np.testing.assert_array_equal(held("it", np.cumsum, GIVEN, by_row=True), [[1, 3], [3, 7]])


@pytest.mark.parametrize("by_row", [False, True])
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda values: values[..., :1], r"it returned shape \((2, )?1,?\) in task 't'"),
        (lambda values: values / np.where(values > 2, 0.0, 1.0), "it returned inf in task 't'"),
        (lambda values: values * np.nan, "it returned nan in task 't'"),
        (lambda values: "few", "it failed in task 't': ValueError: could not convert"),
        (writes, "it failed in task 't': ValueError: .*read-only"),
        (lambda values: {}["a"], "it failed in task 't': KeyError: 'a'"),
    ],
)
def test_what_is_not_is_named(call, message, by_row):
    with np.errstate(all="ignore"), pytest.raises(dpaudit.PluginError, match=message) as caught:
        held("it", call, GIVEN, by_row=by_row, where=" in task 't'")
    assert caught.value.hint
    assert GIVEN.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_an_error_that_says_what_to_do_is_passed_on():
    def refuse(_values):
        raise dpaudit.UsageError("no", hint="yes")

    with pytest.raises(dpaudit.UsageError, match="no"):
        held("it", refuse, GIVEN)


def test_a_step_is_named():
    class Halves(dpaudit.PostProcessor):
        name = "halves"
        vectorised = True

        def process(self, release):
            return release[..., ::2]

    with pytest.raises(
        dpaudit.PluginError, match=r"post-processor 'halves' returned shape \(2, 1\)"
    ):
        processed((Halves(),), GIVEN)
