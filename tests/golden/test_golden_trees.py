"""Golden values of least squares on a tree, each computed independently of this project's code."""

import json

import numpy as np
import pytest

from dpaudit.model.hierarchy import Hierarchy
from dpaudit.solvers.tree_least_squares import tree_least_squares

pytestmark = [pytest.mark.shared_data, pytest.mark.golden]


@pytest.fixture(scope="module")
def stored(shared):
    items = json.loads((shared / "golden" / "decisions.json").read_text())["items"]
    return {item["id"]: item for item in items if item["id"].startswith("hier.")}


def of(children):
    """Return the tree of a root, its children and theirs, and the nodes' names in its order."""
    (root,) = set(children) - {node for nodes in children.values() for node in nodes}
    paths = [(node, leaf) for node in children[root] for leaf in children[node]]
    tree = Hierarchy.of(["node", "leaf"], [list(column) for column in zip(*paths, strict=True)])
    return tree, [root, *tree.labels[1], *tree.labels[2]]


def test_both_items_are_there(stored):
    assert set(stored) == {"hier.two_pass", "hier.hay_binary"}


@pytest.mark.parametrize("identifier", ["hier.two_pass", "hier.hay_binary"])
def test_golden_value(identifier, stored):
    item = stored[identifier]
    given = item["inputs"]
    tree, names = of(given["tree"])
    values = np.array([given["z"][name] for name in names])
    variances = np.array([given.get("var", dict.fromkeys(names, 1.0))[name] for name in names])
    got = tree_least_squares(tree, values, variances)
    want = [item["output"][name] for name in names]
    np.testing.assert_allclose(got, want, rtol=0, atol=item["tolerance"])
    assert np.abs(values - want).max() > item["tolerance"]
