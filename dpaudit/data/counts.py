"""Checks identifiers and true counts, and tells numbers from text."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import numpy as np

from dpaudit.data.frame import NUMBER, WORDS, Frame, is_missing
from dpaudit.model.arrays import frozen_floats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpaudit.model.arrays import ColumnArray, FloatArray

LARGEST = 2**53
"""Counts above this are not exact as float64."""
_LONGEST = 400


def entities_of(frame: Frame, column: str) -> tuple[str, ...]:
    """Return the identifiers, unchanged.

    Raises
    ------
    DataError
        If one is blank, or stands in two rows (both are named).
    """
    cells = frame.columns[column]
    blank = [
        f"{frame.place(i, column)}: no identifier" for i, c in enumerate(cells) if is_missing(c)
    ]
    frame.refuse(blank, "every entity needs an identifier of its own")
    rows: dict[str, list[int]] = defaultdict(list)
    for i, cell in enumerate(cells):
        rows[cell].append(i)
    twice = [
        f"{frame.source}, column {column!r}: the identifier {cell!r} stands in "
        f"{frame.noun}s {' and '.join(str(frame.rows[i]) for i in found)}"
        for cell, found in rows.items()
        if len(found) > 1
    ]
    frame.refuse(twice, "each entity has one row: drop one, or add them up first")
    return tuple(cells)


def counts_of(frame: Frame, column: str, *, noisy: bool = False) -> FloatArray:
    """Return the true counts, shape (n,), persons; of a release, the nearest possible ones.

    Raises
    ------
    DataError
        If one is missing, no number, not finite, negative, fractional or above 2^53.
    """
    values: list[float] = []
    faults: list[str] = []
    for i, cell in enumerate(frame.columns[column]):
        fault = _fault(cell.strip(), noisy=noisy)
        if fault is None:
            value = float(cell)
            values.append(max(0.0, round(value)) if noisy else abs(value))  # -0 is 0
        else:
            faults.append(f"{frame.place(i, column)}: {fault}")
    frame.refuse(faults, "a true count is a whole number of persons, 0 or more, at most 2^53")
    return frozen_floats(values)


def column_of(cells: Sequence[str], *, as_text: bool) -> ColumnArray:
    """Return one column, shape (n,): numbers if every cell that is not empty is one, else text.

    A missing number is NaN.
    """
    stated = [cell for cell in cells if not is_missing(cell)]
    if as_text or not stated or not all(_is_number(cell.strip()) for cell in stated):
        texts = np.array(cells, dtype=np.str_)
        texts.flags.writeable = False
        return texts
    return frozen_floats([np.nan if is_missing(cell) else float(cell) for cell in cells])


def _is_number(cell: str) -> bool:
    return bool(NUMBER.fullmatch(cell) or WORDS.fullmatch(cell))


def _fault(cell: str, *, noisy: bool = False) -> str | None:  # noqa: PLR0911 (one line for each fault)
    """Return what keeps a cell from being a true count."""
    if not cell:
        return "the count is missing"
    if WORDS.fullmatch(cell):
        return f"the count {cell!r} is not finite"
    if not NUMBER.fullmatch(cell) or len(cell) > _LONGEST:
        return f"the count {cell[:40]!r} is no number"
    try:
        exact = Decimal(cell)
    except InvalidOperation:
        return f"the count {cell} is no number that can be read"
    if exact < 0 and not noisy:
        return f"the count {cell} is negative"
    if exact > LARGEST:
        return f"the count {cell} is above 2^53"
    if noisy:
        return None
    return None if exact == exact.to_integral_value() else f"the count {cell} is not whole"
