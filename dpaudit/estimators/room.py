"""Amounts of memory: what there is, what is in use, and what has no room.

An estimator whose predicted memory exceeds the limit is refused before it starts: a process that
the system ends for want of memory says nothing.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from dpaudit.errors import UnavailableError

_GROUP = Path("/sys/fs/cgroup/memory.max")
"""What a container may use, on Linux."""


def available() -> float | None:
    """Return the bytes that this machine, or its container, has; ``None`` where it hides them."""
    found: list[float] = []
    with contextlib.suppress(AttributeError, ValueError, OSError):
        found.append(float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(OSError, ValueError):  # "max": no limit
        found.append(float(_GROUP.read_text(encoding="ascii")))
    return min(found, default=None)


def in_use() -> float:
    """Return the most bytes that this process had in use so far; 0 where nobody counts them."""
    try:
        import resource
    except ImportError:
        return 0.0
    counted = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(counted) * (1.0 if sys.platform == "darwin" else 1024.0)


def told(amount: float) -> str:
    """Return an amount as people write it."""
    if amount >= 1e9:  # noqa: PLR2004
        return f"{amount / 1e9:.1f} GB"
    return f"{max(amount / 1e6, 1.0):.0f} MB"


def require(what: str, need: float, limit: float | None = None) -> None:
    """Refuse work that has no room.

    Parameters
    ----------
    what
        The work, as the beginning of a sentence.
    need
        Bytes that it is predicted to need.
    limit
        Bytes that there may be; by default what this machine has.

    Raises
    ------
    UnavailableError
        If it needs more than the limit.
    """
    limit = available() if limit is None else limit
    if limit is not None and need > limit:
        raise UnavailableError(
            f"{what} would need about {told(need)} of memory, and the limit is {told(limit)}",
            hint="give the decision a closed form (its curvature method), audit fewer entities, "
            "or take a machine with more memory",
        )
