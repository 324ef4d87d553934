"""What an audit will cost: time and memory of each task, from a small part of its work.

Simulation is timed on pilot blocks, whose draws enter no estimate; closed forms are worked out
once, but for the quadrature of clipped allotments, whose cost grows with the entities: it is
timed on some of them. What follows the draws (audits, checks) is done once on the pilot blocks,
for it costs the same however many there are.
"""

from __future__ import annotations

import math
import time
import tracemalloc
from collections.abc import Callable
from typing import TypeVar, cast

import attrs
import numpy as np
from numpy.typing import NDArray

from dpaudit.engine.attack_forecast import attack_costs
from dpaudit.engine.blas import one_blas_thread
from dpaudit.engine.chunks import Chunk, Halves, Pieces, Unit
from dpaudit.engine.executors import AHEAD
from dpaudit.engine.job import Job
from dpaudit.engine.measurer import Measurer
from dpaudit.engine.notes import notes_on
from dpaudit.engine.prepare import Prepared
from dpaudit.engine.rebudget import known_of
from dpaudit.engine.run import audits_of, measurements_of
from dpaudit.engine.runner import given_tallies
from dpaudit.engine.subject import MeasuredTask
from dpaudit.engine.tally import Controlled, Tally, tallies
from dpaudit.estimators.clipped_allotment import clipped_allotment
from dpaudit.estimators.known import Known
from dpaudit.interfaces import Audit
from dpaudit.model.structure import Proportional
from dpaudit.stats.aligned import Aligned
from dpaudit.stats.streams import BLOCK, PILOT, blocks_for

T = TypeVar("T")

_SAMPLE = 256
"""Entities on which a quadrature is timed."""

_AT_ONCE = 1800
"""Entities beyond which a quadrature works in pieces, and needs no more memory."""

_LONG = 0.05
"""Seconds beyond which one block is enough to be timed."""


@attrs.frozen(kw_only=True)
class TaskForecast:
    """What one task will cost.

    Parameters
    ----------
    task
        Its identifier.
    seconds
        Time of one processor: draws, closed forms, audits and checks.
    memory
        Bytes: what is kept of it until the end, and the most it needs on top of that.
    basis
        What the prediction is made from.
    """

    task: str
    seconds: float
    memory: float
    basis: str


@attrs.frozen(kw_only=True)
class Forecast:
    """What an audit will cost.

    Parameters
    ----------
    tasks
        Each task on its own.
    attacks
        Each attack on its own.
    seconds
        Time until the measurements are there, with the workers that were asked for. Tasks of one
        mechanism share its noise: together they take less than one by one.
    memory
        Most bytes that the process will have in use. Worker processes come on top.
    """

    tasks: tuple[TaskForecast, ...]
    attacks: tuple[TaskForecast, ...] = ()
    seconds: float
    memory: float


@attrs.frozen(kw_only=True)
class _Cost:
    """Seconds to start, of one block and of all else; bytes that work and results take."""

    start: float
    block: float
    once: float
    work: float
    tally: float
    results: float
    basis: str


@one_blas_thread()
def forecast(prepared: Prepared, *, preparation: float, base: float, workers: int = 1) -> Forecast:
    """Predict what measuring ``prepared`` will cost.

    Parameters
    ----------
    prepared
        The spec.
    preparation
        Seconds that it took to read and prepare it.
    base
        Bytes that the process has in use with nothing measured.
    workers
        Threads that share the draws.

    Raises
    ------
    PluginError
        If a plug-in fails on the pilot blocks.
    """
    audits = audits_of(prepared)
    measurer = Measurer(prepared)
    try:
        costs = {
            task: _cost(prepared, controlled, measurer, audits)
            for task, controlled in prepared.controlled.items()
        }
        attacks = attack_costs(prepared, measurer)
    finally:
        measurer.close()
    blocks = blocks_for(prepared.spec.run.draws)
    held = _held(blocks, workers)
    kept = {task: cost.results + cost.tally * held for task, cost in costs.items()}
    drawn = blocks * _together(prepared, costs) / min(workers, blocks)
    return Forecast(
        tasks=tuple(
            TaskForecast(
                task=task,
                seconds=blocks * cost.block + cost.once,
                memory=cost.work + kept[task],
                basis=cost.basis,
            )
            for task, cost in costs.items()
        ),
        attacks=tuple(
            TaskForecast(task=task, seconds=cost.seconds, memory=cost.kept, basis="2 releases")
            for task, cost in attacks.items()
        ),
        seconds=preparation
        + sum(cost.seconds for cost in attacks.values()) / max(1, min(workers, len(attacks)))
        + max((cost.start for cost in costs.values()), default=0.0)
        + drawn
        + sum(cost.once for cost in costs.values()),
        memory=base
        + sum(kept.values())
        + sum(cost.kept for cost in attacks.values())
        + workers * max((cost.work for cost in costs.values()), default=0.0),
    )


def _held(blocks: int, workers: int) -> float:
    """Return how many tallies of a task are in memory at once: of its trees and of its units."""
    return 2.0 * (math.log2(blocks / 2) + 1 + min(AHEAD * workers, blocks / 4))


