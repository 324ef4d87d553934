"""Plays every attack of an audit on an executor: the trials that the cache does not have."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future
from contextlib import closing
from functools import partial
from typing import Any, cast

from dpaudit.engine.attacks.playing import Played, chunks_of, packed, unpacked
from dpaudit.engine.attacks.results import result_of
from dpaudit.engine.chunks import Chunk, Unit
from dpaudit.engine.executors import Place, opened
from dpaudit.engine.measurer import Measurer, measure_elsewhere
from dpaudit.engine.prepare import Prepared
from dpaudit.engine.runner import How, completed
from dpaudit.engine.work import Work
from dpaudit.model.attack import AttackResult
from dpaudit.model.measurement import Measurement


def attacked(
    prepared: Prepared, how: How
) -> tuple[tuple[AttackResult, ...], tuple[Measurement, ...]]:
    """Return the results of every attack, and what was measured.

    The same, bit for bit, for any executor and number of workers, and whatever part of it was in
    the cache.

    Raises
    ------
    PluginError
        If an attack or a release fails, or the executor loses its workers.
    """
    if not prepared.attacks:
        return (), ()
    found: dict[tuple[str, Chunk], Played] = {}
    missing: list[Unit] = []
    for name, job in prepared.attacks.items():
        for chunk in chunks_of(job):
            known = None if how.cache is None else how.cache.read_as(job.task.key, chunk, unpacked)
            if known is None:
                missing.append(Unit(tasks=(name,), chunk=chunk, foreign=job.task.foreign))
            else:
                found[name, chunk] = known
    if missing:
        found |= _played(prepared, missing, how)
    results: list[AttackResult] = []
    measurements: list[Measurement] = []
    for name, job in prepared.attacks.items():
        numbers = [one for chunk in chunks_of(job) for one in found[name, chunk]]
        result, measured = result_of(job, numbers, prepared.spec.run.confidence)
        results.append(result)
        measurements += measured
    return tuple(results), tuple(measurements)


def _played(prepared: Prepared, missing: list[Unit], how: How) -> dict[tuple[str, Chunk], Played]:
    made: dict[tuple[str, Chunk], Played] = {}
    total = sum(unit.size for unit in missing)
    how.progress.started(total)
    done = 0
    try:
        with (
            opened(how.executor, how.workers) as place,
            closing(_on(prepared, missing, place)) as ending,
        ):
            for unit, measured in ending:
                (name,) = unit.tasks
                played = cast("Played", measured[name])
                made[name, unit.chunk] = played
                if how.cache is not None:
                    key = prepared.attacks[name].task.key
                    how.cache.write_as(key, unit.chunk, partial(packed, played))
                done += unit.size
                how.progress.advanced(done, lambda: None)
    finally:
        how.progress.finished()
    return made


def _on(
    prepared: Prepared, units: list[Unit], place: Place
) -> Generator[tuple[Unit, Any], None, None]:
    if place.where == "elsewhere":
        there = partial(measure_elsewhere, Work.of(prepared))
        yield from completed(units, lambda unit: place.executor.submit(there, unit), place.ahead)
        return
    measurer = Measurer(prepared, apart=place.where == "apart")

    def here(unit: Unit) -> Future[Any]:
        return place.executor.submit(measurer.measure, unit)

    try:
        yield from completed(units, here, place.ahead)
    finally:
        measurer.close()
