"""From the root of a tree down: children share what their parent was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

import dpaudit
from dpaudit.model.arrays import FloatArray
from dpaudit.solvers import top_down
from dpaudit_plugins.postprocessors._given import exact_levels, given_tree


@attrs.frozen(kw_only=True)
class TopDown(dpaudit.PostProcessor):
    """Project each parent's children on the non-negative values that sum to the parent.

    Without rounding bias arises at every level from non-negativity alone and accumulates
    downwards: sparse children of a dense parent are pushed up, large siblings pay
    (METHODS-decisions 8.2). Rounding adds less than a person to each count at each level; equal
    remainders, the rule with whole noise, are served in an order mixed from the values, which
    favours no position but among two or three siblings with very little noise.

    It keeps a root without noise (an invariant) as it is, and all sums agree with their parts;
    with ``whole`` every count is whole, so that whole additive counts stay as they are.

    Parameters
    ----------
    whole
        Whether to round to whole numbers, level by level, keeping all sums.
    hierarchy
        The tree, given by the engine.
    noise
        The noise of every node, given by the engine: it says which counts are invariants.
    """

    name: ClassVar[str] = "top-down"
    vectorised: ClassVar[bool] = True
    nonnegative: ClassVar[bool] = True
    hierarchical: ClassVar[bool] = True
    keeps = frozenset({"additive"})

    whole: bool = True
    hierarchy: dpaudit.GivenHierarchy = None
    noise: dpaudit.GivenNoise = None

    def process(self, release: FloatArray) -> FloatArray:
        """Return non-negative additive counts, shape (..., N)."""
        return top_down.top_down(given_tree(self, self.hierarchy), release, whole=self.whole)

    def uncovered(self) -> tuple[str, ...]:
        """Say which counts have no noise."""
        return exact_levels(self.hierarchy, self.noise)


@dpaudit.hookimpl
def dpaudit_postprocessors() -> Sequence[type[dpaudit.PostProcessor]]:
    """Offer the post-processor."""
    return (TopDown,)
