"""What a release says about an attribute of somebody whose other attributes are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray, Game, Outcome
from dpaudit_plugins.attacks._attributes import known_codes


@attrs.frozen(kw_only=True)
class AttributeInference(dpaudit.Attack):
    """Guess an attribute as the value with the largest printed count among those who are alike.

    The same guess is made about people who were not counted (the control): what it gets right of
    them it knows from the population and not from the person. The risk is
    (attack - control) / (1 - control).

    Parameters
    ----------
    attribute
        What is guessed, an attribute of the table.
    known
        What is known of each person; by default all other attributes.

    References
    ----------
    Giomi, Boenisch, Wehmeyer and Tasnádi (2023), A unified framework for quantifying privacy risk
    in synthetic data, PoPETs (the control attack).
    """

    name: ClassVar[str] = "attribute-inference"
    games: ClassVar[frozenset[Game]] = frozenset({"pool", "elsewhere"})
    outcome: ClassVar[Outcome] = "attribute"

    attribute: str
    known: tuple[str, ...] = ()

    def score(self, target: dpaudit.Target, rng: np.random.Generator) -> FloatArray:
        """Return the chance that a person of each cell is guessed rightly; NaN: no guess."""
        public = target.public
        names = () if public.domain is None else public.domain.names
        known = self.known or tuple(name for name in names if name != self.attribute)
        alike = known_codes(public, known, self.name)
        value = known_codes(public, (self.attribute,), self.name)
        table = np.zeros((int(alike.max()) + 1, int(value.max()) + 1))
        np.add.at(table, (alike, value), target.released)
        most = table.max(axis=1)
        ties = (table == most[:, None]).sum(axis=1)
        hit = (table[alike, value] == most[alike]) / ties[alike]
        return np.where(most[alike] > 0, hit, np.nan)


@dpaudit.hookimpl
def dpaudit_attacks() -> Sequence[type[dpaudit.Attack]]:
    """Offer the attack."""
    return (AttributeInference,)
