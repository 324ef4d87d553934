"""The relative attack on a model: a person's likelihood against that of a population."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import attrs
import numpy as np

import dpaudit
from dpaudit import BoolArray, FloatArray
from dpaudit.stats.membership import dominated, relative_chances


@attrs.frozen(kw_only=True)
class Rmia(dpaudit.ModelAttack):
    """Score each candidate by how many people of a population the model favours less (RMIA).

    The chance that the model gives to a person's true label is divided by what shadow models give
    on average. The score is the share of people from outside, held out from all models, whose
    ratio it is at least ``gamma`` times.

    Parameters
    ----------
    mode
        ``online``: the average is over shadow models with the person and without, half each.
        ``offline``: of those without it is taken, E[p] = ((1 + a) p_without + 1 - a) / 2.
    gamma
        Positive. The order of candidates does not depend on it.
    offline_slope
        a, in [0, 1].

    References
    ----------
    Zarifzadeh, Liu and Shokri (2024), Low-cost high-power membership inference attacks, ICML.
    """

    name: ClassVar[str] = "rmia"
    needs: ClassVar = frozenset({"shadows", "population"})

    mode: Literal["online", "offline"] = "online"
    gamma: float = attrs.field(default=1.0, validator=attrs.validators.gt(0.0))
    offline_slope: float = attrs.field(
        default=0.3, validator=[attrs.validators.ge(0.0), attrs.validators.le(1.0)]
    )

    def score(self, target: dpaudit.ModelTarget, rng: np.random.Generator) -> FloatArray:
        """Return the share of the population, shape (n,)."""
        chances = np.exp(-target.shadow_losses)
        outside = _mean(chances, ~target.inside)
        if self.mode == "online":
            expected = 0.5 * (_mean(chances, target.inside) + outside)
        else:
            expected = self._offline(outside)
        # No shadow model has learnt from the population: of them all is "without".
        others = np.exp(-target.shadow_population_losses).mean(axis=0)
        population = relative_chances(target.population_losses, self._offline(others))
        return dominated(relative_chances(target.losses, expected), population, self.gamma)

    def _offline(self, outside: FloatArray) -> FloatArray:
        return 0.5 * ((1.0 + self.offline_slope) * outside + 1.0 - self.offline_slope)


def _mean(values: FloatArray, chosen: BoolArray) -> FloatArray:
    """Return means over the chosen models of each person, shape (n,)."""
    return np.where(chosen, values, 0.0).sum(axis=0) / np.maximum(chosen.sum(axis=0), 1)


@dpaudit.hookimpl
def dpaudit_attacks() -> Sequence[type[dpaudit.Attack]]:
    """Offer the attack."""
    return (Rmia,)
