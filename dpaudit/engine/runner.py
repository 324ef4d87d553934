"""Measures every chunk of every task on an executor, with a cache."""

from __future__ import annotations

import logging
import math
import queue
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import closing
from functools import partial
from typing import Any, Protocol

import attrs

from dpaudit.engine.cache import Cache
from dpaudit.engine.chunks import BLOCKS_PER_CHUNK, Chunk, Halves, Pieces, Unit, chunks
from dpaudit.engine.executors import AHEAD, Place, opened
from dpaudit.engine.measurer import Measurer, measure_elsewhere
from dpaudit.engine.prepare import Prepared
from dpaudit.engine.tally import Tally, step_streams, tally_of
from dpaudit.engine.work import Ready, Work
from dpaudit.errors import DpauditError, PluginError
from dpaudit.model.plan import Task
from dpaudit.stats.aligned import Aligned
from dpaudit.stats.streams import BLOCK

Trees = tuple[Aligned[Tally], Aligned[Tally]]
"""What is measured of a task so far: the even and the odd blocks."""


@attrs.frozen(kw_only=True)
class Width:
    """The widest band of biases at one moment of a run.

    ``width`` is from its lower to its upper end, in ``unit``; ``task`` is whose it is.
    """

    task: str
    width: float
    unit: str


class Progress(Protocol):
    """Somebody who watches a run; draws are those of every task together."""

    def started(self, total_draws: int) -> None:
        """See how many draws there are to make."""

    def advanced(self, done_draws: int, width: Callable[[], Width | None]) -> None:
        """See how many draws are made; ``width`` finds out how wide the intervals are by now."""

    def said(self, message: str) -> None:
        """See what somebody should know."""

    def finished(self) -> None:
        """See that the run is over."""


class NoProgress:
    """Watches nothing; what somebody should know goes to the log."""

    def started(self, total_draws: int) -> None:
        """Ignore the start."""

    def advanced(self, done_draws: int, width: Callable[[], Width | None]) -> None:
        """Ignore the advance."""

    def said(self, message: str) -> None:
        """Log a warning."""
        logging.getLogger("dpaudit").warning(message)

    def finished(self) -> None:
        """Ignore the end."""


@attrs.frozen(kw_only=True)
class How:
    """How to measure: nothing of it changes a number.

    Parameters
    ----------
    executor
        Where units are measured, see :func:`dpaudit.engine.executors.opened`.
    workers
        Units to measure at once.
    chunk
        Blocks in a unit.
    cache
        What was measured before.
    progress
        Who watches.
    width
        Finds the widest band of what is measured so far, by task.
    """

    executor: str | Executor = "threads"
    workers: int = 1
    chunk: int = BLOCKS_PER_CHUNK
    cache: Cache | None = None
    progress: Progress = attrs.field(factory=NoProgress)
    width: Callable[[Mapping[str, Trees]], Width | None] = lambda _: None


def measure(prepared: Prepared, blocks: int, how: How) -> dict[str, Halves]:
    """Return the even and odd tallies of every task.

    The result is the same, bit for bit, for any executor, number of workers and size of chunks,
    and whatever part of it was in the cache.

    Raises
    ------
    PluginError
        If a plug-in fails, or the executor loses its workers.
    DpauditError
        If the executor cannot be opened, or its workers cannot prepare the spec.
    """
    given = given_tallies(prepared)
    trees: dict[str, Trees] = {
        task: (Aligned(), Aligned()) for task in prepared.controlled if task not in given
    }
    store = _Store(prepared=prepared, cache=how.cache, trees=trees)
    missing = list(store.missing(chunks(blocks, how.chunk)))
    how.progress.started(BLOCK * sum(unit.size for unit in missing))
    try:
        if missing:
            with (
                opened(how.executor, how.workers) as place,
                closing(measured(store, spread(missing, place.slots), place)) as ending,
            ):
                for unit, found in ending:
                    store.keep(unit, found)
                    how.progress.advanced(BLOCK * store.done, lambda: how.width(trees))
    finally:
        how.progress.finished()
    return given | {task: (even.total(), odd.total()) for task, (even, odd) in trees.items()}


def given_tallies(prepared: Prepared) -> dict[str, Halves]:
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


