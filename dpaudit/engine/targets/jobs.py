"""The jobs of attacks on models: the models that are trained, and each attack on them."""

from __future__ import annotations

import attrs
import numpy as np

from dpaudit.engine.attacks.scored import Scored
from dpaudit.engine.targets.halves import halves
from dpaudit.interfaces import Learner
from dpaudit.model.arrays import BoolArray, FloatArray
from dpaudit.model.plan import Task
from dpaudit.training.data import TrainingData
from dpaudit.training.records import IntArray
from dpaudit.training.runs import Arm

MODELS = 16
"""Models in a block: what is trained at once, whatever the number of workers."""


@attrs.frozen(kw_only=True, eq=False)
class ShadowJob:
    """The models of one learner at one parameter point, of which each learns from half the people.

    Parameters
    ----------
    replicates
        How many there are.
    people
        Who is shared out among them: rows of the people to learn from, shape (n,).
    outside
        Further rows of people from whom no model has learnt: of models that were made elsewhere.
    arms
        Those that are trained.
    seed, digest
        Of the run and of the data.
    """

    task: Task
    learner: Learner
    replicates: int
    people: IntArray
    outside: IntArray
    arms: tuple[Arm, ...]
    seed: int
    digest: str

    @property
    def at_once(self) -> int:
        """How many are trained in a block."""
        return MODELS

    def members(self, data: TrainingData) -> BoolArray:
        """Return whom each model learns from, among those who are shared out, (K, people)."""
        given = self.learner.given_members(data)
        if given is not None:
            return given[: self.replicates, self.people]
        return halves(len(self.people), self.replicates, self.seed, self.digest)

    def train(self, data: TrainingData, block: int, seed: int) -> dict[str, np.ndarray]:
        """Return what the models of a block keep, by ``arm/array``."""
        first = block * MODELS
        chosen = range(first, min(first + MODELS, self.replicates))
        own = np.zeros((len(chosen), len(data.train)), dtype=np.bool_)
        own[:, self.people] = self.members(data)[chosen.start : chosen.stop]
        made: dict[str, np.ndarray] = {}
        for arm in self.arms:
            runs = self.learner.train_each(data, own, chosen, seed, arm)
            made |= {f"{arm}/{name}": rows for name, rows in runs.packed().items()}
        return made


@attrs.frozen(kw_only=True, eq=False, slots=False)
class TargetJob(Scored):
    """One attack on the models of one learner at one parameter point.

    Parameters
    ----------
    shadows
        The models.
    """

    shadows: ShadowJob

    @property
    def unit(self) -> str:
        """A model is what is repeated."""
        return "model"

    @property
    def counts(self) -> FloatArray:
        """Every candidate is one person, shape (n,)."""
        return self.sizes

    @property
    def is_fixed(self) -> bool:
        """Who is learnt from is drawn for every model."""
        return False
