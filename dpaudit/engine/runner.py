"""Measures every chunk of every task, on threads or in worker processes, with a cache."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Protocol

import attrs

from dpaudit.engine.cache import Cache
from dpaudit.engine.chunks import Chunk, Halves, chunks, halves, measure_chunk
from dpaudit.engine.prepare import Prepared
from dpaudit.engine.tally import Tally, step_streams, tally_of
from dpaudit.engine.worker import Worker
from dpaudit.stats.moments import merge_tree

Measure = Callable[[tuple[str, ...], Chunk], dict[str, list[Tally]]]


class Progress(Protocol):
    """Somebody who watches a run."""

    def started(self, total_blocks: int) -> None:
        """See how many blocks there are."""

    def advanced(self, done_blocks: int) -> None:
        """See how many blocks are done."""

    def finished(self) -> None:
        """See that the run is over."""


class NoProgress:
    """Watches nothing."""

    def started(self, total_blocks: int) -> None:
        """Ignore the start."""

    def advanced(self, done_blocks: int) -> None:
        """Ignore the advance."""

    def finished(self) -> None:
        """Ignore the end."""


@attrs.frozen(kw_only=True)
class Unit:
    """One piece of work: the tasks of a chunk that the cache does not have."""

    tasks: tuple[str, ...]
    chunk: Chunk
    foreign: bool


def measure(
    prepared: Prepared,
    blocks: int,
    *,
    workers: int,
    cache: Cache | None,
    files: tuple[str, ...],
    progress: Progress,
) -> dict[str, Halves]:
    """Return the even and odd tallies of every task.

    The result is the same, bit for bit, for any number of workers and whatever part of it was
    in the cache.
    """
    found: dict[tuple[str, int], Halves] = {}
    given = _given(prepared)
    units = list(_missing(prepared, blocks, cache, found))
    progress.started(sum(unit.chunk.count for unit in units))
    done = 0
    try:
        with _measures(prepared, files) as (local, foreign, end):
            for unit, measured in _completed(units, (local, foreign), workers, end):
                for task, parts in measured.items():
                    merged = halves(parts)
                    found[task, unit.chunk.number] = merged
                    if cache is not None:
                        key = prepared.controlled[task].job.task.key
                        cache.write(_address(key, unit.chunk), unit.chunk.number, merged)
                done += unit.chunk.count
                progress.advanced(done)
    finally:
        progress.finished()
    numbers = [chunk.number for chunk in chunks(blocks)]
    return given | {
        task: (
            merge_tree([found[task, number][0] for number in numbers]),
            merge_tree([found[task, number][1] for number in numbers]),
        )
        for task in prepared.controlled
        if task not in given
    }


def _given(prepared: Prepared) -> dict[str, Halves]:
    """Return the tallies of tasks whose releases were made elsewhere: there is nothing to draw."""
    found: dict[str, Halves] = {}
    seed, digest = prepared.spec.run.seed, prepared.data.digest
    for task, controlled in prepared.controlled.items():
        rows = controlled.job.chain.replicates
        if rows is not None:
            even, odd = (step_streams(seed, digest, b) for b in (0, 1))
            found[task] = (
                tally_of(controlled, [rows[0::2]], even),
                tally_of(controlled, [rows[1::2]], odd),
            )
    return found


def _missing(
    prepared: Prepared,
    blocks: int,
    cache: Cache | None,
    found: dict[tuple[str, int], Halves],
) -> Iterator[Unit]:
    """Take what the cache has into ``found`` and yield the rest as units."""
    for chunk in chunks(blocks):
        wanted: dict[bool, list[str]] = {False: [], True: []}
        for task, controlled in prepared.controlled.items():
            job = controlled.job.task
            if controlled.job.chain.replicates is not None:
                continue
            stored = cache.read(_address(job.key, chunk), chunk.number) if cache else None
            if stored is not None:
                found[task, chunk.number] = stored
            else:
                wanted[job.foreign].append(task)
        for foreign, tasks in wanted.items():
            if tasks:
                yield Unit(tasks=tuple(tasks), chunk=chunk, foreign=foreign)


def _address(key: str, chunk: Chunk) -> str:
    """Return the cache address of a chunk: a short last chunk is another measurement."""
    return f"{key}-{chunk.count}"


def _completed(
    units: list[Unit], how: tuple[Measure, Measure], workers: int, end: Callable[[], None]
) -> Iterator[tuple[Unit, Mapping[str, list[Tally]]]]:
    """Yield units as they are measured, and stop at the first failure."""
    local, foreign = how
    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        waiting: dict[Future[dict[str, list[Tally]]], Unit] = {
            pool.submit(foreign if unit.foreign else local, unit.tasks, unit.chunk): unit
            for unit in units
        }
        try:
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_EXCEPTION, timeout=0.2)
                for future in done:
                    yield waiting.pop(future), future.result()
        finally:
            if waiting:
                for future in waiting:
                    future.cancel()
                end()  # a thread that waits for a hanging plug-in would never be joined


@contextmanager
def _measures(
    prepared: Prepared, files: tuple[str, ...]
) -> Iterator[tuple[Measure, Measure, Callable[[], None]]]:
    """Offer how to measure built-in tasks (in a thread), foreign ones (in a process), and end."""
    seed, digest = prepared.spec.run.seed, prepared.data.digest
    mine = threading.local()
    started: list[Worker] = []

    def local(tasks: tuple[str, ...], chunk: Chunk) -> dict[str, list[Tally]]:
        jobs = {task: prepared.controlled[task] for task in tasks}
        return measure_chunk(jobs, seed, digest, chunk)

    def foreign(tasks: tuple[str, ...], chunk: Chunk) -> dict[str, list[Tally]]:
        if not hasattr(mine, "worker"):
            mine.worker = Worker(prepared.spec, files)
            started.append(mine.worker)
        measured: dict[str, list[Tally]] = mine.worker.measure(tasks, chunk)
        return measured

    def end() -> None:
        for worker in started:
            worker.close()

    try:
        yield local, foreign, end
    finally:
        end()