@attrs.define(kw_only=True)
class _Store:
    """What is measured so far, in memory and in the cache; ``done`` counts blocks of units."""

    prepared: Prepared
    cache: Cache | None
    trees: Mapping[str, Trees]
    done: int = 0

    def missing(self, wanted: Iterable[Chunk]) -> Iterator[Unit]:
        """Take what the cache has, and yield the rest as units."""
        for chunk in wanted:
            for foreign in (False, True):
                tasks = tuple(
                    task
                    for task in self.trees
                    if self._task(task).foreign == foreign and not self._taken(task, chunk)
                )
                if tasks:
                    yield Unit(tasks=tasks, chunk=chunk, foreign=foreign)

    def still_missing(self, unit: Unit) -> Unit | None:
        """Take what another run has measured of a unit meanwhile, and return the rest."""
        tasks = tuple(task for task in unit.tasks if not self._taken(task, unit.chunk))
        self.done += unit.chunk.count * (len(unit.tasks) - len(tasks))
        return attrs.evolve(unit, tasks=tasks) if tasks else None

    def keep(self, unit: Unit, measured: Mapping[str, Any]) -> None:
        """Take what was measured, and write it to the cache."""
        self.done += unit.size
        for task, pieces in measured.items():
            self._take(task, pieces)
            if self.cache is not None:
                self.cache.write(self._task(task).key, unit.chunk, pieces)

    def _taken(self, task: str, chunk: Chunk) -> bool:
        stored = self.cache.read(self._task(task).key, chunk) if self.cache is not None else None
        if stored is None:
            return False
        self._take(task, stored)
        return True

    def _take(self, task: str, pieces: Pieces) -> None:
        for tree, nodes in zip(self.trees[task], pieces, strict=True):
            for node in nodes:
                tree.add(node)

    def _task(self, task: str) -> Task:
        return self.prepared.controlled[task].job.task


class Store(Protocol):
    """Where units come from and go to: what :func:`measured` asks of it."""

    @property
    def prepared(self) -> Ready:
        """The spec with its jobs."""

    def still_missing(self, unit: Unit) -> Unit | None:
        """Return what is left of a unit to measure, if anything."""


def spread(units: list[Unit], slots: int) -> Iterator[Unit]:
    """Share the tasks of each unit out where there are too few units to keep all busy."""
    shares = math.ceil(AHEAD * slots / len(units)) if slots > 1 else 1
    for unit in units:
        size = math.ceil(len(unit.tasks) / shares)
        for start in range(0, len(unit.tasks), size):
            yield attrs.evolve(unit, tasks=unit.tasks[start : start + size])


def measured(
    store: Store, units: Iterable[Unit], place: Place
) -> Generator[tuple[Unit, Mapping[str, Any]], None, None]:
    """Yield units as they are measured, on the executor of ``place``."""
    still = (left for unit in units if (left := store.still_missing(unit)) is not None)
    if place.where == "elsewhere":
        measure_one = partial(measure_elsewhere, Work.of(store.prepared))
        yield from completed(
            still, lambda unit: place.executor.submit(measure_one, unit), place.ahead
        )
        return
    measurer = Measurer(store.prepared, apart=place.where == "apart")
    try:
        here = measurer.measure
        yield from completed(still, lambda unit: place.executor.submit(here, unit), place.ahead)
    finally:
        measurer.close()  # a thread that waits for a hanging plug-in would never be joined


def completed(
    units: Iterable[Unit], submit: Callable[[Unit], Future[dict[str, Any]]], ahead: int
) -> Iterator[tuple[Unit, Mapping[str, Any]]]:
    """Submit units, at most ``ahead`` at once, and yield them as they are done.

    Raises
    ------
    Exception
        What the first unit that failed has raised; those that wait are cancelled.
    """
    finished: queue.SimpleQueue[Future[dict[str, Any]]] = queue.SimpleQueue()
    waiting: dict[Future[dict[str, Any]], Unit] = {}
    left = iter(units)
    try:
        while True:
            while len(waiting) < ahead and (unit := next(left, None)) is not None:
                future = submit(unit)
                waiting[future] = unit
                future.add_done_callback(finished.put)
            if not waiting:
                return
            future = _next(finished)
            yield waiting.pop(future), _result(future)
    finally:
        for future in waiting:
            future.cancel()


def _next(finished: queue.SimpleQueue[Future[dict[str, Any]]]) -> Future[dict[str, Any]]:
    """Wait for a future, and now and then for Ctrl-C."""
    while True:
        try:
            return finished.get(timeout=0.2)
        except queue.Empty:
            continue


def _result(future: Future[dict[str, Any]]) -> dict[str, Any]:
    try:
        return future.result()
    except DpauditError as error:
        raise getattr(error, "cause", error) from None  # Ray wraps what a task has raised
    except (BrokenExecutor, CancelledError) as error:
        raise _lost(error) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] in {"distributed", "ray"}:
            raise _lost(error) from error
        raise


def _lost(error: BaseException) -> PluginError:
    line = " ".join(f"{type(error).__name__}: {error}".split())
    return PluginError(
        f"the executor lost its workers: {line}",
        hint="look into their logs (memory is what they mostly run out of), and run it again: "
        "what was measured is kept",
    )
