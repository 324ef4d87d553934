"""What the post-processors on a tree have in common."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import BoolArray, FloatArray
from dpaudit_plugins.postprocessors._given import given_noise


@attrs.frozen(kw_only=True)
class TreeStep(dpaudit.PostProcessor):
    """A post-processor that makes the counts of a tree add up.

    Parameters
    ----------
    hierarchy
        The tree, given by the engine.
    noise
        The noise of every node, given by the engine: it says which counts are invariants.
    """

    vectorised: ClassVar[bool] = True
    hierarchical: ClassVar[bool] = True
    keeps = frozenset({"additive"})

    hierarchy: dpaudit.GivenHierarchy = None
    noise: dpaudit.GivenNoise = None

    def uncovered(self) -> tuple[str, ...]:
        """Return the counts that have no noise, level by level."""
        if self.hierarchy is None or self.noise is None:
            return ()
        return tuple(
            dpaudit.Hierarchy.counts_of(level)
            if nodes.all()
            else f"{nodes.sum():,} count{'' if nodes.sum() == 1 else 's'} of level {level!r}"
            for level, nodes in self._exact(self.hierarchy, self.noise).items()
            if nodes.any()
        )

    def _tree(self) -> dpaudit.Hierarchy:
        """Return the tree that the step was given.

        Raises
        ------
        UsageError
            If there is none.
        """
        if self.hierarchy is None:
            raise dpaudit.UsageError(
                f"the post-processor {self.name!r} has no hierarchy",
                hint="name the levels of the hierarchy under [data]",
            )
        return self.hierarchy

    def _variances(self, noise: dpaudit.Noise | None) -> FloatArray:
        """Return the variance of every node's noise, shape (N,), persons squared."""
        variance = given_noise(self, noise).variance
        return np.broadcast_to(variance, (self._tree().size,)).astype(np.float64)

    def _exact(self, tree: dpaudit.Hierarchy, noise: dpaudit.Noise) -> dict[str, BoolArray]:
        """Return for each level which of its nodes have no noise."""
        exact = self._variances(noise) == 0
        return {level: exact[tree.part(depth)] for depth, level in enumerate(tree.levels)}
