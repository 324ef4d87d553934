"""Who is selected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

import dpaudit
from dpaudit_plugins.decisions._own import OwnValue


@attrs.frozen(kw_only=True)
class Selection(OwnValue):
    """Take the selection as it is: 1 for the entity that was chosen, 0 for all others.

    For mechanisms that give a selection (``exponential``, ``noisy-max``). Its bias is the
    probability of being chosen minus what the true counts say: 1 for the largest count, shared
    equally between ties.

    Examples
    --------
    >>> import numpy as np
    >>> Selection().decide(np.array([0.0, 1.0]))
    array([0., 1.])
    """

    name: ClassVar[str] = "selection"
    unit: ClassVar[str] = "probability"
    takes = "selection"


@dpaudit.hookimpl
def dpaudit_decisions() -> Sequence[type[dpaudit.Decision]]:
    """Offer the decision."""
    return (Selection,)
