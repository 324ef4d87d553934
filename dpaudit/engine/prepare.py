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
from dpaudit.engine.failures import Failures, strangers
from dpaudit.engine.job import Job
from dpaudit.engine.learning_plan import (
    PreparedLearning,
    dataset_of,
    make_learner_jobs,
    training_of,
)
from dpaudit.engine.parts import plugins_of
from dpaudit.engine.planner import make_jobs
from dpaudit.engine.tally import Controlled
from dpaudit.engine.targets.planning import make_target_jobs
from dpaudit.model.dataset import Dataset
from dpaudit.model.spec import Spec
from dpaudit.registry import Registry


@attrs.frozen(kw_only=True, eq=False)
class Prepared:
    """A spec with its data read and its jobs made, those of attacks too, by task identifier.

    ``failures`` are the tasks that plug-ins have made impossible.
    """

    spec: Spec
    registry: Registry
    data: Dataset
    controlled: Mapping[str, Controlled]
    attacks: Mapping[str, AttackJob] = attrs.field(factory=dict)
    failures: Failures = attrs.field(factory=Failures)

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

    def strangers(self, job: Job | AttackJob) -> str:
        """Return the plug-ins of a job that come from outside, as messages name them."""
        named = strangers(self.registry, map(type, plugins_of(job)))
        return named or (f"mitigation {job.task.mitigation!r}" if job.task.foreign else "")

    def culprits(self, task: str) -> str:
        """Return the plug-ins from outside that take part in a task, as messages name them."""
        job = self.attacks[task] if task in self.attacks else self.controlled[task].job
        return self.strangers(job)


def prepare(
    spec: Spec,
    files: tuple[str, ...] = (),
    registry: Registry | None = None,
    failures: Failures | None = None,
    dataset: Dataset | None = None,
) -> Prepared:
    """Find the plug-ins, read the data, make the jobs and choose their controls.

    Parameters
    ----------
    files
        Plug-in files beyond those that the audit file names.
    registry
        Plug-ins that are loaded already.
    failures
        Tasks to leave out, because their plug-ins have failed elsewhere.
    dataset
        Data that take the place of those of the spec.
    """
    registry = registry or _registry(spec, files)
    dataset = dataset or data.read(spec.data, spec.path.parent, registry)
    found = Failures() if failures is None else failures
    jobs, attacks = make_jobs(spec, registry, dataset, found)
    controlled: dict[str, Controlled] = {}
    made = Prepared(
        spec=spec,
        registry=registry,
        data=dataset,
        controlled=controlled,
        attacks={job.task.id: job for job in attacks},
        failures=found,
    )
    for job in jobs:
        with found.aside(job.task.id, made.strangers(job), spec.run.time_limit):
            controlled[job.task.id] = Controlled.choose(job, spec.run.seed, dataset.digest)
    found.refuse_nothing(controlled)
    return made


def prepare_learning(
    spec: Spec,
    files: tuple[str, ...] = (),
    registry: Registry | None = None,
    failures: Failures | None = None,
) -> PreparedLearning:
    """Find the plug-ins, read the people and make the jobs of an audit of learners.

    What a learner gets wrong before it is trained is raised: others may be compared with it.
    """
    registry = registry or _registry(spec, files)
    training = data.read_training(training_of(spec), spec.path.parent, registry, seed=spec.run.seed)
    jobs = {job.task.id: job for job in make_learner_jobs(spec, registry, training)}
    shadows, targets = make_target_jobs(spec, registry, training, jobs)
    return PreparedLearning(
        spec=spec,
        registry=registry,
        training=training,
        data=dataset_of(training),
        jobs=jobs,
        shadows=shadows,
        targets=targets,
        failures=Failures() if failures is None else failures,
    )


def _registry(spec: Spec, files: tuple[str, ...]) -> Registry:
    beside = [spec.path.parent / name for name in spec.plugins]
    return Registry.discover(files=[*beside, *map(Path, files)])
