"""Rounding to whole numbers that keeps the total."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.solvers.rounding import largest_remainder


@attrs.frozen(kw_only=True)
class LargestRemainder(dpaudit.PostProcessor):
    """Round non-negative counts down, and up those with the largest remainders.

    As many are rounded up as keep the total, itself rounded to the nearest whole number: after
    ``simplex`` or ``proportional-scaling`` it keeps their public total. Whole counts stay as
    they are.

    Equal remainders (to 2^-20) are served in an order mixed from the release itself, not in the
    order of the entities: after a projection of whole noisy counts all that were not cut share
    one remainder, and the first in the file would gain in every draw. The order is fixed for
    each release, so that rounding stays a function of what is published already.

    Examples
    --------
    >>> LargestRemainder().process(np.array([0.5, 1.2, 2.5, 0.8]))
    array([1., 1., 2., 1.])
    """

    name: ClassVar[str] = "largest-remainder"
    vectorised: ClassVar[bool] = True
    nonnegative: ClassVar[bool] = True
    keeps = frozenset({"whole", "total", "non-negative"})

    def process(self, release: FloatArray) -> FloatArray:
        """Return the rounded release, shape (..., n).

        Raises
        ------
        UsageError
            If a count is negative: there is no whole part of it to start from.
        """
        if (release < 0).any():
            raise dpaudit.UsageError(
                f"the post-processor {self.name!r} got the negative count "
                f"{float(release[release < 0][0])!r}",
                hint="put it after 'non-negative', 'simplex' or 'proportional-scaling'",
            )
        return largest_remainder(release, np.rint(release.sum(axis=-1, keepdims=True)))


@dpaudit.hookimpl
def dpaudit_postprocessors() -> Sequence[type[dpaudit.PostProcessor]]:
    """Offer the post-processor."""
    return (LargestRemainder,)
