"""Runs an audit: plan, measure, let every audit read the numbers, and keep the provenance."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import attrs

from dpaudit import binding
from dpaudit.engine.asking import asked
from dpaudit.engine.attack_runner import attacked
from dpaudit.engine.blas import one_blas_thread
from dpaudit.engine.cache import Cache
from dpaudit.engine.chunks import BLOCKS_PER_CHUNK, Halves
from dpaudit.engine.exact import Exact
from dpaudit.engine.executors import check_executor
from dpaudit.engine.failures import strangers
from dpaudit.engine.learning_run import run_learning
from dpaudit.engine.notes import notes_on
from dpaudit.engine.paired import changes
from dpaudit.engine.parts import plugins_of
from dpaudit.engine.planner import plan_of
from dpaudit.engine.prepare import Prepared, prepare, prepare_learning
from dpaudit.engine.provenance import provenance_of
from dpaudit.engine.published import refuse_private, with_bootstrap
from dpaudit.engine.rebudget import at_budget
from dpaudit.engine.runner import How, NoProgress, Progress, measure
from dpaudit.engine.subject import MeasuredTask
from dpaudit.engine.task_results import task_result
from dpaudit.engine.widths import widest
from dpaudit.errors import PluginError, UsageError
from dpaudit.interfaces import Audit, Plugin
from dpaudit.model.arrays import keep_freed_memory
from dpaudit.model.dataset import Dataset
from dpaudit.model.measurement import Measurement, Note
from dpaudit.model.results import Results, TaskResult
from dpaudit.model.spec import ReleaseSpec, Spec
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
        refuse_private(spec)
        return run_learning(prepare_learning(spec, files, registry), how)
    prepared = prepare(spec, files, registry, dataset=dataset)
    refuse_private(spec, prepared)
    results = _run_decisions(prepared, how)
    if dataset is None and spec.public is not None and spec.public.mode == "release":
        return with_bootstrap(
            results, prepared, spec.public, partial(run, registry=prepared.registry)
        )
    return results


def _run_decisions(prepared: Prepared, how: How) -> Results:
    begun, spec, failures = time.monotonic(), prepared.spec, prepared.failures
    plan = plan_of(spec, tuple(each.job for each in prepared.controlled.values()))
    prepared.registry.ask("dpaudit_plan_made", plan=plan)
    exact = Exact(prepared=prepared)
    keep_freed_memory()
    tallies = measure(
        prepared,
        plan.blocks,
        attrs.evolve(how, width=lambda trees: widest(prepared, exact.one_more(), trees)),
    )
    prepared = _measurable(_measurable(prepared, exact.all()), tallies)
    subjects = _subjects(prepared, exact, tallies, plan.draws)
    audits = audits_of(prepared)
    releases = {release.name: release for release in spec.releases}
    done: list[_Done] = []
    for subject in subjects:
        task = subject.controlled.job.task
        first = _is_first(subject, subjects)
        found = tuple(measurements_of(prepared, subject, audits, is_first=first))
        with _aside(prepared, subject):
            done.append(_done(subject, found, subjects, releases))
        prepared.registry.ask("dpaudit_task_done", task=task, seconds=time.monotonic() - begun)
    attacks, scored = attacked(prepared, how)
    failures.refuse_nothing([*(each for each in done if each.measurements), *scored])
    return Results(
        spec=spec,
        data=prepared.data,
        plan=plan,
        tasks=tuple(each.result for each in done),
        measurements=(*(m for each in done for m in each.measurements), *scored),
        attacks=attacks,
        notes=(*(note for each in done for note in each.notes), *failures.notes()),
        provenance=provenance_of(prepared, _plugins(prepared, audits), draws=plan.draws),
        failures=tuple(failures.found),
    )


@attrs.frozen(kw_only=True, eq=False)
class _Done:
    """What is told of one task."""

    result: TaskResult
    measurements: tuple[Measurement, ...]
    notes: tuple[Note, ...]


def _done(
    subject: MeasuredTask,
    found: tuple[Measurement, ...],
    subjects: tuple[MeasuredTask, ...],
    releases: Mapping[str, ReleaseSpec],
) -> _Done:
    """Return all that is told of a task: numbers, changes by a mitigation, notes."""
    baseline = subject.controlled.job.task.baseline
    if baseline is not None:
        base = next(each for each in subjects if each.task == baseline)
        found += tuple(changes(subject, base))
    return _Done(
        result=task_result(subject, releases),
        measurements=found,
        notes=tuple(notes_on(subject)),
    )


def _measurable(prepared: Prepared, tasks: Mapping[str, object]) -> Prepared:
    """Leave tasks out that have failed, and those that are compared with one of them."""
    kept = {}
    for task, each in prepared.controlled.items():
        baseline = each.job.task.baseline
        if baseline is not None and baseline in prepared.controlled and baseline not in tasks:
            if task in tasks:
                prepared.failures.add(task, PluginError(f"its baseline {baseline!r} has failed"))
        elif task in tasks:
            kept[task] = each
    return attrs.evolve(prepared, controlled=kept)


def _aside(
    prepared: Prepared, subject: MeasuredTask, audit: str = "", strangers: str = ""
) -> AbstractContextManager[None]:
    """Set aside what plug-ins get wrong after the measurement."""
    culprits = strangers or prepared.strangers(subject.controlled.job)
    limit = prepared.spec.run.time_limit
    return prepared.failures.aside(subject.task, culprits, limit, audit=audit)


def _subjects(
    prepared: Prepared, exact: Exact, tallies: Mapping[str, Halves], draws: int
) -> tuple[MeasuredTask, ...]:
    return tuple(
        MeasuredTask(
            controlled=controlled,
            known=exact.found[task],
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
        found: tuple[Measurement, ...] = ()
        own = strangers(prepared.registry, [type(audit)])
        with _aside(prepared, subject, f"audit {spec.name!r}", own):
            found = asked(audit, subject, rng)
        yield from (attrs.evolve(measurement, audit=spec.name) for measurement in found)


def _is_first(subject: MeasuredTask, subjects: tuple[MeasuredTask, ...]) -> bool:
    """Whether no task before this one is the same but for what is swept."""

    def kind(each: MeasuredTask) -> tuple[str, str, str | None]:
        task = each.controlled.job.task
        return task.release, task.decision, task.mitigation

    return next(each for each in subjects if kind(each) == kind(subject)) is subject


def _plugins(prepared: Prepared, audits: tuple[Audit, ...]) -> Iterator[Plugin]:
    """Yield every plug-in that takes part."""
    for controlled in prepared.controlled.values():
        yield from plugins_of(controlled.job)
    for spec in prepared.spec.mitigations:
        yield prepared.registry.create("mitigation", spec.plugin.use, **spec.plugin.parameters)
    yield from audits
    for attack in prepared.attacks.values():
        yield from plugins_of(attack)
