"""The attack on trained models, and what it is shown.

Every person is learnt from or not by the toss of a coin. An attack sees what the model under
attack says of all of them, and what other models say (its *shadows*), of which it knows whom they
have learnt from. The engine trains all models alike, lets each in turn be the target, and compares
the scores with the truth; nothing that the attack is shown was made from whom the target has
learnt from but the target itself.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import attrs
import numpy as np

from dpaudit.interfaces.attack import Attack
from dpaudit.model.arrays import BoolArray, FloatArray
from dpaudit.model.spec import Game
from dpaudit.training.records import IntArray

Need = Literal["shadows", "population", "classes"]
"""Shadow models; people whom no model has learnt from; labels that are classes."""

Predict = Callable[[FloatArray], IntArray]
"""From inputs (m, d) to the class that the target predicts of each (m,)."""


@attrs.frozen(kw_only=True, eq=False)
class ModelTarget:
    """One trained model, as its attacker sees it.

    Parameters
    ----------
    losses
        Of the candidates under the target, shape (n,): nats, or squared units of the label.
    labels, inputs
        What is known of each candidate, shapes (n,) and (n, d).
    shadow_losses
        Of the candidates under the shadow models, shape (S, n).
    inside
        Whether a shadow model has learnt from a candidate, shape (S, n).
    population_losses, population_labels
        Of people whom no model has learnt from, under the target, shape (m,).
    shadow_population_losses
        Of the same people under the shadow models, shape (S, m).
    right
        Whether the target predicts the label of each candidate, shape (n,); ``None`` of a number.
    predict
        Asks the target for the class of any inputs, where that can be done.
    """

    losses: FloatArray
    labels: FloatArray
    inputs: FloatArray
    shadow_losses: FloatArray
    inside: BoolArray
    population_losses: FloatArray
    population_labels: FloatArray
    shadow_population_losses: FloatArray
    right: BoolArray | None = None
    predict: Predict | None = None


@attrs.frozen(kw_only=True)
class ModelAttack(Attack):
    """Scores people by how likely a model has learnt from them.

    Attributes
    ----------
    needs
        What it cannot do without.
    """

    of: ClassVar = "models"
    games: ClassVar[frozenset[Game]] = frozenset({"pool"})
    needs: ClassVar[frozenset[Need]] = frozenset()

    @abc.abstractmethod
    def score(self, target: Any, rng: np.random.Generator) -> FloatArray:
        """Return one score of each candidate of a :class:`ModelTarget`, shape (n,)."""
