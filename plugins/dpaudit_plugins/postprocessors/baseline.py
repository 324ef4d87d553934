"""Outcomes without their negative entries, rescaled: BL in the words of the paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

import dpaudit
from dpaudit_plugins.postprocessors._total import Rescales


@attrs.frozen(kw_only=True)
class Baseline(Rescales):
    """Set negative outcomes to zero and rescale the others to the public sum.

    What agencies do with shares of noisy counts. Where the noisy counts sum to more than zero it
    is the same as clipping the counts before they are shared (BL); a negative sum turns the
    signs of all shares around first. Where no outcome is positive all get the same.

    Parameters
    ----------
    total
        The public sum, in the unit of the outcome. It may be left out after an allotment, whose
        appropriation it is: the sum of other true outcomes is not public.

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


@dpaudit.hookimpl
def dpaudit_postprocessors() -> Sequence[type[dpaudit.PostProcessor]]:
    """Offer the post-processor."""
    return (Baseline,)
