"""Merging as parts come gives the bits of merging in order, however they are cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpaudit.stats.aligned import Aligned, Node
from dpaudit.stats.moments import Moments, merge_tree


def leaves(count):
    rng = np.random.default_rng(count)
    return [Moments.of(rng.laplace(size=(4, 3)) * 10.0**k) for k in rng.integers(-9, 9, count)]


def bits(moments):
    return (
        moments.count,
        moments.mean.tobytes(),
        moments.m2.tobytes(),
        moments.m4.tobytes(),
    )


@given(st.integers(1, 70), st.integers(1, 20), st.randoms())
def test_any_pieces_in_any_order_give_the_same_bits(count, size, random):
    parts = leaves(count)
    pieces = [
        Aligned(Node(0, i, parts[i]) for i in range(first, min(first + size, count))).nodes()
        for first in range(0, count, size)
    ]
    random.shuffle(pieces)
    tree = Aligned(node for piece in pieces for node in piece)
    assert bits(tree.total()) == bits(merge_tree(parts))


def test_another_order_of_sums_gives_other_bits():
    """The control: the test above can fail."""
    parts = leaves(40)
    total = parts[0]
    for part in parts[1:]:
        total += part
    assert bits(total) != bits(merge_tree(parts))


def test_leaves_in_order_leave_few_nodes():
    tree = Aligned()
    for index in range(1000):
        tree.add(Node(0, index, 1.0))
        assert len(tree.nodes()) <= 10
    assert tree.total() == 1000.0


def test_an_empty_tree_has_no_total():
    with pytest.raises(ValueError, match="without leaves"):
        Aligned().total()
