import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dpaudit
from dpaudit_plugins.decisions import top_k
from dpaudit_plugins.decisions.top_k import TopK

VALUES = st.sampled_from([-2.0, -0.0, 0.0, 0.1, 1.0, 5.0, 1e300])


@given(
    rows=st.lists(st.lists(VALUES, min_size=5, max_size=5), min_size=1, max_size=4),
    k=st.integers(1, 5),
    order=st.permutations(range(5)),
)
def test_each_has_the_chance_of_a_lot(rows, k, order):
    """Averaged over every order, serving first come first gives the same."""
    draws, made = np.array(rows), TopK(k=k)
    found = made.decide(draws)
    for draw, chosen in zip(draws, found, strict=True):
        cut = np.sort(draw)[-k]
        left = k - (draw > cut).sum()
        wanted = np.where(draw > cut, 1.0, np.where(draw == cut, left / (draw == cut).sum(), 0.0))
        np.testing.assert_allclose(chosen, wanted, rtol=1e-15)
        np.testing.assert_array_equal(made.decide(draw), chosen)
    np.testing.assert_array_equal(made.decide(draws[:, order]), found[:, order])
    np.testing.assert_allclose(found.sum(axis=1), k, rtol=1e-15)


def test_the_module_offers_its_decision():
    assert tuple(top_k.dpaudit_decisions()) == (TopK,)
    assert (TopK.name, TopK.unit) == ("top-k", "probability")
    assert "lot" in TopK(k=1).caveats()[0]


def test_a_column_settles_ties():
    counts = np.array([4.0, 4.0, 4.0, 9.0])
    column = np.array([1, 2, 2, 0])
    np.testing.assert_array_equal(TopK(k=2, tie_break=column).decide(counts), [0, 0.5, 0.5, 1])
    np.testing.assert_array_equal(TopK(k=3, tie_break=column).decide(counts), [0, 1, 1, 1])
    np.testing.assert_array_equal(TopK(k=4, tie_break=column).decide(counts), [1, 1, 1, 1])


def test_wrong_input():
    with pytest.raises(ValueError, match="k"):
        TopK(k=0)
    with pytest.raises(dpaudit.SpecError, match="k = 3 is more than the 2 entities"):
        TopK(k=3).decide(np.array([1.0, 2.0]))
    with pytest.raises(dpaudit.DataError, match="nan"):
        TopK(k=1).decide(np.array([1.0, math.nan]))
    with pytest.raises(dpaudit.DataError, match="'x' is not a number"):
        TopK(k=1, tie_break=np.array(["x", "y"])).decide(np.array([1.0, 2.0]))
