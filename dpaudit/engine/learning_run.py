"""Runs an audit of learners: train every block, let every audit read the runs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

import attrs
import numpy as np

from dpaudit import binding
from dpaudit.engine.chunks import Chunk, Unit
from dpaudit.engine.executors import opened
from dpaudit.engine.learning_plan import (
    RUNS,
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
from dpaudit.errors import DpauditError, PluginError
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
    hook = prepared.registry.manager.hook
    plan = learner_plan(tuple(prepared.jobs.values()))
    hook.dpaudit_plan_made(plan=plan)
    subjects = subjects_of(prepared, trained(prepared, how))
    audits = learner_audits(prepared)
    measurements: list[Measurement] = []
    for subject in subjects:
        measurements += learner_measurements(prepared, subject, audits)
        hook.dpaudit_task_done(task=subject.job.task, seconds=time.monotonic() - begun)
    plugins: list[Plugin] = [*(job.learner for job in prepared.jobs.values()), *audits]
    return Results(
        spec=prepared.spec,
        data=prepared.data,
        plan=plan,
        tasks=(),
        measurements=tuple(measurements),
        notes=tuple(note for subject in subjects for note in _notes(subject)),
        provenance=provenance_of(prepared, plugins, draws=plan.draws, libraries=versions()),
        learners=tuple(_result(subject) for subject in subjects),
    )


def trained(prepared: PreparedLearning, how: How) -> dict[str, Mapping[str, np.ndarray]]:
    """Return what the runs of every task keep, by ``arm/array``.

    The same, bit for bit, for any executor and number of workers, and whatever was in the cache.
    """
    store = _Store(prepared=prepared, how=how)
    missing = list(store.missing())
    how.progress.started(sum(store.size(unit) for unit in missing))
    try:
        if missing:
            with (
                opened(how.executor, how.workers) as place,
                closing(measured(store, missing, place)) as ending,
            ):
                for unit, found in ending:
                    store.keep(unit, found)
                    how.progress.advanced(store.done, lambda: None)
    finally:
        how.progress.finished()
    return {task: store.joined(task) for task in prepared.jobs}


@attrs.define(kw_only=True)
class _Store:
    """The blocks that are trained, in memory and in the cache; ``done`` counts runs."""

    prepared: PreparedLearning
    how: How
    blocks: dict[tuple[str, int], Mapping[str, np.ndarray]] = attrs.field(factory=dict)
    done: int = 0

    def missing(self) -> Iterator[Unit]:
        """Take what the cache has, and yield the rest: a block of one task each."""
        for task, job in self.prepared.jobs.items():
            for block in range(-(-job.replicates // RUNS)):
                unit = Unit(tasks=(task,), chunk=Chunk(block, 1), foreign=job.task.foreign)
                if not self._taken(unit):
                    yield unit

    def still_missing(self, unit: Unit) -> Unit | None:
        """Take what another run has trained meanwhile."""
        if self._taken(unit):
            self.done += self.size(unit)
            return None
        return unit

    def keep(self, unit: Unit, found: Mapping[str, Any]) -> None:
        """Take what was trained, and write it to the cache."""
        self.done += self.size(unit)
        for task, arrays in found.items():
            self.blocks[task, unit.chunk.first] = arrays
            if self.how.cache is not None:
                job = self.prepared.jobs[task]
                self.how.cache.write_arrays(job.task.key, self._place(job, unit), arrays)

    def size(self, unit: Unit) -> int:
        """Return the runs of a unit."""
        jobs = (self.prepared.jobs[task] for task in unit.tasks)
        return sum(len(job.arms) * self._place(job, unit).count for job in jobs)

    def joined(self, task: str) -> Mapping[str, np.ndarray]:
        """Return the arrays of all blocks of a task, one after the other."""
        count = -(-self.prepared.jobs[task].replicates // RUNS)
        parts = [self.blocks[task, block] for block in range(count)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _taken(self, unit: Unit) -> bool:
        if self.how.cache is None:
            return False
        (task,) = unit.tasks
        job = self.prepared.jobs[task]
        stored = self.how.cache.read_arrays(job.task.key, self._place(job, unit))
        if stored is None:
            return False
        self.blocks[task, unit.chunk.first] = stored
        return True

    def _place(self, job: LearnerJob, unit: Unit) -> Chunk:
        """Return the replicates of a block: a last block that is short is another entry."""
        first = unit.chunk.first * RUNS
        return Chunk(first, min(RUNS, job.replicates - first))


def subjects_of(
    prepared: PreparedLearning, arrays: Mapping[str, Mapping[str, np.ndarray]]
) -> tuple[TrainedTask, ...]:
    """Return the tasks as audits see them; what a task mitigates stands before it or after."""
    reference = training_of(prepared.spec).reference
    jobs = prepared.jobs

    def bare(job: LearnerJob) -> TrainedTask:
        return TrainedTask(
            job=job,
            data=prepared.training,
            arrays=arrays[job.task.id],
            confidence=prepared.spec.run.confidence,
            reference=reference,
        )

    alone = {task: bare(job) for task, job in jobs.items()}
    if reference not in REFERENCES:
        alone = {
            task: attrs.evolve(
                one, compared=alone[at_point(one.job, reference, jobs.values()).task.id]
            )
            for task, one in alone.items()
        }
    return tuple(
        one
        if one.job.task.baseline is None
        else attrs.evolve(one, baseline=alone[one.job.task.baseline])
        for one in alone.values()
    )


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
        try:
            found = tuple(audit.measure(subject, rng))
        except DpauditError:
            raise
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"audit {audit.name!r} failed in task {subject.task!r}: "
                f"{type(error).__name__}: {error}",
                hint="see what the audit does with the runs of this task",
            ) from error
        for measurement in found:
            if not isinstance(measurement, Measurement):
                raise PluginError(
                    f"audit {audit.name!r} returned {type(measurement).__name__}",
                    hint="return a list of dpaudit.Measurement",
                )
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
