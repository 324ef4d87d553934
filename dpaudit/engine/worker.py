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
import subprocess
import sys
import threading
import time
from typing import Any, BinaryIO

from dpaudit.engine.blas import one_blas_thread
from dpaudit.engine.chunks import Chunk, Unit
from dpaudit.engine.work import Ready, Work
from dpaudit.errors import DpauditError, PluginError


class Worker:
    """The parent's end of one worker process.

    Parameters
    ----------
    work
        What the process is to prepare.
    limit
        Seconds after which a plug-in from outside is taken to hang.
    """

    def __init__(self, work: Work, limit: float) -> None:
        self._limit = limit
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
        late = threading.Event()

        def end() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(self._limit, end)
        if unit.foreign:
            timer.start()
        try:
            self._send((unit.tasks, unit.chunk))
            answer = pickle.load(self._stream(self._process.stdout))  # noqa: S301 - our own child
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise self._gone(unit.tasks, hung=late.is_set()) from error
        finally:
            timer.cancel()
        if isinstance(answer, DpauditError):
            raise answer
        measured: dict[str, Any] = answer
        return measured

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
        names = ", ".join(repr(task) for task in tasks)
        if hung:
            return PluginError(
                f"a plug-in of {names} did not finish in {self._limit:g} seconds and was ended",
                hint="raise [run] time_limit, lower draws, or mend the plug-in",
            )
        return PluginError(
            f"a plug-in of {names} ended its worker process (exit code {self._process.wait()})",
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
    while True:
        try:
            tasks, chunk = pickle.load(incoming)  # noqa: S301 - from our own parent
        except EOFError:
            return
        pickle.dump(_answer(prepared, tasks, chunk), outgoing)
        outgoing.flush()


def _die_with(parent: int) -> None:
    """End this process when its parent is gone, even if a plug-in hangs."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _answer(prepared: Ready | DpauditError, tasks: tuple[str, ...], chunk: Chunk) -> object:
    if isinstance(prepared, DpauditError):
        return prepared
    try:
        return prepared.measure(tasks, chunk)
    except DpauditError as error:
        return error
    except SystemExit as error:
        return PluginError(
            f"a plug-in of {', '.join(map(repr, tasks))} ended with exit code {error.code!r}",
            hint="a plug-in must return or raise, never exit",
        )


if __name__ == "__main__":
    main()
