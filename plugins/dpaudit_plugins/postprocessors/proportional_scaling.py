"""Scaling all counts alike so that they sum to the public total."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

import dpaudit
from dpaudit_plugins.postprocessors._total import Rescales


@attrs.frozen(kw_only=True)
class ProportionalScaling(Rescales):
    """Multiply all counts by one factor so that they sum to the public total.

    Negative counts count as zero: the expectation of a proportion of noisy counts that may
    cancel one another would not exist. Where no count is positive all get the same. It keeps no
    count as it is; the total is that given.

    Parameters
    ----------
    total
        The public total, persons; the exact total of the true counts where it is left out.

    Examples
    --------
    >>> ProportionalScaling(total=8.0).process(np.array([1.0, -2.0, 3.0]))
    array([2., 0., 6.])
    """

    name: ClassVar[str] = "proportional-scaling"


@dpaudit.hookimpl
def dpaudit_postprocessors() -> Sequence[type[dpaudit.PostProcessor]]:
    """Offer the post-processor."""
    return (ProportionalScaling,)
