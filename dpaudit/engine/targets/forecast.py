"""What attacks on models will cost: two small trainings of each learner, one trial of each."""

from __future__ import annotations

import time

import attrs
import numpy as np

from dpaudit.engine.forecast import TaskForecast
from dpaudit.engine.learning_plan import PreparedLearning
from dpaudit.engine.targets.halves import kin
from dpaudit.engine.targets.jobs import MODELS, ShadowJob, TargetJob
from dpaudit.engine.targets.playing import Arena
from dpaudit.engine.targets.shown import Shown
from dpaudit.model.arrays import BoolArray

_FEW, _MORE = 1, 4


def target_forecasts(prepared: PreparedLearning) -> tuple[TaskForecast, ...]:
    """Return the cost of all models of each learner, and of each attack on them."""
    made: list[TaskForecast] = []
    shown: dict[str, Shown] = {}
    for task, models in prepared.shadows.items():
        cost, few = _of_models(prepared, models)
        made.append(cost)
        shown[task] = _tiled(few, models.members(prepared.training))
    made += [_of_attack(job, shown[job.shadows.task.id]) for job in prepared.targets.values()]
    return tuple(made)


def _of_models(prepared: PreparedLearning, models: ShadowJob) -> tuple[TaskForecast, Shown]:
    """Return what all models cost, and some of them."""
    data, seconds = prepared.training, []
    few = attrs.evolve(models, replicates=_MORE)
    members = np.zeros((_MORE, len(data.train)), dtype=np.bool_)
    members[:, models.people] = few.members(data)
    for count in (_FEW, _MORE):
        begun = time.perf_counter()
        runs = models.learner.train_each(data, members[:count], range(count), prepared.seed + 1)
        seconds.append(time.perf_counter() - begun)
    each = max(0.0, seconds[1] - seconds[0]) / (_MORE - _FEW)
    start = max(0.0, seconds[0] - each)
    kept = sum(array.nbytes for array in runs.packed().values()) / _MORE
    blocks = -(-models.replicates // MODELS)
    everybody = len(data.train) + (0 if data.held_out is None else len(data.held_out))
    cost = TaskForecast(
        task=models.task.id,
        seconds=len(models.arms) * (start * blocks + each * models.replicates),
        memory=len(models.arms) * models.replicates * (kept + 8.0 * everybody),
        basis=f"{_FEW} and {_MORE} models",
    )
    return cost, Shown.of(runs, few, data)


def _tiled(few: Shown, members: BoolArray) -> Shown:
    """Return as many models as there will be by repeating some: to attack them takes as long."""
    at, ask = np.arange(len(members)) % _MORE, few.ask
    return attrs.evolve(
        few,
        members=members,
        kin=kin(members),
        losses=few.losses[at],
        population=few.population[at],
        right=None if few.right is None else few.right[at],
        ask=None if ask is None else (lambda model, inputs: ask(model % _MORE, inputs)),
    )


def _of_attack(job: TargetJob, shown: Shown) -> TaskForecast:
    """Return what an attack costs: the second trial is timed, for the first makes it ready."""
    arena = Arena(job=job, made=shown, plain=shown if len(job.shadows.arms) > 1 else None)
    played = arena.play(0)
    begun = time.perf_counter()
    arena.play(1)
    each = time.perf_counter() - begun
    size = sum(value.nbytes for value in played.values())
    return TaskForecast(
        task=job.task.id,
        seconds=each * shown.models,
        memory=float(size * shown.models),
        basis="one model",
    )
