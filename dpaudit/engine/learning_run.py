"""Runs an audit of learners: train every block, let every audit read the runs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing
from typing import Any

import attrs
import numpy as np

from dpaudit import binding
from dpaudit.engine.asking import asked
from dpaudit.engine.chunks import Chunk, Unit
from dpaudit.engine.executors import opened
from dpaudit.engine.failures import strangers
from dpaudit.engine.learning_plan import (
    LearnerJob,
    PreparedLearning,
    at_point,
    learner_plan,
    training_of,
    versions,
)
from dpaudit.engine.learning_subject import TrainedTask
from dpaudit.engine.provenance import provenance_of
from dpaudit.engine.runner import How, measured
from dpaudit.engine.targets.jobs import ShadowJob
from dpaudit.engine.targets.running import attacked_models
from dpaudit.errors import PluginError
from dpaudit.interfaces import Audit, Plugin
from dpaudit.model.measurement import Measurement, Note
from dpaudit.model.results import LearnerResult, Results
from dpaudit.model.training import REFERENCES
from dpaudit.parameters import parameters
from dpaudit.stats.streams import block_generator

_AUDIT_STREAM = 2**43


def run_learning(prepared: PreparedLearning, how: How) -> Results:
    """Train and measure everything that a prepared audit of learners declares."""
    begun = time.monotonic()
    ask, failures = prepared.registry.ask, prepared.failures
    plan = learner_plan(prepared)
    ask("dpaudit_plan_made", plan=plan)
    arrays = trained(prepared, how)
    subjects = subjects_of(prepared, arrays)
    audits = learner_audits(prepared)
    measurements: list[Measurement] = []
    results: list[LearnerResult] = []
    notes: list[Note] = []
    for subject in subjects:
        found = tuple(learner_measurements(prepared, subject, audits))
        with _aside(prepared, subject):
            results.append(_result(subject))
            notes += _notes(subject)
            measurements += found
        ask("dpaudit_task_done", task=subject.job.task, seconds=time.monotonic() - begun)
    attacks, scored = attacked_models(prepared, arrays)
    failures.refuse_nothing((*measurements, *scored))
    plugins: list[Plugin] = [
        *(job.learner for job in prepared.jobs.values()),
        *audits,
        *(job.attack for job in prepared.targets.values()),
    ]
    return Results(
        spec=prepared.spec,
        data=prepared.data,
        plan=plan,
        tasks=(),
        measurements=(*measurements, *scored),
        attacks=attacks,
        notes=(*notes, *failures.notes()),
        provenance=provenance_of(prepared, plugins, draws=plan.draws, libraries=versions()),
        learners=tuple(results),
        failures=tuple(failures.found),
    )


def _aside(
    prepared: PreparedLearning, subject: TrainedTask, audit: str = "", culprits: str = ""
) -> AbstractContextManager[None]:
    """Set aside what plug-ins get wrong after the training."""
    named = culprits or prepared.culprits(subject.task)
    return prepared.failures.aside(subject.task, named, prepared.spec.run.time_limit, audit=audit)


def trained(prepared: PreparedLearning, how: How) -> dict[str, Mapping[str, np.ndarray]]:
    """Return what the runs of every task keep that could be trained, by ``arm/array``.

    What a learner gets wrong is set aside in ``prepared.failures``. The result is the same, bit for
    bit, for any executor and number of workers, and whatever was in the cache.
    """
    store = _Store(prepared=prepared, how=how)
    missing = list(store.missing())
    how.progress.started(sum(store.size(unit) for unit in missing))
    try:
        if missing:
            with (
                opened(how.executor, how.workers) as place,
                closing(measured(store, iter(missing), place)) as ending,
            ):
                for unit, found in ending:
                    if isinstance(found, PluginError):
                        store.set_aside(unit, found)
                    else:
                        store.keep(unit, found)
                    how.progress.advanced(store.done, lambda: None)
    finally:
        how.progress.finished()
    left = [task for task in prepared.trainable if task not in prepared.failures.tasks]
    prepared.failures.refuse_nothing(left)
    return {task: store.joined(task) for task in left}


@attrs.define(kw_only=True)
class _Store:
    """The blocks that are trained, in memory and in the cache; ``done`` counts runs."""

    prepared: PreparedLearning
    how: How
    blocks: dict[tuple[str, int], Mapping[str, np.ndarray]] = attrs.field(factory=dict)
    done: int = 0

    def missing(self) -> Iterator[Unit]:
        """Take what the cache has, and yield the rest: a block of one task each."""
        for task, job in self.prepared.trainable.items():
            for block in range(-(-job.replicates // job.at_once)):
                unit = Unit(tasks=(task,), chunk=Chunk(block, 1), foreign=job.task.foreign)
                if not self._taken(unit):
                    yield unit

    def still_missing(self, unit: Unit) -> Unit | None:
        """Take what another run has trained meanwhile; of a learner that failed no more is due."""
        if unit.tasks[0] in self.prepared.failures.tasks or self._taken(unit):
            self.done += self.size(unit)
            return None
        return unit

    def set_aside(self, unit: Unit, error: PluginError) -> None:
        """Leave out the learner of a unit that failed."""
        self.done += self.size(unit)
        if unit.tasks[0] not in self.prepared.failures.tasks:  # of two units the first is said
            self.prepared.failures.add(unit.tasks[0], error)

    def keep(self, unit: Unit, found: Mapping[str, Any]) -> None:
        """Take what was trained, and write it to the cache."""
        self.done += self.size(unit)
        for task, arrays in found.items():
            self.blocks[task, unit.chunk.first] = arrays
            if self.how.cache is not None:
                job = self.prepared.trainable[task]
                self.how.cache.write_arrays(job.task.key, self._place(job, unit), arrays)

    def size(self, unit: Unit) -> int:
        """Return the runs of a unit."""
        jobs = (self.prepared.trainable[task] for task in unit.tasks)
        return sum(len(job.arms) * self._place(job, unit).count for job in jobs)

    def joined(self, task: str) -> Mapping[str, np.ndarray]:
        """Return the arrays of all blocks of a task, one after the other."""
        job = self.prepared.trainable[task]
        count = -(-job.replicates // job.at_once)
        parts = [self.blocks[task, block] for block in range(count)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _taken(self, unit: Unit) -> bool:
        if self.how.cache is None:
            return False
        (task,) = unit.tasks
        job = self.prepared.trainable[task]
        stored = self.how.cache.read_arrays(job.task.key, self._place(job, unit))
        if stored is None:
            return False
        self.blocks[task, unit.chunk.first] = stored
        return True

    def _place(self, job: LearnerJob | ShadowJob, unit: Unit) -> Chunk:
        """Return the replicates of a block: a last block that is short is another entry."""
        first = unit.chunk.first * job.at_once
        return Chunk(first, min(job.at_once, job.replicates - first))


def subjects_of(
    prepared: PreparedLearning, arrays: Mapping[str, Mapping[str, np.ndarray]]
) -> tuple[TrainedTask, ...]:
    """Return the tasks as audits see them; what a task mitigates stands before it or after.

    A task that is compared with one that was not trained is set aside in ``prepared.failures``.
    """
    reference = training_of(prepared.spec).reference

    def bare(job: LearnerJob) -> TrainedTask:
        return TrainedTask(
            job=job,
            data=prepared.training,
            arrays=arrays.get(job.task.id, {}),
            confidence=prepared.spec.run.confidence,
            reference=reference,
        )

    left = (task for task in prepared.jobs if task not in prepared.failures.tasks)
    alone = {task: bare(prepared.jobs[task]) for task in left}
    if reference not in REFERENCES:
        compared = {
            task: at_point(one.job, reference, prepared.jobs.values()).task.id
            for task, one in alone.items()
        }
        alone = _with(prepared, alone, "compared", compared)
    baselines = {task: one.job.task.baseline for task, one in alone.items()}
    return tuple(_with(prepared, alone, "baseline", baselines).values())


def _with(
    prepared: PreparedLearning,
    tasks: Mapping[str, TrainedTask],
    name: str,
    others: Mapping[str, str | None],
) -> dict[str, TrainedTask]:
    """Let every task know another one as ``name``; without that it is set aside."""
    made: dict[str, TrainedTask] = {}
    for task, one in tasks.items():
        other = others[task]
        if other is not None and other not in tasks:
            prepared.failures.add(task, PluginError(f"its {_SAID[name]} {other!r} has failed"))
        else:
            known: dict[str, Any] = {} if other is None else {name: tasks[other]}
            made[task] = attrs.evolve(one, **known)
    return made


_SAID = {"compared": "reference", "baseline": "baseline"}


def learner_audits(prepared: PreparedLearning) -> tuple[Audit, ...]:
    """Return the audits of a spec, made and bound."""
    made = (
        binding.bind(
            prepared.registry.create("audit", each.audit.use, **each.audit.parameters),
            prepared.data,
            folder=prepared.spec.path.parent,
        )
        for each in prepared.spec.audits
    )
    return tuple(audit for audit in made if isinstance(audit, Audit))


def learner_measurements(
    prepared: PreparedLearning, subject: TrainedTask, audits: Iterable[Audit]
) -> Iterator[Measurement]:
    """Yield what every audit measures of a task, each number tagged with what it discloses."""
    public = prepared.data.status == "public"
    for spec, audit in zip(prepared.spec.audits, audits, strict=True):
        rng = block_generator(prepared.spec.run.seed, prepared.data.digest, _AUDIT_STREAM)
        own = strangers(prepared.registry, [type(audit)])
        found: tuple[Measurement, ...] = ()
        with _aside(prepared, subject, f"audit {spec.name!r}", own):
            found = asked(audit, subject, rng)
        for measurement in found:
            tag = measurement.discloses or ("public-data" if public else "internal")
            yield attrs.evolve(measurement, audit=spec.name, discloses=tag)


def _result(subject: TrainedTask) -> LearnerResult:
    learner, data = subject.learner, subject.data
    known = parameters(type(learner))
    return LearnerResult(
        task=subject.job.task,
        learner=learner.name,
        parameters={name: getattr(learner, one.field.name) for name, one in known.items()},
        guarantee=learner.privacy(data),
        counted=learner.counted(data),
        replicates=subject.job.replicates,
        arms=subject.arms,
        reference=subject.reference,
    )


def _notes(subject: TrainedTask) -> Iterator[Note]:
    for sentence in subject.learner.caveats():
        yield Note(task=subject.task, kind="caveat", message=f"{subject.learner.name}: {sentence}.")
