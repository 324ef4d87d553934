"""The histogram read as a list of records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray, Game, Outcome


@attrs.frozen(kw_only=True)
class ReadOut(dpaudit.Attack):
    """Write down as many records of each cell as are printed of it.

    Parameters
    ----------
    records
        Whether whole records are written, as synthetic data are made from a table: what is negative
        or hidden by a symbol gives none, and a fraction is rounded up with its own probability, so
        that no count is biased. The random numbers follow from the seed of the audit. Without it
        fractions of records are written.

    References
    ----------
    METHODS-attacks 3.
    """

    name: ClassVar[str] = "read-out"
    games: ClassVar[frozenset[Game]] = frozenset({"pool", "elsewhere"})
    outcome: ClassVar[Outcome] = "table"

    records: bool = True

    def score(self, target: dpaudit.Target, rng: np.random.Generator) -> FloatArray:
        """Return the records that are written of each cell, shape (n,)."""
        shown = target.released
        if not self.records:
            return shown
        whole = np.floor(shown)
        return whole + (rng.random(shown.shape) < shown - whole)


@dpaudit.hookimpl
def dpaudit_attacks() -> Sequence[type[dpaudit.Attack]]:
    """Offer the attack."""
    return (ReadOut,)
