"""What releases and learners are called at a parameter point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def label(release: str, values: Mapping[str, Any]) -> str:
    """Return what a release (or learner) is called at the values of what it sweeps."""
    return " ".join([release, *(f"{name}={_short(value)}" for name, value in values.items())])


def _short(value: object) -> str:
    """Return ``0.1`` or ``1``, but never fewer digits than tell two values apart."""
    if not isinstance(value, float):
        return str(value)
    short = f"{value:g}"
    return short if float(short) == value else repr(value)
