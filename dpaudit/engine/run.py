"""Runs an audit: plan, measure, let every audit read the numbers, and keep the provenance."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from dpaudit import binding
from dpaudit.engine.attack_runner import attacked
from dpaudit.engine.blas import one_blas_thread
from dpaudit.engine.cache import Cache
from dpaudit.engine.chunks import BLOCKS_PER_CHUNK, Halves
from dpaudit.engine.exact import Exact
from dpaudit.engine.executors import check_executor
from dpaudit.engine.learning_run import run_learning
from dpaudit.engine.notes import notes_on
from dpaudit.engine.paired import changes
from dpaudit.engine.planner import parts, plan_of
from dpaudit.engine.prepare import Prepared, prepare, prepare_learning
from dpaudit.engine.provenance import provenance_of
from dpaudit.engine.rebudget import at_budget
from dpaudit.engine.runner import How, NoProgress, Progress, measure
from dpaudit.engine.subject import MeasuredTask
from dpaudit.engine.widths import widest
from dpaudit.errors import DpauditError, PluginError, UsageError
from dpaudit.interfaces import Audit, Mechanism, Plugin
from dpaudit.model.arrays import keep_freed_memory
from dpaudit.model.guarantee import Guarantee
from dpaudit.model.measurement import Measurement
from dpaudit.model.results import Results, TaskResult
from dpaudit.model.spec import EarlierSpec, ReleaseSpec, Spec
from dpaudit.parameters import parameters
from dpaudit.privacy.composition import sequential
from dpaudit.registry import Registry
from dpaudit.stats.streams import block_generator, blocks_for

_AUDIT_STREAM = 2**41
"""Number of the stream that audits with random steps of their own draw from."""


@one_blas_thread()
def run(
    spec: Spec,
    *,
    registry: Registry | None = None,
    executor: str | Executor = "threads",
    workers: int = 1,
    chunk: int = BLOCKS_PER_CHUNK,
    cache: Path | None = None,
    progress: Progress | None = None,
    files: tuple[str, ...] = (),
) -> Results:
    """Measure everything that ``spec`` declares.

    Parameters
    ----------
    spec
        The audit, from :func:`dpaudit.load`.
    registry
        Plug-ins that are loaded already; otherwise all that are installed and those that the
        audit file names.
    executor
        Where the draws are made: ``threads`` of this process (those of foreign plug-ins in worker
        processes below it), ``processes``, ``dask``, ``dask:tcp://HOST:PORT``, ``ray``,
        ``ray:HOST:PORT``, or any :class:`concurrent.futures.Executor`.
    workers
        Chunks to measure at once, where the executor does not know it better.
    chunk
        Blocks of 64 draws in a chunk. The results depend on none of these three.
    cache
        A folder of measured chunks: an interrupted run goes on where it stopped, and runs at the
        same time share it.
    progress
        Somebody to watch.
    files
        Plug-in files beyond those that the audit file names.

    Returns
    -------
    Results
        Measurements, notes and provenance: equal, bit for bit, for the same audit file, data
        and versions.

    Raises
    ------
    SpecError, DataError, PluginError
        If the audit cannot be planned, the data cannot be read, or a plug-in fails.
    UsageError, UnavailableError
        If the executor is not known, not installed or not reached, or ``workers`` or ``chunk``
        is below 1.
    """
    for name, number in (("workers", workers), ("chunk", chunk)):
        if number < 1:
            raise UsageError(f"{name} = {number}: nothing would be done", hint="give at least 1")
    check_executor(executor)
    watched = progress or NoProgress()
    how = How(
        executor=executor,
        workers=workers,
        chunk=chunk,
        cache=None if cache is None else Cache(cache, watched.said),
        progress=watched,
    )
    if spec.training is not None:
        return run_learning(prepare_learning(spec, files, registry), how)
    return _run_decisions(prepare(spec, files, registry), how)


def _run_decisions(prepared: Prepared, how: How) -> Results:
    begun, spec = time.monotonic(), prepared.spec
    plan = plan_of(spec, tuple(each.job for each in prepared.controlled.values()))
    hook = prepared.registry.manager.hook
    hook.dpaudit_plan_made(plan=plan)
    exact = Exact(controlled=prepared.controlled)
    keep_freed_memory()
    tallies = measure(
        prepared,
        plan.blocks,
        attrs.evolve(how, width=lambda trees: widest(prepared, exact.one_more(), trees)),
    )
    subjects = _subjects(prepared, exact, tallies, plan.draws)
    audits = audits_of(prepared)
    measurements: list[Measurement] = []
    for subject in subjects:
        first = _is_first(subject, subjects)
        measurements += measurements_of(prepared, subject, audits, is_first=first)
        baseline = subject.controlled.job.task.baseline
        if baseline is not None:
            base = next(each for each in subjects if each.task == baseline)
            measurements += changes(subject, base)
        hook.dpaudit_task_done(task=subject.controlled.job.task, seconds=time.monotonic() - begun)
    attacks, scored = attacked(prepared, how)
    releases = {release.name: release for release in spec.releases}
    return Results(
        spec=spec,
        data=prepared.data,
        plan=plan,
        tasks=tuple(_task_result(subject, releases) for subject in subjects),
        measurements=(*measurements, *scored),
        attacks=attacks,
        notes=tuple(note for subject in subjects for note in notes_on(subject)),
        provenance=provenance_of(prepared, _plugins(prepared, audits), draws=plan.draws),
    )


def _subjects(
    prepared: Prepared, exact: Exact, tallies: Mapping[str, Halves], draws: int
) -> tuple[MeasuredTask, ...]:
    return tuple(
        MeasuredTask(
            controlled=controlled,
            known=exact.of(task),
            at=partial(
                at_budget,
                controlled.job,
                prepared.data,
                seed=prepared.spec.run.seed,
                blocks=blocks_for(prepared.spec.run.draws),
            ),
            even=tallies[task][0],
            odd=tallies[task][1],
            data=prepared.data,
            confidence=prepared.spec.run.confidence,
            draws=draws if controlled.job.chain.replicates is None else _count(tallies[task]),
        )
        for task, controlled in prepared.controlled.items()
    )


def _count(halves: Halves) -> int:
    return halves[0].error.count + halves[1].error.count


def audits_of(prepared: Prepared) -> tuple[Audit, ...]:
    """Return the audits of a spec, made and bound to its data."""
    made = (
        binding.bind(
            prepared.registry.create("audit", each.audit.use, **each.audit.parameters),
            prepared.data,
            total=prepared.data.total,
            folder=prepared.spec.path.parent,
        )
        for each in prepared.spec.audits
    )
    return tuple(audit for audit in made if isinstance(audit, Audit))


def measurements_of(
    prepared: Prepared, subject: MeasuredTask, audits: tuple[Audit, ...], *, is_first: bool = True
) -> Iterator[Measurement]:
    """Yield what every audit measures of a task."""
    for spec, audit in zip(prepared.spec.audits, audits, strict=True):
        if audit.once and not is_first:
            continue
        rng = block_generator(prepared.spec.run.seed, prepared.data.digest, _AUDIT_STREAM)
        for measurement in _asked(audit, subject, rng):
            if not isinstance(measurement, Measurement):
                raise PluginError(
                    f"audit {audit.name!r} returned {type(measurement).__name__}",
                    hint="return a list of dpaudit.Measurement",
                )
            yield attrs.evolve(measurement, audit=spec.name)


def _is_first(subject: MeasuredTask, subjects: tuple[MeasuredTask, ...]) -> bool:
    """Whether no task before this one is the same but for what is swept."""

    def kind(each: MeasuredTask) -> tuple[str, str, str | None]:
        task = each.controlled.job.task
        return task.release, task.decision, task.mitigation

    return next(each for each in subjects if kind(each) == kind(subject)) is subject


def _asked(
    audit: Audit, subject: MeasuredTask, rng: np.random.Generator
) -> tuple[Measurement, ...]:
    try:
        return tuple(audit.measure(subject, rng))
    except DpauditError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"audit {audit.name!r} failed in task {subject.task!r}: "
            f"{type(error).__name__}: {error}",
            hint="see what the audit does with the estimates of this task",
        ) from error


def _task_result(subject: MeasuredTask, releases: Mapping[str, ReleaseSpec]) -> TaskResult:
    release = releases[subject.controlled.job.task.release]
    job = subject.controlled.job
    mechanism = job.chain.mechanism
    guarantee = _guarantee(subject)
    return TaskResult(
        task=job.task,
        mechanism=mechanism.name,
        parameters=_parameters(mechanism),
        postprocess=tuple(step.name for step in job.chain.steps),
        output=tuple(step.name for step in job.output),
        guarantee=guarantee,
        unit=job.decision.unit,
        truth=job.truth,
        adds_noise=mechanism.noise() is not None,
        is_given=job.chain.replicates is not None,
        earlier=tuple(each.what for each in release.earlier),
        together=_together(guarantee, release.earlier),
    )


def _together(own: Guarantee, earlier: tuple[EarlierSpec, ...]) -> Guarantee | None:
    """Return what a release promises together with earlier ones about the same people."""
    if not earlier:
        return None
    before = (
        Guarantee(
            neighbours=own.neighbours,
            epsilon=math.inf if each.epsilon is None else each.epsilon,
            delta=each.delta,
            rho=each.rho,
            unit=own.unit,
        )
        for each in earlier
    )
    return attrs.evolve(sequential([own, *before]), revealed=own.revealed)


def _parameters(mechanism: Mechanism) -> dict[str, Any]:
    """Return what the audit file set, with a digest in place of each column."""
    names = parameters(type(mechanism))
    values = {name: getattr(mechanism, p.field.name) for name, p in names.items()}
    return {name: _plain(value) for name, value in values.items() if name != "neighbours"}


def _plain(value: Any) -> Any:
    if isinstance(value, Mechanism):
        return {"use": value.name, **_parameters(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if not isinstance(value, np.ndarray):
        return value
    digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
    return f"a column of {value.size} values, SHA-256 {digest[:16]}"


def _guarantee(subject: MeasuredTask) -> Guarantee:
    job = subject.controlled.job
    promised = job.chain.mechanism.privacy()
    uncovered = (what for step in job.chain.steps for what in step.uncovered())
    return attrs.evolve(
        promised,
        revealed=promised.revealed or job.chain.reveals(promised.neighbours),
        uncovered=tuple(dict.fromkeys((*promised.uncovered, *uncovered))),
    )


def _plugins(prepared: Prepared, audits: tuple[Audit, ...]) -> Iterator[Plugin]:
    """Yield every plug-in that takes part."""
    for controlled in prepared.controlled.values():
        job = controlled.job
        yield from (job.chain.mechanism, *job.chain.steps, *parts(job.decision), *job.output)
    for spec in prepared.spec.mitigations:
        yield prepared.registry.create("mitigation", spec.plugin.use, **spec.plugin.parameters)
    yield from audits
    for attack in prepared.attacks.values():
        yield from (attack.attack, attack.chain.mechanism, *attack.chain.steps)
