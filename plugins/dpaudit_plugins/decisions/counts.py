"""The counts themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

import dpaudit
from dpaudit_plugins.decisions._own import OwnValue


@attrs.frozen(kw_only=True)
class Counts(OwnValue):
    """Take the released counts as they are: audits the release rather than a decision.

    Examples
    --------
    >>> import numpy as np
    >>> Counts().decide(np.array([3.0, 5.0]))
    array([3., 5.])
    """

    name: ClassVar[str] = "counts"
    unit: ClassVar[str] = "persons"


@dpaudit.hookimpl
def dpaudit_decisions() -> Sequence[type[dpaudit.Decision]]:
    """Offer the decision."""
    return (Counts,)
