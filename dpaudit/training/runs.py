"""Fitted models: one, and many runs of one learner."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import attrs
import numpy as np

from dpaudit.errors import PluginError
from dpaudit.model.arrays import FloatArray
from dpaudit.training.data import Split, TrainingData
from dpaudit.training.models import Model
from dpaudit.training.records import IntArray, as_classes

Arm: TypeAlias = Literal["made", "twin", "noiseless", "unclipped", "unclipped-twin", "plain"]
"""One way to train on the same random numbers.

``made`` is the learner as the audit file has it; ``twin`` has its noise with the other sign;
``noiseless`` has its clipping and no noise; ``unclipped`` has its noise and no clipping, and
``unclipped-twin`` the other sign; ``plain`` has neither: nothing is protected (of a pruned model,
nothing is pruned). Only ``made`` keeps what
:meth:`dpaudit.Learner.privacy` promises; the others are never released.
"""

_LEAST_CHANCE = 1e-300


@runtime_checkable
class Fitted(Protocol):
    """One fitted model."""

    def losses(self, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return the loss of every record, shape (n,): nats, or squared units of the label."""

    def chances(self, inputs: FloatArray) -> FloatArray | None:
        """Return the chance of every class, shape (n, K); ``None`` where the label is a number."""


@attrs.frozen(kw_only=True, eq=False)
class ModelFit:
    """One fitted model of a known form.

    Parameters
    ----------
    model
        Its form and loss.
    theta
        Its parameters, shape (P,).
    """

    model: Model
    theta: FloatArray

    def losses(self, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        """Return the loss of every record, shape (n,)."""
        return self.model.losses(self.theta, inputs, labels)

    def chances(self, inputs: FloatArray) -> FloatArray | None:
        """Return the chance of every class, shape (n, K), if there are classes."""
        return self.model.chances(self.theta, inputs)


@attrs.frozen
class _Foreign:
    """A model in the manner of scikit-learn."""

    thing: Any

    def losses(self, inputs: FloatArray, labels: FloatArray) -> FloatArray:
        chances = self.chances(inputs)
        if chances is None:
            return (np.asarray(self.thing.predict(inputs), dtype=np.float64) - labels) ** 2
        chosen = chances[np.arange(len(chances)), as_classes(labels, chances.shape[1])]
        return -np.log(np.maximum(chosen, _LEAST_CHANCE))

    def chances(self, inputs: FloatArray) -> FloatArray | None:
        if not hasattr(self.thing, "predict_proba"):
            return None
        return np.asarray(self.thing.predict_proba(inputs), dtype=np.float64)


def fitted(thing: Any, learner: str) -> Fitted:
    """Return what a learner's ``fit`` gave as a :class:`Fitted`.

    Parameters
    ----------
    thing
        A :class:`Fitted`, or a model in the manner of scikit-learn: ``predict_proba(inputs)``
        for classes (0 ... K - 1 in this order), ``predict(inputs)`` for a number.
    learner
        Whose fit it is, for the message.

    Raises
    ------
    PluginError
        If it is neither.
    """
    if isinstance(thing, Fitted):
        return thing
    if hasattr(thing, "predict_proba") or hasattr(thing, "predict"):
        return _Foreign(thing)
    raise PluginError(
        f"learner {learner!r}: fit returned {type(thing).__name__}, which predicts nothing",
        hint="return an object with losses(inputs, labels) and chances(inputs), or with "
        "predict_proba(inputs)",
    )


@attrs.frozen(kw_only=True, eq=False)
class Runs(abc.ABC):
    """R runs of one learner on the same people, judged on every split.

    Parameters
    ----------
    data
        What they learnt from and are judged on.
    statistics
        Anything that a learner notes of each run, by name, first axis R: what
        :meth:`dpaudit.Learner.diagnostics` is made of.
    """

    data: TrainingData
    statistics: Mapping[str, FloatArray] = attrs.field(factory=dict)

    @abc.abstractmethod
    def __len__(self) -> int:
        """R."""

    @abc.abstractmethod
    def __getitem__(self, part: slice) -> Runs:
        """Return some of the runs: the losses of all at once may not fit into memory."""

    @abc.abstractmethod
    def losses(self, split: Split = "train") -> FloatArray:
        """Return the loss of every record under every run, shape (R, n)."""

    @abc.abstractmethod
    def chances(self, split: Split = "train") -> FloatArray | None:
        """Return the chance of every class, shape (R, n, K); ``None`` for a number."""

    @abc.abstractmethod
    def packed(self) -> dict[str, np.ndarray]:
        """Return all that :func:`unpacked` needs, first axis R."""

    def predictions(self, split: Split = "train") -> IntArray | None:
        """Return the likeliest class of every record, shape (R, n); ``None`` for a number.

        Of equally likely classes the first.
        """
        chances = self.chances(split)
        return None if chances is None else chances.argmax(axis=2).astype(np.int64)


@attrs.frozen(kw_only=True, eq=False)
class ModelRuns(Runs):
    """Runs of a model of known form: all that is kept are their parameters.

    Parameters
    ----------
    model
        The form.
    parameters
        theta of every run, shape (R, P).
    """

    model: Model
    parameters: FloatArray

    def __len__(self) -> int:
        return len(self.parameters)

    def __getitem__(self, part: slice) -> ModelRuns:
        statistics = {name: rows[part] for name, rows in self.statistics.items()}
        return attrs.evolve(self, parameters=self.parameters[part], statistics=statistics)

    def losses(self, split: Split = "train") -> FloatArray:
        """Return the loss of every record under every run, shape (R, n)."""
        records = self.data.records(split)
        x, y = records.inputs, records.labels
        return np.stack([self.model.losses(theta, x, y) for theta in self.parameters])

    def chances(self, split: Split = "train") -> FloatArray | None:
        """Return the chance of every class, shape (R, n, K); ``None`` for a number."""
        x = self.data.records(split).inputs
        made = [self.model.chances(theta, x) for theta in self.parameters]
        kept = [one for one in made if one is not None]
        return np.stack(kept) if len(kept) == len(made) else None

    def packed(self) -> dict[str, np.ndarray]:
        """Return parameters and statistics."""
        return {"parameters": self.parameters, **_named(self.statistics)}


@attrs.frozen(kw_only=True, eq=False)
class TabledRuns(Runs):
    """Runs of which only losses and chances are known.

    Parameters
    ----------
    of_losses
        By split, shape (R, n).
    of_chances
        By split, shape (R, n, K); empty for a number.
    """

    of_losses: Mapping[Split, FloatArray]
    of_chances: Mapping[Split, FloatArray] = attrs.field(factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.of_losses.values())))

    def __getitem__(self, part: slice) -> TabledRuns:
        return attrs.evolve(
            self,
            of_losses={split: rows[part] for split, rows in self.of_losses.items()},
            of_chances={split: rows[part] for split, rows in self.of_chances.items()},
            statistics={name: rows[part] for name, rows in self.statistics.items()},
        )

    def losses(self, split: Split = "train") -> FloatArray:
        """Return the loss of every record under every run, shape (R, n)."""
        self.data.records(split)
        return self.of_losses[split]

    def chances(self, split: Split = "train") -> FloatArray | None:
        """Return the chance of every class, shape (R, n, K); ``None`` for a number."""
        self.data.records(split)
        return self.of_chances.get(split)

    def packed(self) -> dict[str, np.ndarray]:
        """Return losses, chances and statistics."""
        return {
            **{f"losses/{split}": rows for split, rows in self.of_losses.items()},
            **{f"chances/{split}": rows for split, rows in self.of_chances.items()},
            **_named(self.statistics),
        }


