"""The list of members: as many candidates as there are people, the likeliest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray, Game, Outcome
from dpaudit.stats.roc import top
from dpaudit_plugins.attacks._scores import best_scores, printed_counts


@attrs.frozen(kw_only=True)
class DatasetReconstruction(dpaudit.Attack):
    """Take the |D| candidates with the highest membership score for the people in the data.

    From a list of candidates (``pool``) the score is the best there is, E[M | printed] / N; where
    others come from elsewhere it is the printed count. Reported are members found and precision by
    person (a record counts if it is that person's), and by value (it counts if somebody in the
    data has the same record), beside a random list, a list by what is known beforehand, and the
    list that would have been made without the person in question in the data.

    References
    ----------
    METHODS-attacks 3.
    """

    name: ClassVar[str] = "dataset-reconstruction"
    games: ClassVar[frozenset[Game]] = frozenset({"pool", "elsewhere"})
    outcome: ClassVar[Outcome] = "pick"

    def score(self, target: dpaudit.Target, rng: np.random.Generator) -> FloatArray:
        """Return how many candidates of each cell are on the list, shape (n,)."""
        pool = target.public.game == "pool"
        scores = best_scores(target) if pool else printed_counts(target)
        return top(scores, target.candidates, target.people)


@dpaudit.hookimpl
def dpaudit_attacks() -> Sequence[type[dpaudit.Attack]]:
    """Offer the attack."""
    return (DatasetReconstruction,)
