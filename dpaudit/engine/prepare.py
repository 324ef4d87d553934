"""What the parent and every worker make of a spec before they measure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from dpaudit import data
from dpaudit.engine.attacks.jobs import AttackJob
from dpaudit.engine.attacks.playing import play_chunk
from dpaudit.engine.chunks import Chunk, measure_chunk
from dpaudit.engine.learning_plan import (
    PreparedLearning,
    dataset_of,
    make_learner_jobs,
    training_of,
)
from dpaudit.engine.planner import make_jobs
from dpaudit.engine.tally import Controlled
from dpaudit.model.dataset import Dataset
from dpaudit.model.spec import Spec
from dpaudit.registry import Registry


@attrs.frozen(kw_only=True, eq=False)
class Prepared:
    """A spec with its data read and its jobs made, those of attacks too, by task identifier."""

    spec: Spec
    registry: Registry
    data: Dataset
    controlled: Mapping[str, Controlled]
    attacks: Mapping[str, AttackJob] = attrs.field(factory=dict)

    @property
    def signatures(self) -> dict[str, tuple[str, bool]]:
        """What tells whether another process has made the same jobs."""
        return {
            task: (each.job.task.key, each.control is not None)
            for task, each in self.controlled.items()
        } | {name: (job.task.key, False) for name, job in self.attacks.items()}

    def measure(self, tasks: tuple[str, ...], chunk: Chunk) -> dict[str, Any]:
        """Return what the blocks of a chunk add up to, or the replicates of attacks, by task."""
        attacks = {task: self.attacks[task] for task in tasks if task in self.attacks}
        if attacks:
            return dict(play_chunk(attacks, chunk))
        jobs = {task: self.controlled[task] for task in tasks}
        return dict(measure_chunk(jobs, self.spec.run.seed, self.data.digest, chunk))


def prepare(
    spec: Spec,
    files: tuple[str, ...] = (),
    registry: Registry | None = None,
    dataset: Dataset | None = None,
) -> Prepared:
    """Find the plug-ins, read the data, make the jobs and choose their controls.

    Parameters
    ----------
    files
        Plug-in files beyond those that the audit file names.
    registry
        Plug-ins that are loaded already.
    dataset
        Data that take the place of those of the spec.
    """
    registry = registry or _registry(spec, files)
    dataset = dataset or data.read(spec.data, spec.path.parent, registry)
    jobs, attacks = make_jobs(spec, registry, dataset)
    controlled = {
        job.task.id: Controlled.choose(job, spec.run.seed, dataset.digest) for job in jobs
    }
    return Prepared(
        spec=spec,
        registry=registry,
        data=dataset,
        controlled=controlled,
        attacks={job.task.id: job for job in attacks},
    )


def prepare_learning(
    spec: Spec, files: tuple[str, ...] = (), registry: Registry | None = None
) -> PreparedLearning:
    """Find the plug-ins, read the people and make the jobs of an audit of learners."""
    registry = registry or _registry(spec, files)
    training = data.read_training(training_of(spec), spec.path.parent, registry, seed=spec.run.seed)
    jobs = make_learner_jobs(spec, registry, training)
    return PreparedLearning(
        spec=spec,
        registry=registry,
        training=training,
        data=dataset_of(training),
        jobs={job.task.id: job for job in jobs},
    )


def _registry(spec: Spec, files: tuple[str, ...]) -> Registry:
    beside = [spec.path.parent / name for name in spec.plugins]
    return Registry.discover(files=[*beside, *map(Path, files)])
