"""From the root of a tree down: children share what their parent was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.solvers import top_down
from dpaudit_plugins.postprocessors._tree import TreeStep


@attrs.frozen(kw_only=True)
class TopDown(TreeStep):
    """Project each parent's children on the non-negative values that sum to the parent.

    Without rounding bias arises at every level from non-negativity alone and accumulates
    downwards: sparse children of a dense parent are pushed up, large siblings pay
    (METHODS-decisions 8.2). Rounding adds less than a person to each count at each level; equal
    remainders, the rule with whole noise, are served in an order mixed from the values, which
    favours no position but among two or three siblings with very little noise.

    It keeps levels without noise (invariants) as they are if no level above has any, and is
    refused where a level above would move them. All sums agree with their parts; with
    ``whole`` every count is whole, so that whole additive counts stay as they are.

    Parameters
    ----------
    whole
        Whether to round to whole numbers, level by level, keeping all sums.
    hierarchy
        The tree, given by the engine.
    noise
        The noise of every node, given by the engine: it says which counts are invariants.

    Raises
    ------
    SpecError
        If exact counts stand below or beside noisy ones, which move them.
    """

    name: ClassVar[str] = "top-down"
    nonnegative: ClassVar[bool] = True

    whole: bool = True

    def __attrs_post_init__(self) -> None:
        if self.hierarchy is None or self.noise is None:
            return
        exact = self._exact(self.hierarchy, self.noise)
        noisy = [level for level, nodes in exact.items() if not nodes.all()]
        above = np.zeros(0)
        for depth, (level, nodes) in enumerate(exact.items()):
            moved = (~nodes).astype(np.float64)  # at once above 0 for all children of a parent
            if depth:
                moved = self.hierarchy.down(depth, above + self.hierarchy.up(depth, moved))
            above = moved
            if moved[nodes].any():
                raise dpaudit.SpecError(
                    f"the post-processor {self.name!r} would move the exact counts of level "
                    f"{level!r} to fit the noisy ones of level {noisy[0]!r}",
                    hint=f"publish {noisy[0]!r} exactly too, give {level!r} noise, or use "
                    "non-negative-hierarchical, which keeps exact counts",
                )

    def process(self, release: FloatArray) -> FloatArray:
        """Return non-negative additive counts, shape (..., N)."""
        return top_down.top_down(self._tree(), release, whole=self.whole)


@dpaudit.hookimpl
def dpaudit_postprocessors() -> Sequence[type[dpaudit.PostProcessor]]:
    """Offer the post-processor."""
    return (TopDown,)
