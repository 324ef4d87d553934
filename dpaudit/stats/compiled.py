"""Whether compiled twins of the innermost loops stand in for numpy: the extra ``fast``.

A twin (:mod:`dpaudit.stats.kernels`) gives the very bits that numpy gives, so that no result
depends on it, and a run may change over at any time. To import and load them costs half a second
(and some seconds to compile them, once for each installation): they are not asked for before a
process has worked through so much that this is little. ``$DPAUDIT_COMPILED`` may say ``always``
or ``never`` instead.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import threading
from collections.abc import Callable
from typing import Any

ENOUGH = 2**27
"""Numbers worked through before the twins are loaded: some seconds."""

SETTING = "DPAUDIT_COMPILED"


class Switch:
    """Counts the work of this process, and hands out twins when it is enough."""

    def __init__(self) -> None:
        self._done = 0
        self._kernels: dict[str, Callable[..., Any]] | None = None
        self._closed = False
        self._lock = threading.Lock()

    def kernel(self, name: str, work: int) -> Callable[..., Any] | None:
        """Return the twin called ``name`` for ``work`` numbers, or ``None`` to use numpy."""
        if self._kernels is not None:
            return self._kernels[name]
        if self._closed:
            return None
        self._done += work
        setting = os.environ.get(SETTING, "")
        if setting == "never" or (setting != "always" and self._done < ENOUGH):
            return None
        with self._lock:
            if self._kernels is None and not self._closed:
                self._kernels = _compiled()
                self._closed = self._kernels is None
        return None if self._kernels is None else self._kernels[name]


def _compiled() -> dict[str, Callable[..., Any]] | None:
    """Return every twin, ``None`` where numba is not installed or does not work."""
    if importlib.util.find_spec("numba") is None:
        return None
    try:
        found = importlib.import_module("dpaudit.stats.kernels").KERNELS
    except Exception:  # noqa: BLE001 - a numba that does not fit this numpy may raise anything
        return None
    return dict(found)


_SWITCH = Switch()
kernel = _SWITCH.kernel
