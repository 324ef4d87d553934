"""One BLAS thread while numbers are made: more of them change the last bits of a product.

How a matrix product is cut among threads decides the order of its sums. With one thread in every
process the numbers do not depend on how many processors a machine has, or on where an executor
has its workers, and threads that share the draws do not wait for one another's helpers.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import ThreadpoolController

_LOCK = threading.Lock()
_HELD: list[object] = []
"""Who holds BLAS to one thread; the first one of them set it, the last one sets it back."""

_LIMITS: list[object] = []


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread in this process, for as long as anybody does."""
    token = object()
    with _LOCK:
        if not _HELD:
            _LIMITS.append(ThreadpoolController().limit(limits=1, user_api="blas"))
        _HELD.append(token)
    try:
        yield
    finally:
        with _LOCK:
            _HELD.remove(token)
            if not _HELD:
                _LIMITS.pop().restore_original_limits()  # type: ignore[attr-defined]
