"""Rounding after a projection of whole noisy counts: all remainders tie, and no child may gain."""

import numpy as np
import pytest

from dpaudit.model.hierarchy import Hierarchy
from dpaudit.noise.discrete_gaussian import DiscreteGaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.solvers.simplex import project_onto_simplex
from dpaudit.solvers.top_down import project_groups, top_down
from dpaudit.stats.bands import agreement
from dpaudit.stats.moments import Moments
from dpaudit_plugins.postprocessors.simplex import Simplex

DRAWS = 4000
SIZE = 500.0
TREE = Hierarchy.of(["parent", "child"], [["a"] * 6 + ["b"] * 6, [*"abcdefghijkl"]])
NOISES = [DiscreteGaussian(1.5), Geometric(0.7)]


def by_position(values, totals):
    """Round siblings, shape (..., n), to totals, shape (..., 1): of equal remainders the first."""
    whole = np.floor(values + 1e-9)
    missing = (totals - whole.sum(axis=-1, keepdims=True)).astype(int)
    remainders = np.rint((values - whole) * 2.0**20)
    ranks = np.argsort(np.argsort(-remainders, axis=-1, kind="stable"), axis=-1)
    return whole + (ranks < missing)


def top_down_by_position(noisy):
    root, parents, children = (noisy[:, TREE.part(level)] for level in range(3))
    parents = by_position(project_groups(parents, root, np.array([0])), root)
    children = project_groups(children, parents, np.array([0, 6]))
    children = by_position(children.reshape(-1, 2, 6), parents[..., None]).reshape(-1, 12)
    return np.concatenate([root, parents, children], axis=1)


def verdict(released, counts):
    """Compare means with the true counts; false alarm 1e-6 over all of them."""
    return agreement(counts, Moments.of(released), 1e-9)


@pytest.mark.parametrize("noise", NOISES, ids=["discrete Gaussian", "geometric"])
def test_no_child_of_a_tree_gains_by_its_position(noise):
    """False alarm 1e-6; the control serves equal remainders in the order of the children."""
    counts = TREE.totals(np.full(12, SIZE))
    noisy = counts + noise.sample(np.random.default_rng(21), (DRAWS, TREE.size))
    noisy[:, 0] = counts[0]
    worst, limit = verdict(top_down(TREE, noisy)[:, 1:], counts[1:])
    assert worst <= limit
    control = top_down_by_position(noisy)
    np.testing.assert_array_equal(TREE.totals(control[:, TREE.entities]), control)
    worst, limit = verdict(control[:, 1:], counts[1:])
    assert worst > limit


@pytest.mark.parametrize("noise", NOISES, ids=["discrete Gaussian", "geometric"])
def test_no_entity_gains_by_its_position_on_the_simplex(noise):
    """False alarm 1e-6; the control serves equal remainders in the order of the entities."""
    counts = np.full(6, SIZE)
    noisy = counts + noise.sample(np.random.default_rng(22), (DRAWS, 6))
    worst, limit = verdict(Simplex(total=6 * SIZE, whole=True).process(noisy), counts)
    assert worst <= limit
    control = by_position(project_onto_simplex(noisy, 6 * SIZE), 6 * SIZE)
    worst, limit = verdict(control, counts)
    assert worst > limit
