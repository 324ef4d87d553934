"""One thread of torch while many runs are trained.

More of them change the last bits of a sum, wait for one another, and take the processors of other
workers. Only what is called needs torch, from the extra ``learn``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LOCK = threading.Lock()
_HELD: list[object] = []
_BEFORE: list[int] = []


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Hold torch to one thread in this process, for as long as anybody does."""
    import torch

    token = object()
    with _LOCK:
        if not _HELD:
            _BEFORE.append(torch.get_num_threads())
        _HELD.append(token)
    try:
        # OpenMP keeps the number for each thread that asks.
        torch.set_num_threads(1)
        yield
    finally:
        with _LOCK:
            _HELD.remove(token)
            if not _HELD:
                torch.set_num_threads(_BEFORE.pop())