def _together(prepared: Prepared, costs: dict[str, _Cost]) -> float:
    """Return the seconds of one block of all tasks, which share the noise of a mechanism."""
    own = {
        task: each
        for task, each in prepared.controlled.items()
        if not each.job.task.foreign and each.job.chain.replicates is None
    }
    begun = time.perf_counter()
    tallies(own, prepared.spec.run.seed, prepared.data.digest, [PILOT])
    apart = sum(cost.block for task, cost in costs.items() if task not in own)
    return time.perf_counter() - begun + apart


def _cost(
    prepared: Prepared, controlled: Controlled, measurer: Measurer, audits: tuple[Audit, ...]
) -> _Cost:
    exact, known, room, how = _exact(controlled)
    if controlled.job.chain.replicates is not None:
        halves = given_tallies(prepared)[controlled.job.task.id]
        start = block = work = 0.0
        basis = "its replicates"
    else:
        halves, start, block, work = _pilot(controlled, measurer)
        basis = f"{BLOCK} draws"
    subject = MeasuredTask(
        controlled=controlled,
        known=known,
        even=halves[0],
        odd=halves[1],
        data=prepared.data,
        confidence=prepared.spec.run.confidence,
        draws=2 * BLOCK,
    )
    begun = time.perf_counter()
    measured = tuple(measurements_of(prepared, subject, audits))
    tuple(notes_on(subject))
    after = time.perf_counter() - begun
    arrays = [
        part for m in measured for part in (m.estimate.value, m.estimate.low, m.estimate.high)
    ]
    return _Cost(
        start=start,
        block=block,
        once=exact + after,
        work=max(work, room),
        tally=_size(halves[0]),
        results=float(sum(array.nbytes for array in arrays)),
        basis=f"{basis}{how}",
    )


def _exact(controlled: Controlled) -> tuple[float, Known, float, str]:
    """Return the seconds of what is known exactly, it if it was found, bytes, and how."""
    job = controlled.job
    kinds = _kinds(job)
    if kinds.size > 2 * _SAMPLE:
        noise, structure = job.chain.reduced()[0], job.structure
        if noise is not None and isinstance(structure, Proportional):
            some = kinds[np.linspace(0, kinds.size - 1, _SAMPLE).astype(np.int64)]
            counts, weights, own = job.chain.counts[some], structure.weights[some], noise.at(some)
            seconds, room, _ = _traced(lambda: clipped_allotment(counts, weights, own))
            how = f", a quadrature of {_SAMPLE} of {kinds.size} counts that differ"
            room *= min(kinds.size, _AT_ONCE) / _SAMPLE
            return seconds * kinds.size / _SAMPLE, Known(), room, how
    seconds, room, known = _traced(lambda: known_of(job))
    found = any(each is not None for each in (known.bias, known.variance, known.square))
    return seconds, known, room, ", its closed forms" if found else ""


def _kinds(job: Job) -> NDArray[np.int64]:
    """Return entities of which no two are alike to the quadrature; none where it is not used."""
    noise, structure, chain = job.chain.reduced()[0], job.structure, job.chain
    if noise is None or not isinstance(structure, Proportional) or not chain.is_clipped:
        return np.empty(0, dtype=np.int64)
    columns = [chain.counts, structure.weights, noise.parameters(chain.counts.size)]
    return np.unique(np.column_stack(columns), axis=0, return_index=True)[1]


def _pilot(controlled: Controlled, measurer: Measurer) -> tuple[Halves, float, float, float]:
    """Measure two pilot blocks; return them, seconds to start and of a block, and bytes."""
    task, start = controlled.job.task, 0.0

    def measured(first: int, count: int) -> dict[str, Pieces]:
        unit = Unit(tasks=(task.id,), chunk=Chunk(first, count), foreign=task.foreign)
        return cast("dict[str, Pieces]", measurer.measure(unit))

    if task.foreign:
        begun = time.perf_counter()
        measured(PILOT, 1)  # the process starts, and prepares the spec
        start, begun = time.perf_counter() - begun, time.perf_counter()
        pieces = measured(PILOT, 2)[task.id]
        seconds, work = (time.perf_counter() - begun) / 2.0, 0.0
    else:
        _, work, found = _traced(lambda: measured(PILOT, 2))
        pieces = found[task.id]
        times: list[float] = []
        while not times or (times[-1] < _LONG and len(times) < 3):  # noqa: PLR2004
            begun = time.perf_counter()
            measured(PILOT, 1)
            times.append(time.perf_counter() - begun)
        seconds = float(np.median(times))
    even, odd = (Aligned(nodes).total() for nodes in pieces)
    return (even, odd), start, seconds, work


def _traced(work: Callable[[], T]) -> tuple[float, float, T]:
    """Return the seconds and the most bytes that ``work`` takes, and its result.

    Tracing costs a closed form a tenth of its time; some keep what they have found, and cannot
    be timed twice.
    """
    tracemalloc.start()
    begun = time.perf_counter()
    try:
        result = work()
        return time.perf_counter() - begun, float(tracemalloc.get_traced_memory()[1]), result
    finally:
        tracemalloc.stop()


def _size(tally: Tally) -> float:
    parts = ("error", "bias", "square", "shortfall", *tally.extra)
    found = [tally.part(part) for part in parts]
    return float(sum(m.mean.nbytes + m.m2.nbytes + m.m4.nbytes for m in found))
