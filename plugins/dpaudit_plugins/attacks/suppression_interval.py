"""The least and the most that published totals leave open of every hidden count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray, Game, Outcome
from dpaudit.solvers.hidden_blocks import hidden_intervals
from dpaudit_plugins.attacks._attributes import known_codes, summed

_SAME = 1e-6


@attrs.frozen(kw_only=True)
class SuppressionInterval(dpaudit.Attack):
    """Bound each hidden count by two linear programs, and claim those that are left one value.

    Parameters
    ----------
    totals
        The attributes of each table of totals that is taken for published exactly.
    threshold
        k, which readers of the table know: a symbol stands for 1 to k - 1.

    References
    ----------
    Fischetti and Salazar (2001), Solving the cell suppression problem on tabular data with linear
    constraints, Management Science 47(7).
    """

    name: ClassVar[str] = "suppression-interval"
    games: ClassVar[frozenset[Game]] = frozenset({"pool", "elsewhere"})
    outcome: ClassVar[Outcome] = "cells"

    published: tuple[tuple[str, ...], ...] = attrs.field(
        alias="totals", validator=attrs.validators.min_len(1)
    )
    threshold: int = attrs.field(default=10, validator=attrs.validators.ge(2))

    def totals(self) -> tuple[tuple[str, ...], ...]:
        """Return the totals that are taken for published."""
        return self.published

    def score(self, target: dpaudit.Target, rng: np.random.Generator) -> FloatArray:
        """Return the count of each hidden cell that only one value fits, NaN elsewhere."""
        hidden = np.flatnonzero(np.isnan(target.printed))
        claim = np.full(target.printed.shape, np.nan)
        if not hidden.size:
            return claim
        shown = np.nan_to_num(target.printed)
        rows, rests = [], []
        for names in self.published:
            code = known_codes(target.public, names, self.name)
            rows.append(code[hidden])
            rests.append(target.totals[names].ravel() - summed(shown, code))
        least, most = hidden_intervals(rows, rests, self.threshold - 1)
        same = most - least < _SAME
        claim[hidden[same]] = np.rint(least[same])
        return claim


@dpaudit.hookimpl
def dpaudit_attacks() -> Sequence[type[dpaudit.Attack]]:
    """Offer the attack."""
    return (SuppressionInterval,)
