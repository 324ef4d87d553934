"""Values of an audit file that are compared with the cells of a data file."""

from __future__ import annotations

import itertools
import math
import unicodedata
from typing import TYPE_CHECKING, Any

from dpaudit.values import name_of

if TYPE_CHECKING:
    from dpaudit.config.table import Faults
    from dpaudit.values import Steps


def cell(faults: Faults, path: Steps, value: Any) -> str | None:
    """Return the text of a cell, or ``None`` (and a fault) where a value can be none.

    48 is the cell ``48``; a number with a point has no single way to be written.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int):
        return str(value)
    faults.add(
        path,
        f"expected text or a whole number, not {name_of(value)}",
        "write it as text, just as the file has it",
    )
    return None


def cells(faults: Faults, path: Steps, found: list[Any]) -> tuple[str, ...]:
    """Return the texts of a list of cells, each once; an empty list is a fault."""
    if not found:
        faults.add(path, "the list is empty", "list the values, as the file has them")
    made: list[str] = []
    for i, value in enumerate(found):
        text = cell(faults, (*path, i), value)
        if text is not None and text in made:
            faults.add((*path, i), f"{text!r} stands twice", "remove one of them")
        elif text is not None:
            made.append(text)
    return tuple(made)


def readable(text: str) -> str | None:
    """Return what is wrong with a name or a label that a report prints."""
    if not text.strip():
        return "the name is empty"
    if any(unicodedata.category(character) in {"Cc", "Cf"} for character in text):
        return f"the name {text!r} has characters that cannot be seen"
    return None


def ascending(bounds: tuple[float, ...]) -> str | None:
    """Return what is wrong with the bounds of classes."""
    if not bounds:
        return "'bounds' is empty"
    if not all(math.isfinite(bound) for bound in bounds):
        return f"'bounds' must be finite: {list(bounds)}"
    if any(a >= b for a, b in itertools.pairwise(bounds)):
        return f"'bounds' must ascend: {list(bounds)}"
    return None


def shares(bounds: tuple[float, ...]) -> str | None:
    """Return what is wrong with the bounds of classes by share."""
    complaint = ascending(bounds)
    if complaint is None and not (bounds[0] > 0 and bounds[-1] <= 1):
        return f"'bounds' of shares must be above 0 and at most 1: {list(bounds)}"
    return complaint
