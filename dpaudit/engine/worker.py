"""A worker process for plug-ins from files and third parties, which may hang or crash.

With ``--executor processes`` the built-in plug-ins are measured in such processes, too.

It is started as a module (``python -m dpaudit.engine.worker``), so that a script which calls
:func:`dpaudit.run` needs no ``if __name__ == "__main__"``. Messages are pickled, one after the
other, on stdin and stdout; whatever a plug-in prints goes to stderr.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import random  # noqa: TID251 - to see that nobody uses it
import subprocess
import sys
import threading
import time
from typing import Any, BinaryIO

import numpy as np

from dpaudit.engine.blas import one_blas_thread
from dpaudit.engine.chunks import Chunk, Unit
from dpaudit.engine.work import Ready, Work
from dpaudit.errors import DpauditError, PluginError

_START = 120.0
"""Seconds that a process may take to start, beside what plug-ins take while it prepares."""


class Worker:
    """The parent's end of one worker process.

    Parameters
    ----------
    work
        What the process is to prepare.
    prepared
        The same in this process: its time limit says when a plug-in from outside is taken to hang.
    """

    def __init__(self, work: Work, prepared: Ready) -> None:
        self._prepared = prepared
        self._limit = prepared.spec.run.time_limit
        self._is_ready = False
        self._late = threading.Event()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "dpaudit.engine.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with contextlib.suppress(OSError):  # gone already: the first measurement says how
            self._send(work)

    def measure(self, unit: Unit) -> dict[str, Any]:
        """Measure the tasks of a unit; a foreign one has to be done within the time limit.

        Raises
        ------
        PluginError
            If a plug-in fails, hangs beyond the time limit, or ends the process.
        """
        try:
            if not self._is_ready:
                self._answer(self._limit + _START if unit.foreign else None)
                self._is_ready = True
            self._send((unit.tasks, unit.chunk))
            answer = self._answer(self._limit if unit.foreign else None)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise self._gone(unit.tasks, hung=self._late.is_set()) from error
        if isinstance(answer, DpauditError):
            raise answer
        measured: dict[str, Any] = answer
        return measured

    def _answer(self, seconds: float | None) -> Any:
        """Return the next message; the process is killed where it takes longer."""

        def end() -> None:
            self._late.set()
            self._process.kill()

        timer = None if seconds is None else threading.Timer(seconds, end)
        if timer is not None:
            timer.start()
        try:
            return pickle.load(self._stream(self._process.stdout))  # noqa: S301 - our own child
        finally:
            if timer is not None:
                timer.cancel()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _send(self, message: Any) -> None:
        stream = self._stream(self._process.stdin)
        pickle.dump(message, stream)
        stream.flush()

    @staticmethod
    def _stream(stream: Any) -> BinaryIO:
        pipe: BinaryIO = stream
        return pipe

    def _gone(self, tasks: tuple[str, ...], *, hung: bool) -> PluginError:
        who = _who(self._prepared, tasks)
        if hung:
            return PluginError(
                f"{who} did not finish in {self._limit:g} seconds and was ended",
                hint="raise [run] time_limit, lower draws, or mend the plug-in",
            )
        return PluginError(
            f"{who} ended its worker process (exit code {self._process.wait()})",
            hint="run the plug-in by hand on the counts of your data",
        )


@one_blas_thread()
def main() -> None:
    """Serve one parent until it closes the pipe."""
    threading.Thread(target=_die_with, args=(os.getppid(),), daemon=True).start()
    incoming, outgoing = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a plug-in that prints must not write into the messages
    work: Work = pickle.load(incoming)  # noqa: S301 - from our own parent
    prepared: Ready | DpauditError
    try:
        prepared = work.prepare()
    except DpauditError as error:
        prepared = error
    _write("ready", outgoing)  # from here on the clock is on the plug-ins
    while True:
        try:
            tasks, chunk = pickle.load(incoming)  # noqa: S301 - from our own parent
        except EOFError:
            return
        _write(_answer(prepared, tasks, chunk), outgoing)


def _write(message: object, outgoing: BinaryIO) -> None:
    pickle.dump(message, outgoing)
    outgoing.flush()


def _die_with(parent: int) -> None:
    """End this process when its parent is gone, even if a plug-in hangs."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _answer(prepared: Ready | DpauditError, tasks: tuple[str, ...], chunk: Chunk) -> object:
    if isinstance(prepared, DpauditError):
        return prepared
    if gone := [task for task in tasks if task not in prepared.signatures]:
        return next(
            PluginError(each.message, hint=each.hint)
            for each in prepared.failures.found
            if each.task == gone[0]
        )
    before = _global_state()
    try:
        measured = prepared.measure(tasks, chunk)
    except DpauditError as error:
        return error
    except SystemExit as error:
        return PluginError(
            f"{_who(prepared, tasks)} ended with exit code {error.code!r}",
            hint="a plug-in must return or raise, never exit",
        )
    if _global_state() != before:
        return PluginError(
            f"{_who(prepared, tasks)} draws from a global random state: its numbers would differ "
            "from run to run",
            hint="draw from the generator that is passed, and from nothing else",
        )
    return measured


def _global_state() -> tuple[object, bytes]:
    """Return the state of the generators that a plug-in must leave alone."""
    numpy_state = np.random.get_state(legacy=True)  # noqa: NPY002 - it must stay untouched
    return random.getstate(), pickle.dumps(numpy_state)


def _who(prepared: Ready, tasks: tuple[str, ...]) -> str:
    """Return the plug-ins from outside that take part in tasks, as messages name them."""
    named = " or ".join(dict.fromkeys(filter(None, map(prepared.culprits, tasks))))
    return f"{named or 'a plug-in'} in task {', '.join(map(repr, tasks))}"


if __name__ == "__main__":
    main()
