"""Second-order biases of one task, and where there are none."""

from __future__ import annotations

import attrs
import numpy as np

from dpaudit.model.arrays import BoolArray
from dpaudit.model.estimate import Estimate


@attrs.frozen(kw_only=True, eq=False)
class Curvature:
    """What curvature alone makes of noise that is added and never clipped.

    Parameters
    ----------
    estimate
        c_i = 1/2 sum_j v_j d^2 P_i / dx_j^2, shape (n,), in the unit of the decision. Method
        ``exact``: derivatives in closed form or by automatic differentiation. Method
        ``asymptotic``: from differences, with an estimate of their error.
    defined
        For which entities the outcome has second derivatives, shape (n,); elsewhere the
        estimate says nothing.
    change
        The largest abs(c_i(x + sd) - c_i(x)) over the entities, a scalar: how far c is from
        being the same for all counts. ``None`` where it was not computed.
    missing
        Why there is no number for some or all entities: a sentence without a full stop, or
        nothing.
    refused
        The same sentence, where there would have been a number with more memory.
    """

    estimate: Estimate
    defined: BoolArray
    change: Estimate | None = None
    missing: str = ""
    refused: str = ""

    @classmethod
    def none(cls, n: int, why: str, *, refused: bool = False) -> Curvature:
        """Return that nothing is known of ``n`` entities, and why; ``refused`` for memory."""
        nothing = np.zeros(n, dtype=np.bool_)
        return cls(
            estimate=Estimate.exact(np.zeros(n)),
            defined=nothing,
            missing=why,
            refused=why if refused else "",
        )
