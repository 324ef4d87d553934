"""Plays every attack on the models that were trained for it."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np

from dpaudit.engine.learning_plan import PreparedLearning
from dpaudit.engine.targets.jobs import ShadowJob, TargetJob
from dpaudit.engine.targets.playing import Arena
from dpaudit.engine.targets.results import target_result
from dpaudit.engine.targets.shown import Shown
from dpaudit.model.attack import AttackResult
from dpaudit.model.measurement import Measurement
from dpaudit.training.data import TrainingData
from dpaudit.training.runs import Arm, unpacked

Arrays = Mapping[str, np.ndarray]
"""What models keep, by ``arm/array``."""


def attacked_models(
    prepared: PreparedLearning, arrays: Mapping[str, Arrays]
) -> tuple[tuple[AttackResult, ...], tuple[Measurement, ...]]:
    """Return the results of every attack that could be played, and what was measured.

    ``arrays`` are those of the models by task. What an attack gets wrong is set aside in
    ``prepared.failures``; an attack from outside may take the time limit of the run.
    """
    results: list[AttackResult] = []
    measurements: list[Measurement] = []
    public = prepared.data.status == "public"
    shown: dict[str, Mapping[Arm, Shown]] = {}
    for task, job in prepared.targets.items():
        models = job.shadows.task.id
        if models not in arrays:
            continue
        if models not in shown:
            shown = {models: _shown(job.shadows, arrays[models], prepared.training)}
        limit = prepared.spec.run.time_limit
        with prepared.failures.aside(task, prepared.culprits(task), limit):
            result, told = played(job, shown[models], prepared.spec.run.confidence)
            results.append(result)
            tag = "public-data" if public else "internal"
            measurements += [attrs.evolve(one, discloses=one.discloses or tag) for one in told]
    return tuple(results), tuple(measurements)


def played(
    job: TargetJob, shown: Mapping[Arm, Shown], confidence: float
) -> tuple[AttackResult, tuple[Measurement, ...]]:
    """Return what an attack on all models comes to."""
    made = shown["made"]
    bare = shown.get("plain")
    if bare is None and not job.guarantee.promises:
        bare = made
    arena = Arena(job=job, made=made, plain=bare)
    numbers = [arena.play(model) for model in range(made.models)]
    others = float((~made.members).sum(axis=1).min())
    return target_result(job, numbers, confidence, others)


def _shown(models: ShadowJob, arrays: Arrays, data: TrainingData) -> Mapping[Arm, Shown]:
    made = {}
    for arm in models.arms:
        start = f"{arm}/"
        kept = {n.removeprefix(start): rows for n, rows in arrays.items() if n.startswith(start)}
        runs = unpacked(kept, data, models.learner.model(data))
        made[arm] = Shown.of(runs, models, data)
    return made
