"""Any estimator of scikit-learn, or in its manner."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.training.runs import Arm

_LARGEST_SEED = 2**31


@attrs.frozen(kw_only=True)
class Sklearn(dpaudit.Learner):
    """Fit an estimator in the manner of scikit-learn, with no protection that is known of.

    It is given the inputs without the constant column, classes as 0, 1, ... and, where it takes a
    ``random_state``, a seed of the replicate's own. A classifier must have ``predict_proba``.

    Parameters
    ----------
    estimator
        Where the class is, as ``package.module.Class``.
    arguments
        What it is made with.
    """

    name: ClassVar[str] = "sklearn"
    foreign: ClassVar[bool] = True

    estimator: str
    arguments: Mapping[str, int | float | str | bool] = attrs.field(factory=dict)

    @property
    def arms(self) -> tuple[Arm, ...]:
        """As it is: nothing is protected."""
        return ("made", "plain")

    def fit(self, data: dpaudit.TrainingData, rng: np.random.Generator) -> _Estimator:
        """Return the fitted estimator."""
        made = self._made(int(rng.integers(_LARGEST_SEED)))
        people = data.train
        labels = people.labels.astype(int) if data.classes else people.labels
        made.fit(_inputs(people.inputs), labels)
        return _Estimator(made, len(data.classes))

    def check(self, data: dpaudit.TrainingData) -> None:
        """Refuse a class that is not there, or that does not fit the label."""
        made = self._made(0)
        wanted = "predict_proba" if data.classes else "predict"
        if not hasattr(made, wanted):
            raise dpaudit.UsageError(
                f"estimator {self.estimator!r} has no {wanted}",
                hint="take a classifier with probabilities" if data.classes else "take a regressor",
            )

    def caveats(self) -> tuple[str, ...]:
        """Say that nothing is promised."""
        return (f"nothing is known of what {self.estimator} promises: it counts as unprotected",)

    def _made(self, seed: int) -> Any:
        module, _, name = self.estimator.rpartition(".")
        try:
            cls = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise dpaudit.UsageError(
                f"estimator {self.estimator!r}: {error}",
                hint="write package.module.Class, and install the package",
            ) from error
        takes = inspect.signature(cls).parameters
        seeded = {"random_state": seed} if "random_state" in takes else {}
        try:
            return cls(**{**seeded, **self.arguments})
        except TypeError as error:
            raise dpaudit.UsageError(
                f"estimator {self.estimator!r}: {error}",
                hint=f"it takes {', '.join(takes)}",
            ) from error


@attrs.frozen
class _Estimator:
    """A fitted estimator that is given inputs without the constant column.

    A class that nobody in the training data has gets the chance 0.
    """

    made: Any
    classes: int

    def losses(self, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        chances = self.chances(inputs)
        if chances is None:
            return (np.asarray(self.made.predict(_inputs(inputs)), dtype=np.float64) - labels) ** 2
        chosen = chances[np.arange(len(chances)), labels.astype(int)]
        return -np.log(np.maximum(chosen, np.finfo(np.float64).tiny))

    def chances(self, inputs: FloatArray) -> FloatArray | None:
        if not self.classes:
            return None
        found = np.zeros((len(inputs), self.classes))
        found[:, self.made.classes_] = self.made.predict_proba(_inputs(inputs))
        return found


def _inputs(inputs: FloatArray) -> FloatArray:
    return inputs[:, :-1]


@dpaudit.hookimpl
def dpaudit_learners() -> Sequence[type[dpaudit.Learner]]:
    """Offer the learner."""
    return (Sklearn,)
