"""Outcomes without their negative entries, rescaled: BL in the words of the paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit.model.arrays import FloatArray
from dpaudit.solvers.scaling import scale_to_total
from dpaudit_plugins.postprocessors._total import KeepsTotal


@attrs.frozen(kw_only=True)
class Baseline(KeepsTotal):
    """Set negative outcomes to zero and rescale the others to the public sum.

    What agencies do with shares of noisy counts. Where the noisy counts sum to more than zero it
    is the same as clipping the counts before they are shared (BL); a negative sum turns the
    signs of all shares around first. Where no outcome is positive all get the same.

    Parameters
    ----------
    total
        The public sum, in the unit of the outcome; the sum of the true outcomes where it is left
        out, which for an allotment is the appropriation.

    References
    ----------
    Tran, Fioretto, Van Hentenryck and Yao (2021), Decision making with differential privacy
    under a fairness lens, IJCAI, Definition 3 and Theorem 3; METHODS-decisions 6.1.

    Examples
    --------
    >>> Baseline(total=1.0).process(np.array([-0.2, 0.4, 0.8]))
    array([0.        , 0.33333333, 0.66666667])
    """

    name: ClassVar[str] = "baseline"
    vectorised: ClassVar[bool] = True
    nonnegative: ClassVar[bool] = True

    @property
    def feasible(self) -> dpaudit.Feasible:
        """Nothing but the rescaled positive part."""
        return "rescaled"

    def process(self, release: FloatArray) -> FloatArray:
        """Return the rescaled outcomes, shape (..., n).

        Raises
        ------
        UsageError
            If there is no total, or it is negative.
        """
        total = self.public_total()
        if not 0 <= total < np.inf:
            raise dpaudit.UsageError(
                f"the total {total!r} of {self.name!r} is not a non-negative number",
                hint="give the public sum of the outcomes",
            )
        return scale_to_total(release, total)


@dpaudit.hookimpl
def dpaudit_postprocessors() -> Sequence[type[dpaudit.PostProcessor]]:
    """Offer the post-processor."""
    return (Baseline,)
