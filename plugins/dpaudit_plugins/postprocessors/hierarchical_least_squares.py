"""Making the counts of a tree add up, by weighted least squares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.solvers.tree_least_squares import least_squares_variance, tree_least_squares
from dpaudit_plugins.postprocessors._tree import TreeStep


@attrs.frozen(kw_only=True)
class HierarchicalLeastSquares(TreeStep):
    """Find the additive counts nearest to the noisy ones, each weighted by its precision.

    Linear, so that it adds no bias, and no variance grows (METHODS-decisions 8.1). Counts may
    be negative. It keeps every count without noise (an invariant) as it is, and all sums agree
    with their parts; whole counts do not stay whole.

    Parameters
    ----------
    hierarchy
        The tree, given by the engine.
    noise
        The noise of every node, given by the engine.
    """

    name: ClassVar[str] = "hierarchical-least-squares"
    linear: ClassVar[bool] = True

    def process(self, release: FloatArray) -> FloatArray:
        """Return additive counts, shape (..., N)."""
        return tree_least_squares(self._tree(), release, self._variances(self.noise))

    def bias(self, counts: FloatArray, noise: dpaudit.Noise) -> FloatArray:
        """Return zeros, shape (N,): true counts are additive, and the step is linear."""
        return np.zeros_like(counts)

    def variance(self, counts: FloatArray, noise: dpaudit.Noise) -> FloatArray:
        """Return the variance of every node, shape (N,), persons squared; exact."""
        return least_squares_variance(self._tree(), self._variances(noise))

    def control(self, counts: FloatArray, noise: dpaudit.Noise) -> dpaudit.Control:
        """Return the step itself; nodes depend on one another."""
        return dpaudit.Control(
            mean=counts, variance=None, deviation=lambda noisy: self.process(noisy - counts)
        )


@dpaudit.hookimpl
def dpaudit_postprocessors() -> Sequence[type[dpaudit.PostProcessor]]:
    """Offer the post-processor."""
    return (HierarchicalLeastSquares,)
