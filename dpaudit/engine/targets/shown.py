"""What trained models say of people, and what of it an attacker is shown."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np

from dpaudit.engine.targets.halves import kin
from dpaudit.engine.targets.jobs import ShadowJob
from dpaudit.interfaces.model_attack import ModelTarget
from dpaudit.model.arrays import BoolArray, FloatArray
from dpaudit.training.data import TrainingData
from dpaudit.training.records import IntArray, as_classes
from dpaudit.training.runs import ModelRuns, Runs

Asked = Callable[[int, FloatArray], IntArray]
"""From the number of a model and inputs (m, d) to predicted classes (m,)."""


@attrs.frozen(kw_only=True, eq=False)
class Shown:
    """All models of a learner, of which one is the target and others are its shadows.

    Parameters
    ----------
    members
        Whom each has learnt from, shape (K, n).
    losses, population
        Of the candidates (K, n), and of people held out (K, m).
    right
        Whether each predicts the label of a candidate, (K, n), where labels are classes.
    inputs, labels, population_labels
        Of the candidates (n, d) and (n,), and of people held out (m,).
    ask
        Asks a model, where models and not only their losses are known.
    """

    members: BoolArray
    losses: FloatArray
    population: FloatArray
    right: BoolArray | None
    inputs: FloatArray
    labels: FloatArray
    population_labels: FloatArray
    ask: Asked | None
    kin: BoolArray

    @classmethod
    def of(cls, runs: Runs, models: ShadowJob, data: TrainingData) -> Shown:
        """Return what the runs of all models say."""
        people, outside, train = models.people, models.outside, data.train
        losses, labels = runs.losses("train"), [train.labels[outside]]
        population = [losses[:, outside]]
        if data.held_out is not None:
            population.append(runs.losses("held-out"))
            labels.append(data.held_out.labels)
        right = None
        if data.classes:
            predicted = _predicted(runs)
            if predicted is not None:
                right = (predicted == as_classes(train.labels, len(data.classes)))[:, people]
        members = models.members(data)
        return cls(
            members=members,
            losses=np.maximum(losses[:, people], 0.0),
            population=np.maximum(np.concatenate(population, axis=1), 0.0),
            right=right,
            inputs=train.inputs[people],
            labels=train.labels[people],
            population_labels=np.concatenate(labels),
            ask=_asked(runs) if data.classes else None,
            kin=kin(members),
        )

    @property
    def models(self) -> int:
        """K."""
        return len(self.losses)

    def stranger(self, target: int) -> int:
        """Return another model whose people say nothing of those of the target.

        The two of a pair are given strangers from two other pairs: what they give is independent.
        """
        first = target + 2 * (1 + target % 2)
        others = (first + np.arange(self.models)) % self.models
        free = others[~self.kin[target, others]]
        return int(free[0]) if free.size else target

    def target(self, model: int, *also: int) -> ModelTarget:
        """Return what an attacker on a model is shown; its kin and that of ``also`` are left out.

        Shadow models stand in the order of their numbers.
        """
        apart = self.kin[[model, *also]].any(axis=0)
        shadows = np.flatnonzero(~apart)
        return ModelTarget(
            losses=self.losses[model],
            labels=self.labels,
            inputs=self.inputs,
            shadow_losses=self.losses[shadows],
            inside=self.members[shadows],
            population_losses=self.population[model],
            population_labels=self.population_labels,
            shadow_population_losses=self.population[shadows],
            right=None if self.right is None else self.right[model],
            predict=None if self.ask is None else _of(self.ask, model),
        )


def _of(ask: Asked, model: int) -> Callable[[FloatArray], IntArray]:
    def predict(inputs: FloatArray) -> IntArray:
        return ask(model, inputs)

    return predict


def _asked(runs: Runs) -> Asked | None:
    """Return how models are asked, of which the parameters are known."""
    if not isinstance(runs, ModelRuns):
        return None
    form, parameters = runs.model, runs.parameters

    def ask(model: int, inputs: FloatArray) -> IntArray:
        chances = form.chances(parameters[model], inputs)
        if chances is None:
            return np.zeros(len(inputs), dtype=np.int64)
        return chances.argmax(axis=1).astype(np.int64)

    return ask


def _predicted(runs: Runs) -> IntArray | None:
    """Return the predicted classes of all people by each model, (K, n), a model at a time."""
    made = [runs[k : k + 1].predictions("train") for k in range(len(runs))]
    kept = [one for one in made if one is not None]
    return np.concatenate(kept) if kept and len(kept) == len(made) else None