@attrs.frozen(kw_only=True, eq=False)
class Expected:
    """What a released model does on average over its noise, without simulation.

    Parameters
    ----------
    losses
        E loss of every record, shape (n,).
    selected
        P(class 1 is predicted), shape (n,), for two classes.
    error
        A bound of the absolute error of each of these.
    """

    losses: FloatArray
    selected: FloatArray | None = None
    error: float = 0.0


def runs_of(fits: Sequence[Any], data: TrainingData, learner: str) -> Runs:
    """Return single fits of one learner as its runs."""
    models = [one for one in fits if isinstance(one, ModelFit)]
    if len(models) == len(fits):
        parameters = np.stack([one.theta for one in models])
        return ModelRuns(data=data, model=models[0].model, parameters=parameters)
    made = [fitted(one, learner) for one in fits]
    losses, chances = {}, {}
    for split, records in data.splits.items():
        losses[split] = np.stack([one.losses(records.inputs, records.labels) for one in made])
        rows = [one.chances(records.inputs) for one in made]
        kept = [row for row in rows if row is not None]
        if len(kept) == len(rows):
            chances[split] = np.stack(kept)
    return TabledRuns(data=data, of_losses=losses, of_chances=chances)


def unpacked(arrays: Mapping[str, np.ndarray], data: TrainingData, model: Model | None) -> Runs:
    """Return the runs that :meth:`Runs.packed` packed; ``model`` is the form of parameters."""
    statistics = {
        name.removeprefix("statistic/"): rows
        for name, rows in arrays.items()
        if name.startswith("statistic/")
    }
    if "parameters" in arrays:
        if model is None:
            raise PluginError(
                "a learner kept parameters and has no model", hint="return one from model(data)"
            )
        return ModelRuns(
            data=data, model=model, parameters=arrays["parameters"], statistics=statistics
        )
    kept: dict[str, dict[Split, FloatArray]] = {"losses": {}, "chances": {}}
    for split in data.splits:
        for what, rows in kept.items():
            if f"{what}/{split}" in arrays:
                rows[split] = arrays[f"{what}/{split}"]
    return TabledRuns(
        data=data, of_losses=kept["losses"], of_chances=kept["chances"], statistics=statistics
    )


def _named(statistics: Mapping[str, FloatArray]) -> dict[str, np.ndarray]:
    return {f"statistic/{name}": rows for name, rows in statistics.items()}
