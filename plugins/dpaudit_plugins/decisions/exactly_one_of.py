"""Whether exactly one of several rules says yes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.stats.combined_rules import exactly_one_of
from dpaudit_plugins.decisions._combined import Combined


@attrs.frozen(kw_only=True, eq=False)
class ExactlyOneOf(Combined):
    """Decide 1 where exactly one of several rules says 1, else 0.

    Parameters
    ----------
    of
        Names of two or more other decisions of the audit file, which say 1 or 0.

    References
    ----------
    METHODS-decisions 4.5 (derived for this project).

    Examples
    --------
    >>> import numpy as np
    >>> from dpaudit_plugins.decisions.ratio_threshold import RatioThreshold
    >>> names = {"numerator": "a", "denominator": "b", "counts": ("a", "b")}
    >>> rules = [RatioThreshold(ratio=ratio, **names) for ratio in (0.5, 2.0)]
    >>> ExactlyOneOf(of=rules).decide(np.array([[1.0, 4.0], [4.0, 4.0], [8.0, 4.0]]))
    array([0., 1., 0.])
    """

    name: ClassVar[str] = "exactly-one-of"

    def _decided(self, outcomes: FloatArray) -> FloatArray:
        return np.where(outcomes.sum(axis=0) == 1.0, 1.0, 0.0)

    def _chance(self, chances: FloatArray) -> FloatArray:
        return exactly_one_of(chances)


@dpaudit.hookimpl
def dpaudit_decisions() -> Sequence[type[dpaudit.Decision]]:
    """Offer the decision."""
    return (ExactlyOneOf,)
