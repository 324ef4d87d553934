"""What the post-processors that keep a public total have in common."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.solvers.scaling import scale_to_total


@attrs.frozen(kw_only=True)
class KeepsTotal(dpaudit.PostProcessor):
    """A post-processor with a public total, which it publishes exactly.

    Parameters
    ----------
    total
        The public total, persons; the exact total of the true counts where it is left out. Of
        outcomes it must be given, unless the decision shares a public total.
    """

    total: dpaudit.Total | None = None

    def uncovered(self) -> tuple[str, ...]:
        """Return the total."""
        return ("the total of the counts",)

    def public_sum(self) -> float | None:
        """Return the public total."""
        return self.total

    def public_total(self) -> float:
        """Return the total.

        Raises
        ------
        UsageError
            If neither the audit file nor the engine has filled it in.
        """
        if self.total is None:
            raise dpaudit.UsageError(
                f"the post-processor {self.name!r} has no total",
                hint="give total = NUMBER, or let an audit fill in the total of its counts",
            )
        return self.total


@attrs.frozen(kw_only=True)
class Rescales(KeepsTotal):
    """Sets negative values to zero and multiplies the others by one factor."""

    vectorised: ClassVar[bool] = True
    nonnegative: ClassVar[bool] = True

    @property
    def feasible(self) -> dpaudit.Feasible:
        """Nothing but the rescaled positive part."""
        return "rescaled"

    def process(self, release: FloatArray) -> FloatArray:
        """Return the scaled release, shape (..., n).

        Raises
        ------
        UsageError
            If there is no total, or it is negative.
        """
        total = self.public_total()
        if not 0 <= total < np.inf:
            raise dpaudit.UsageError(
                f"the total {total!r} of {self.name!r} is not a non-negative number",
                hint="give the public total",
            )
        return scale_to_total(release, total)
