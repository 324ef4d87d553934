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
from dpaudit.config.public_table import refuse_uncovered
from dpaudit.engine.attack_runner import attacked
from dpaudit.engine.blas import one_blas_thread
from dpaudit.engine.bootstrap import maker, widened
from dpaudit.engine.cache import Cache
from dpaudit.engine.chunks import BLOCKS_PER_CHUNK, Halves
from dpaudit.engine.executors import check_executor
from dpaudit.engine.learning_run import run_learning
from dpaudit.engine.notes import notes_on
from dpaudit.engine.paired import changes
from dpaudit.engine.planner import parts, plan_of
from dpaudit.engine.prepare import Prepared, prepare, prepare_learning
from dpaudit.engine.provenance import provenance_of
from dpaudit.engine.rebudget import at_budget, known_of
from dpaudit.engine.runner import How, NoProgress, Progress, measure
from dpaudit.engine.subject import MeasuredTask
from dpaudit.engine.widths import widest
from dpaudit.errors import DpauditError, PluginError, SpecError, UsageError
from dpaudit.estimators.known import Known
from dpaudit.interfaces import Audit, Mechanism, Plugin
from dpaudit.model.dataset import Dataset
from dpaudit.model.guarantee import Guarantee
from dpaudit.model.measurement import Measurement
from dpaudit.model.public import PublicSpec
from dpaudit.model.results import Results, TaskResult
from dpaudit.model.spec import EarlierSpec, ReleaseSpec, Spec
from dpaudit.parameters import parameters
from dpaudit.privacy.composition import sequential
from dpaudit.registry import Registry
from dpaudit.stats.streams import block_generator, blocks_for

_FEW_DRAWS = 512
"""Draws of each audit of a bootstrap: what they lack widens the interval."""

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
    dataset: Dataset | None = None,
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
    dataset
        Data that take the place of those of the spec.

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
        _refuse_private(spec)
        return run_learning(prepare_learning(spec, files, registry), how)
    prepared = prepare(spec, files, registry, dataset)
    _refuse_private(spec, prepared)
    results = _run_decisions(prepared, how)
    if dataset is None and spec.public is not None and spec.public.mode == "release":
        return _with_bootstrap(results, prepared, spec.public)
    return results


def _run_decisions(prepared: Prepared, how: How) -> Results:
    begun, spec = time.monotonic(), prepared.spec
    plan = plan_of(spec, tuple(each.job for each in prepared.controlled.values()))
    hook = prepared.registry.manager.hook
    hook.dpaudit_plan_made(plan=plan)
    exact = {task: known_of(each.job) for task, each in prepared.controlled.items()}
    tallies = measure(
        prepared, plan.blocks, attrs.evolve(how, width=partial(widest, prepared, exact))
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


def _refuse_private(spec: Spec, prepared: Prepared | None = None) -> None:
    """Keep what a public report must not be made of out of it."""
    if spec.public is None:
        return
    refuse_uncovered(training=spec.training is not None, attacks=bool(spec.attacks))
    if spec.public.mode == "dp":
        raise UsageError(
            "an audit for a report through noise is not measured openly",
            hint="dpaudit report --public dp makes it, or dpaudit.engine.disclosure.disclose",
        )
    for each in prepared.controlled.values() if prepared else ():
        if each.job.chain.replicates is not None:
            raise SpecError(
                f"release {each.job.task.release!r} was made from the confidential counts, and "
                "several releases of them tell more than one",
                hint="take it out of the audit file for a public report",
            )


def _with_bootstrap(results: Results, prepared: Prepared, public: PublicSpec) -> Results:
    """Widen every interval by what the noise of the published release does to it."""
    if foreign := [r.task.id for r in results.tasks if r.task.foreign]:
        raise SpecError(
            f"task {foreign[0]!r} uses a plug-in from a file, which is not measured again for "
            "the intervals of a published release",
            hint="install the plug-in as a package, or use --public proxy",
        )
    job = maker([each.job for each in prepared.controlled.values()], public)
    few = attrs.evolve(results.spec.run, draws=min(results.spec.run.draws, _FEW_DRAWS))
    spec = attrs.evolve(results.spec, run=few)
    again = partial(_again, spec, prepared.registry)
    measured = widened(results, job, again, count=public.bootstrap)
    return attrs.evolve(results, measurements=measured)


def _again(spec: Spec, registry: Registry, dataset: Dataset) -> Results:
    return run(spec, registry=registry, dataset=dataset)


def _subjects(
    prepared: Prepared, exact: Mapping[str, Known], tallies: Mapping[str, Halves], draws: int
) -> tuple[MeasuredTask, ...]:
    return tuple(
        MeasuredTask(
            controlled=controlled,
            known=exact[task],
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
