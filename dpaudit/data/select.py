"""Keeps the rows that an audit is about, and derives columns from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpaudit.data.frame import SHOWN, is_missing
from dpaudit.errors import DataError
from dpaudit.values import suggest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from dpaudit.data.frame import Frame
    from dpaudit.model.spec import DataSpec, DerivedSpec


def select(frame: Frame, spec: DataSpec) -> Frame:
    """Filter the rows and derive columns, as far as the columns of ``frame`` allow.

    What needs a column that is added later waits: calling this once more is harmless.

    Raises
    ------
    DataError
        If no row is left, or a cell is too short to derive from.
    """
    # Rows that are left out cannot be at fault in a derived column.
    kept = _filtered(frame, spec)
    wanted = recorded(spec) if spec.table else set(spec.derived)
    return _filtered(with_derived(kept, spec.derived, wanted), spec)


def recorded(spec: DataSpec) -> set[str]:
    """Return the columns of records that a filter or a table needs, derived or not."""
    named = {*spec.where, *(spec.domain[name].column for name in spec.table)}
    return _closure(spec.derived, named)


def with_derived(
    frame: Frame,
    derived: Mapping[str, DerivedSpec],
    wanted: Collection[str],
    kept: Mapping[str, str] | None = None,
) -> Frame:
    """Add the derived columns that are wanted, or that one of them needs.

    ``kept`` has the label of a column that is no cell of the file ("not listed"): it is taken
    over whole.

    Raises
    ------
    DataError
        If a cell has fewer characters than are taken from it.
    """
    needed = _closure(derived, wanted)
    waiting = {name: rule for name, rule in derived.items() if name in needed}
    # A column may be derived from one that stands further down.
    for _ in derived:
        for name, rule in waiting.items():
            if name not in frame.columns and rule.column in frame.columns:
                frame = frame.add(name, _first(frame, name, rule, (kept or {}).get(rule.column)))
    return frame


def _closure(derived: Mapping[str, DerivedSpec], wanted: Collection[str]) -> set[str]:
    """Return the columns that are wanted and all that they are derived from."""
    needed = set(wanted)
    for _ in derived:
        needed |= {rule.column for name, rule in derived.items() if name in needed}
    return needed


def _first(frame: Frame, name: str, rule: DerivedSpec, kept: str | None) -> list[str]:
    cells = frame.columns[rule.column]
    short = [
        i for i, c in enumerate(cells) if len(c) < rule.first and not is_missing(c) and c != kept
    ]
    frame.refuse(
        [
            f"{frame.place(i, rule.column)}: {cells[i]!r} has fewer than {rule.first} characters"
            for i in short[:SHOWN]
        ],
        f"{name!r} is made of the first {rule.first}: were leading zeros lost?",
        len(short),
    )
    return [_head(cell, rule.first, kept) for cell in cells]


def _head(cell: str, first: int, kept: str | None) -> str:
    if is_missing(cell):
        return ""
    return cell if cell == kept else cell[:first]


def _filtered(frame: Frame, spec: DataSpec) -> Frame:
    where = {name: set(cells) for name, cells in spec.where.items() if name in frame.columns}
    if not where:
        return frame
    marks = [True] * len(frame)
    for name, wanted in where.items():
        column = frame.columns[name]
        marks = [mark and cell in wanted for mark, cell in zip(marks, column, strict=True)]
    if not any(marks):
        raise DataError(
            f"{frame.source}: no {frame.noun} has {told(spec.where)}", hint=_nearest(frame, spec)
        )
    return frame if all(marks) else frame.keep(marks)


def told(where: Mapping[str, Collection[str]]) -> str:
    """Return a filter in words: ``state = 'Texas' and year = '2019' or '2020'``."""
    return " and ".join(
        f"{name} = {' or '.join(repr(cell) for cell in cells)}" for name, cells in where.items()
    )


def _nearest(frame: Frame, spec: DataSpec) -> str:
    """Return what might have been meant; the values of confidential data are not shown."""
    for name, cells in spec.where.items():
        found = dict.fromkeys(frame.columns.get(name, ()))
        absent = [cell for cell in cells if cell not in found]
        if found and len(absent) == len(cells) and spec.status == "public":
            shown = sorted(found)[:20] if len(found) > SHOWN else sorted(found)
            near = suggest(cells[0], found)
            return near if near.startswith("did you mean") else f"{name!r} has {', '.join(shown)}"
    return "cells are compared character by character: look for spaces and leading zeros"
