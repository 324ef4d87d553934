"""Measures units in this process, and those of strangers in worker processes below it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from dpaudit.engine.blas import one_blas_thread
from dpaudit.engine.chunks import Unit
from dpaudit.engine.work import Ready, Work
from dpaudit.engine.worker import Worker
from dpaudit.errors import UsageError

_IDLE = 60.0
"""Seconds after which a worker process that nobody uses is ended, on a machine of a cluster."""

_KEPT = 2
"""Specs that a process of a cluster keeps prepared."""


class Measurer:
    """Measures units of one prepared spec; may be called from several threads at once.

    Parameters
    ----------
    prepared
        The spec, with its jobs.
    work
        The same for worker processes; ``None``: made when the first one is needed.
    apart
        Measure everything in worker processes, and not only plug-ins from outside.
    idle
        Seconds after which a worker process without work is ended; ``None``: when all is done.
    """

    def __init__(
        self,
        prepared: Ready,
        work: Work | None = None,
        *,
        apart: bool = False,
        idle: float | None = None,
    ) -> None:
        self._prepared, self._work = prepared, work
        self._apart, self._idle = apart, idle
        self._lock = threading.Lock()
        self._closed = False
        self._free: list[Worker] = []
        self._all: list[Worker] = []
        self._timer: threading.Timer | None = None

    def measure(self, unit: Unit) -> dict[str, Any]:
        """Return what the blocks of a unit add up to, by task.

        Raises
        ------
        PluginError
            If a plug-in fails, hangs beyond the time limit, or ends its process.
        """
        if not (unit.foreign or self._apart):
            return self._prepared.measure(unit.tasks, unit.chunk)
        worker = self._taken()
        measured = worker.measure(unit)  # one that failed is not used again
        with self._lock:
            self._free.append(worker)
            self._end_later()
        return measured

    def close(self) -> None:
        """End the worker processes, those that hang among them."""
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
            for worker in self._all:
                worker.close()
            self._all.clear()
            self._free.clear()

    def _taken(self) -> Worker:
        """Return a worker process that nobody uses, or a new one."""
        with self._lock:
            if self._closed:
                raise UsageError("the run is over", hint="start it again")
            if self._timer is not None:
                self._timer.cancel()
            if self._free:
                return self._free.pop()
            self._work = self._work or Work.of(self._prepared)
            worker = Worker(self._work, self._prepared.spec.run.time_limit)
            self._all.append(worker)
            return worker

    def _end_later(self) -> None:
        if self._idle is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(self._idle, self._end_free)
        self._timer.daemon = True
        self._timer.start()

    def _end_free(self) -> None:
        with self._lock:
            for worker in self._free:
                worker.close()
                self._all.remove(worker)
            self._free.clear()


class _Held:
    """The prepared specs of a process of a cluster: each is prepared once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._measurers: OrderedDict[str, Measurer] = OrderedDict()

    def get(self, work: Work) -> Measurer:
        """Return the measurer of ``work``; one of two threads makes it, the other waits."""
        with self._lock:
            own = self._locks.setdefault(work.digest, threading.Lock())
        with own:
            with self._lock:
                if work.digest in self._measurers:
                    self._measurers.move_to_end(work.digest)
                    return self._measurers[work.digest]
            made = Measurer(work.prepare(), work, idle=_IDLE)
            with self._lock:
                self._measurers[work.digest] = made
                while len(self._measurers) > _KEPT:
                    digest, _ = self._measurers.popitem(last=False)
                    self._locks.pop(digest, None)
            return made


_HELD = _Held()


def measure_elsewhere(work: Work, unit: Unit) -> dict[str, Any]:
    """Measure a unit in whatever process this is: what an executor of a cluster is given.

    The spec is prepared at the first call and kept for the next ones.

    Raises
    ------
    DpauditError
        As :meth:`Work.prepare` and :meth:`Measurer.measure`.
    """
    with one_blas_thread():
        return _HELD.get(work).measure(unit)
