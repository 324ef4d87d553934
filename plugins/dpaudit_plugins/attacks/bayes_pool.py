"""The best membership score that a table allows, from the law of its release alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray, Game
from dpaudit_plugins.attacks._scores import best_scores


@attrs.frozen(kw_only=True)
class BayesPool(dpaudit.Attack):
    """Score each candidate with the probability of being in the data, given what was printed.

    Of N candidates of a cell each is in with probability 1/2, so that the number M of those who
    are in is binomial before anything is released; the score is E[M | printed] / N. No classifier
    that sees the table alone ranks better, however many shadow releases it learns from: the
    attack needs none.

    Where the law of the release is not known (a step after the noise does more than clip), the
    score is the printed count over N, which is an attack as any other and no ceiling.

    References
    ----------
    METHODS-attacks 2 (derived for this project).
    """

    name: ClassVar[str] = "bayes-pool"
    games: ClassVar[frozenset[Game]] = frozenset({"pool"})

    def score(self, target: dpaudit.Target, rng: np.random.Generator) -> FloatArray:
        """Return the probability of the candidates of each cell, shape (n,)."""
        return best_scores(target)


@dpaudit.hookimpl
def dpaudit_attacks() -> Sequence[type[dpaudit.Attack]]:
    """Offer the attack."""
    return (BayesPool,)
