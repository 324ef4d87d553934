"""The plainest ranking: the more people are printed in a cell, the likelier a candidate is in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray, Game
from dpaudit_plugins.attacks._scores import printed_counts


@attrs.frozen(kw_only=True)
class PrintedCount(dpaudit.Attack):
    """Rank candidates by the count that is printed of their cell, symbols taken for nobody.

    It needs to know nothing of the mechanism. Where candidates come from elsewhere it is what is
    mostly meant by membership inference on a table.

    Parameters
    ----------
    relative
        Divide by what is expected of the cell beforehand, so that a cell ranks high if it has more
        people than one would think.
    """

    name: ClassVar[str] = "printed-count"
    games: ClassVar[frozenset[Game]] = frozenset({"pool", "elsewhere"})

    relative: bool = False

    def score(self, target: dpaudit.Target, rng: np.random.Generator) -> FloatArray:
        """Return the printed count of each cell, or its ratio to the expected one, shape (n,)."""
        shown = printed_counts(target)
        if not self.relative:
            return shown
        return shown / np.maximum(target.public.expected, 1e-12)


@dpaudit.hookimpl
def dpaudit_attacks() -> Sequence[type[dpaudit.Attack]]:
    """Offer the attack."""
    return (PrintedCount,)
