"""Links a known person to the one record of a release that fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray, Game, Outcome
from dpaudit_plugins.attacks._attributes import known_codes, summed


@attrs.frozen(kw_only=True)
class Linkage(dpaudit.Attack):
    """Claim the record of a person where exactly one record of the release has what is known.

    A claim is confirmed if the person's whole record is that one. Reported are claims (putative),
    confirmed ones and their share (precision), and the same of people who were not counted.

    Parameters
    ----------
    known
        The attributes that the attacker knows of each person.

    References
    ----------
    Sweeney (2002), k-anonymity: a model for protecting privacy, IJUFKS 10(5) (linking).
    """

    name: ClassVar[str] = "linkage"
    games: ClassVar[frozenset[Game]] = frozenset({"pool", "elsewhere"})
    outcome: ClassVar[Outcome] = "attribute"

    known: tuple[str, ...] = attrs.field(validator=attrs.validators.min_len(1))

    def score(self, target: dpaudit.Target, rng: np.random.Generator) -> FloatArray:
        """Return 1 for the cell of the only fitting record, 0 for others; NaN: no claim."""
        alike = known_codes(target.public, self.known, self.name)
        shown = np.rint(target.released)
        alone = summed(shown, alike) == 1
        return np.where(alone[alike], shown, np.nan)


@dpaudit.hookimpl
def dpaudit_attacks() -> Sequence[type[dpaudit.Attack]]:
    """Offer the attack."""
    return (Linkage,)
