"""Hidden counts as the difference between a published total and what is shown of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray, Game, Outcome
from dpaudit_plugins.attacks._attributes import known_codes, summed


@attrs.frozen(kw_only=True)
class Differencing(dpaudit.Attack):
    """Compute each hidden count that is alone in a published total, again and again.

    A count found in one total is shown from then on, and may leave another alone in a second one.

    Parameters
    ----------
    totals
        The attributes of each table of totals that is taken for published exactly.
    """

    name: ClassVar[str] = "differencing"
    games: ClassVar[frozenset[Game]] = frozenset({"pool", "elsewhere"})
    outcome: ClassVar[Outcome] = "cells"

    published: tuple[tuple[str, ...], ...] = attrs.field(
        alias="totals", validator=attrs.validators.min_len(1)
    )

    def totals(self) -> tuple[tuple[str, ...], ...]:
        """Return the totals that are taken for published."""
        return self.published

    def score(self, target: dpaudit.Target, rng: np.random.Generator) -> FloatArray:
        """Return the computed counts, NaN where there is none, shape (n,)."""
        printed = target.printed.copy()
        codes = {names: known_codes(target.public, names, self.name) for names in self.published}
        claim = np.full(printed.shape, np.nan)
        found = True
        while found:
            found = False
            for names, code in codes.items():
                hidden = np.isnan(printed)
                alone = summed(hidden.astype(np.float64), code) == 1
                at = np.flatnonzero(hidden & alone[code])
                rest = target.totals[names].ravel() - summed(np.nan_to_num(printed), code)
                claim[at] = printed[at] = np.rint(rest[code[at]])
                found = found or bool(at.size)
        return claim


@dpaudit.hookimpl
def dpaudit_attacks() -> Sequence[type[dpaudit.Attack]]:
    """Offer the attack."""
    return (Differencing,)
