"""Plays every attack of an audit on an executor: the trials that the cache does not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import Any

import attrs

from dpaudit.engine.attacks.playing import Played, chunks_of, packed, unpacked
from dpaudit.engine.attacks.results import result_of
from dpaudit.engine.chunks import Chunk, Unit
from dpaudit.engine.executors import opened
from dpaudit.engine.prepare import Prepared
from dpaudit.engine.runner import How, measured
from dpaudit.errors import PluginError
from dpaudit.model.attack import AttackResult
from dpaudit.model.measurement import Measurement


def attacked(
    prepared: Prepared, how: How
) -> tuple[tuple[AttackResult, ...], tuple[Measurement, ...]]:
    """Return the results of every attack that could be played, and what was measured.

    What its plug-ins get wrong is set aside in ``prepared.failures``. The result is the same, bit
    for bit, for any executor and number of workers, and whatever part of it was in the cache.

    Raises
    ------
    DpauditError
        If the executor cannot be opened, or its workers cannot prepare the spec.
    """
    if not prepared.attacks:
        return (), ()
    found = _played(prepared, how)
    results: list[AttackResult] = []
    measurements: list[Measurement] = []
    for name, job in prepared.attacks.items():
        if name in prepared.failures.tasks:
            continue
        numbers = [one for chunk in chunks_of(job) for one in found[name, chunk]]
        limit = prepared.spec.run.time_limit
        with prepared.failures.aside(name, prepared.culprits(name), limit):
            result, told = result_of(job, numbers, prepared.spec.run.confidence)
            results.append(result)
            measurements += told
    return tuple(results), tuple(measurements)


def _played(prepared: Prepared, how: How) -> Mapping[tuple[str, Chunk], Played]:
    """Return the numbers of every chunk, by the attack and the chunk."""
    store = _Store(prepared=prepared, how=how)
    missing = list(store.missing())
    if not missing:
        return store.played
    how.progress.started(sum(unit.size for unit in missing))
    try:
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
    return store.played


@attrs.define(kw_only=True)
class _Store:
    """The replicates that are played, in memory and in the cache; ``done`` counts them."""

    prepared: Prepared
    how: How
    played: dict[tuple[str, Chunk], Played] = attrs.field(factory=dict)
    done: int = 0

    def missing(self) -> Iterator[Unit]:
        """Take what the cache has, and yield the rest: a chunk of one attack each."""
        for name, job in self.prepared.attacks.items():
            for chunk in chunks_of(job):
                unit = Unit(tasks=(name,), chunk=chunk, foreign=job.task.foreign)
                if not self._taken(unit):
                    yield unit

    def still_missing(self, unit: Unit) -> Unit | None:
        """Take what another run has played meanwhile; drop an attack that has failed."""
        if unit.tasks[0] in self.prepared.failures.tasks or self._taken(unit):
            self.done += unit.size
            return None
        return unit

    def set_aside(self, unit: Unit, error: PluginError) -> None:
        """Name the attack whose plug-ins have failed."""
        self.done += unit.size
        if unit.tasks[0] not in self.prepared.failures.tasks:  # of two units the first is said
            self.prepared.failures.add(unit.tasks[0], error)

    def keep(self, unit: Unit, found: Mapping[str, Any]) -> None:
        """Take what was played, and write it to the cache."""
        self.done += unit.size
        for name, numbers in found.items():
            self.played[name, unit.chunk] = numbers
            if self.how.cache is not None:
                key = self.prepared.attacks[name].task.key
                self.how.cache.write_as(key, unit.chunk, partial(packed, numbers))

    def _taken(self, unit: Unit) -> bool:
        if self.how.cache is None:
            return False
        (name,) = unit.tasks
        stored = self.how.cache.read_as(self.prepared.attacks[name].task.key, unit.chunk, unpacked)
        if stored is None:
            return False
        self.played[name, unit.chunk] = stored
        return True
