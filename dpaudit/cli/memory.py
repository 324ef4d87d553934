"""Amounts of memory: what there is, what is in use, and how people write it."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from pathlib import Path
from typing import Any

import click

_UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}
_AMOUNT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*", re.IGNORECASE)
_GROUP = Path("/sys/fs/cgroup/memory.max")
"""What a container may use, on Linux."""


class Amount(click.ParamType[float]):
    """An option such as ``4GB``, in bytes."""

    name = "amount"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the bytes that a text says."""
        if isinstance(value, float):
            return value
        match = _AMOUNT.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is no amount of memory: write 500MB or 4GB", param, ctx)
        return float(match[1]) * _UNITS[match[2].lower()]


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
