"""Ends code from outside that takes too long in this process, and names it.

Releases and decisions of strangers are drawn in worker processes, which can be killed. What is
asked of them only once (to be imported, planned, bound, applied) happens here: a clock interrupts
it, and where even that does not help (code that waits in C), the process ends with the name of
the culprit. Only a call that keeps Python's own lock cannot be ended from here.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from dpaudit.errors import ExitCode, PluginError

GRACE = 10.0
"""Seconds between the interruption and the end of the process."""

HINT = "raise [run] time_limit, or mend the plug-in"

_STATE = threading.local()


class Late(BaseException):
    """Raised inside the code that is late; no ``except Exception`` swallows it."""


@contextmanager
def limited(seconds: float | None, what: str, *, hint: str = HINT) -> Iterator[None]:
    """Interrupt what is done inside after ``seconds``; ``None``, or inside another limit: never.

    Raises
    ------
    PluginError
        If it was interrupted: ``what`` did not finish.
    """
    if seconds is None or getattr(_STATE, "is_limited", False):
        yield
        return
    _STATE.is_limited = True
    message = f"{what} did not finish in {seconds:g} seconds and was ended"
    last = threading.Timer(seconds + GRACE, _end, (message, hint))
    last.daemon = True
    last.start()
    try:
        with _alarm(seconds) if _may_signal() else _injected(seconds):
            yield
    except Late:
        raise PluginError(message, hint=hint) from None
    finally:
        last.cancel()
        _STATE.is_limited = False


def _may_signal() -> bool:
    """Whether this thread may use the alarm of the process, and nobody else does."""
    is_main = threading.current_thread() is threading.main_thread()
    return is_main and hasattr(signal, "setitimer") and signal.getitimer(signal.ITIMER_REAL)[0] == 0


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise :class:`Late` in the main thread, again every second until it is heard."""
    armed = True

    def late(*_: object) -> None:
        if armed:
            raise Late

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _injected(seconds: float) -> Iterator[None]:
    """Raise :class:`Late` in this thread, at the next step of Python that it makes."""
    thread, lock = ctypes.c_ulong(threading.get_ident()), threading.Lock()
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    armed = True

    def late() -> None:
        with lock:
            if armed:
                raise_in(thread, ctypes.py_object(Late))

    timer = threading.Timer(seconds, late)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            armed = False
        raise_in(thread, None)


def _end(message: str, hint: str) -> None:
    """End the process, unless somebody works in it by hand and would lose what they have."""
    if hasattr(sys, "ps1") or "ipykernel" in sys.modules:
        return
    os.write(2, f"error: {message}\n  help: {hint}\n".encode())
    os._exit(ExitCode.FAILED)
