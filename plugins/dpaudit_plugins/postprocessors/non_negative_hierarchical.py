"""Making the counts of a tree add up without negative counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.solvers.tree_nnls import tree_nnls
from dpaudit.solvers.tree_reference import tree_nnls_reference
from dpaudit_plugins.postprocessors._tree import TreeStep


@attrs.frozen(kw_only=True)
class NonNegativeHierarchical(TreeStep):
    """Find the non-negative additive counts nearest to the noisy ones, weighted by precision.

    All bias comes from non-negativity: small counts gain, their siblings and, less, more
    distant counts pay (METHODS-decisions 8.2). It keeps every count without noise as it is, and
    all sums agree with their parts; whole counts do not stay whole.

    Parameters
    ----------
    solver
        ``tree`` uses the tree; ``cvxpy`` gives the same by a general solver, hundreds of times
        slower, to check it.
    hierarchy
        The tree, given by the engine.
    noise
        The noise of every node, given by the engine.
    """

    name: ClassVar[str] = "non-negative-hierarchical"
    nonnegative: ClassVar[bool] = True

    solver: Literal["tree", "cvxpy"] = "tree"

    def process(self, release: FloatArray) -> FloatArray:
        """Return non-negative additive counts, shape (..., N)."""
        tree, variances = self._tree(), self._variances(self.noise)
        if self.solver == "tree":
            return tree_nnls(tree, release, variances)
        rows = [tree_nnls_reference(tree, row, variances) for row in release.reshape(-1, tree.size)]
        return np.stack(rows).reshape(release.shape)


@dpaudit.hookimpl
def dpaudit_postprocessors() -> Sequence[type[dpaudit.PostProcessor]]:
    """Offer the post-processor."""
    return (NonNegativeHierarchical,)
