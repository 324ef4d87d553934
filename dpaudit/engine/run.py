"""Runs an audit: plan, measure, let every audit read the numbers, and keep the provenance."""

from __future__ import annotations

import hashlib
import importlib.metadata
import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from dpaudit import binding
from dpaudit.engine.cache import Cache
from dpaudit.engine.chunks import Halves
from dpaudit.engine.job import Job
from dpaudit.engine.notes import notes_on
from dpaudit.engine.planner import plan_of
from dpaudit.engine.prepare import Prepared, prepare
from dpaudit.engine.runner import NoProgress, Progress, measure
from dpaudit.engine.subject import MeasuredTask
from dpaudit.errors import DpauditError, PluginError
from dpaudit.estimators.ladder import Known, known
from dpaudit.interfaces import Audit, Mechanism, Plugin
from dpaudit.model.guarantee import Guarantee
from dpaudit.model.measurement import Measurement
from dpaudit.model.results import PluginSource, Provenance, Results, TaskResult
from dpaudit.model.spec import EarlierSpec, ReleaseSpec, Spec
from dpaudit.parameters import parameters
from dpaudit.privacy.composition import sequential
from dpaudit.registry import Registry
from dpaudit.stats.streams import block_generator

_AUDIT_STREAM = 2**41
"""Number of the stream that audits with random steps of their own draw from."""


def run(
    spec: Spec,
    *,
    registry: Registry | None = None,
    workers: int = 1,
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
    workers
        Threads (and processes for foreign plug-ins). The results do not depend on it.
    cache
        A folder of measured chunks: an interrupted run goes on where it stopped.
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
    """
    begun = time.monotonic()
    prepared = prepare(spec, files, registry)
    plan = plan_of(spec, tuple(each.job for each in prepared.controlled.values()))
    hook = prepared.registry.manager.hook
    hook.dpaudit_plan_made(plan=plan)
    tallies = measure(
        prepared,
        plan.blocks,
        workers=workers,
        cache=None if cache is None else Cache(cache),
        files=files,
        progress=progress or NoProgress(),
    )
    subjects = _subjects(prepared, tallies, plan.draws)
    audits = _audits(prepared)
    measurements: list[Measurement] = []
    for subject in subjects:
        measurements += _measurements(prepared, subject, audits)
        hook.dpaudit_task_done(task=subject.controlled.job.task, seconds=time.monotonic() - begun)
    releases = {release.name: release for release in spec.releases}
    return Results(
        spec=spec,
        data=prepared.data,
        plan=plan,
        tasks=tuple(_task_result(subject, releases) for subject in subjects),
        measurements=tuple(measurements),
        notes=tuple(note for subject in subjects for note in notes_on(subject)),
        provenance=_provenance(prepared, plan.draws, audits),
    )


def _subjects(
    prepared: Prepared, tallies: Mapping[str, Halves], draws: int
) -> tuple[MeasuredTask, ...]:
    return tuple(
        MeasuredTask(
            controlled=controlled,
            known=_known(controlled.job),
            even=tallies[task][0],
            odd=tallies[task][1],
            data=prepared.data,
            confidence=prepared.spec.run.confidence,
            draws=draws if controlled.job.chain.replicates is None else _count(tallies[task]),
        )
        for task, controlled in prepared.controlled.items()
    )


def _known(job: Job) -> Known:
    return known(job.chain, job.declared, job.extras, job.output)


def _count(halves: Halves) -> int:
    return halves[0].error.count + halves[1].error.count


def _audits(prepared: Prepared) -> tuple[Audit, ...]:
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


def _measurements(
    prepared: Prepared, subject: MeasuredTask, audits: tuple[Audit, ...]
) -> Iterator[Measurement]:
    for spec, audit in zip(prepared.spec.audits, audits, strict=True):
        rng = block_generator(prepared.spec.run.seed, prepared.data.digest, _AUDIT_STREAM)
        for measurement in _asked(audit, subject, rng):
            if not isinstance(measurement, Measurement):
                raise PluginError(
                    f"audit {audit.name!r} returned {type(measurement).__name__}",
                    hint="return a list of dpaudit.Measurement",
                )
            yield attrs.evolve(measurement, audit=spec.name)


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


def _provenance(prepared: Prepared, draws: int, audits: tuple[Audit, ...]) -> Provenance:
    used: dict[tuple[str, str], Plugin] = {}
    for controlled in prepared.controlled.values():
        job = controlled.job
        for plugin in (job.chain.mechanism, *job.chain.steps, job.decision, *job.output):
            used[plugin.kind, plugin.name] = plugin
    used |= {(audit.kind, audit.name): audit for audit in audits}
    sources: list[PluginSource] = [
        prepared.registry.source(type(plugin)) for _, plugin in sorted(used.items())
    ]
    names = {"dpaudit", "numpy", "scipy"} | {s.distribution for s in sources if s.distribution}
    return Provenance(
        versions={name: _version(name) for name in sorted(names)},
        audit_digest=hashlib.sha256(prepared.spec.text.encode()).hexdigest(),
        data_digest=prepared.data.digest,
        seed=prepared.spec.run.seed,
        draws=draws,
        confidence=prepared.spec.run.confidence,
        plugins=tuple(sources),
    )


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
