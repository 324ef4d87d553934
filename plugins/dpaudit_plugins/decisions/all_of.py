"""Whether all of several rules say yes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

import dpaudit
from dpaudit import FloatArray
from dpaudit.stats.combined_rules import all_of
from dpaudit_plugins.decisions._combined import Combined


@attrs.frozen(kw_only=True, eq=False)
class AllOf(Combined):
    """Decide 1 where all of several rules say 1, else 0.

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
    >>> AllOf(of=rules).decide(np.array([[1.0, 4.0], [4.0, 4.0], [8.0, 4.0]]))
    array([0., 0., 1.])
    """

    name: ClassVar[str] = "all-of"

    def _decided(self, outcomes: FloatArray) -> FloatArray:
        return outcomes.min(axis=0)

    def _chance(self, chances: FloatArray) -> FloatArray:
        return all_of(chances)


@dpaudit.hookimpl
def dpaudit_decisions() -> Sequence[type[dpaudit.Decision]]:
    """Offer the decision."""
    return (AllOf,)
