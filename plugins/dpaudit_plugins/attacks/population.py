"""An attack on a model that knows people from outside, and needs no other model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.stats.membership import above_population


@attrs.frozen(kw_only=True)
class Population(dpaudit.ModelAttack):
    """Score each candidate by the share of people from outside with a larger loss.

    Those people are held out from training and have the label of the candidate, so that a label
    which is easy to predict gives no false alarm. It is one minus a p-value.

    References
    ----------
    Ye, Maddi, Murakonda, Bindschaedler and Shokri (2022), Enhanced membership inference attacks
    against machine learning models, CCS, Section 4 (attack P).
    """

    name: ClassVar[str] = "population"
    needs: ClassVar = frozenset({"population"})

    def score(self, target: dpaudit.ModelTarget, rng: np.random.Generator) -> FloatArray:
        """Return the share of the population, shape (n,)."""
        return above_population(
            target.losses, target.labels, target.population_losses, target.population_labels
        )


@dpaudit.hookimpl
def dpaudit_attacks() -> Sequence[type[dpaudit.Attack]]:
    """Offer the attack."""
    return (Population,)
