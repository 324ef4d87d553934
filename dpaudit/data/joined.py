"""Takes columns over from another file, or from other rows of the same one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpaudit.data.formats import open_frame
from dpaudit.data.frame import SHOWN, check_columns, is_missing
from dpaudit.data.locate import locate
from dpaudit.data.select import told
from dpaudit.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from dpaudit.data.frame import Frame
    from dpaudit.model.spec import DataSpec, JoinSpec
    from dpaudit.registry import Registry

    Key = tuple[str, ...]


def with_joined(frame: Frame, spec: DataSpec, base: Path, registry: Registry) -> Frame:
    """Add the columns of ``[data.joined]``.

    Parameters
    ----------
    frame
        The rows of the audit.
    spec
        ``[data]`` of the audit file.
    base
        The folder of the audit file.
    registry
        Where ``builtin:`` data are looked up.

    Raises
    ------
    DataError
        If the other file cannot be read or has no such column; if it has no row for an entity,
        or two that disagree.
    """
    for name, join in spec.joined.items():
        frame = frame.add(name, _cells(frame, name, join, base, registry))
    return frame


def _cells(frame: Frame, name: str, join: JoinSpec, base: Path, registry: Registry) -> list[str]:
    wanted = [join.column, *join.match.values(), *join.where]
    other = open_frame(join, locate(join.file, base, registry))
    check_columns(wanted, list(other.columns), join.file)
    check_columns(list(join.match), list(frame.columns), frame.source)
    found = _found(other, name, join)
    keys = list(zip(*(frame.columns[mine] for mine in join.match), strict=True))
    absent = [i for i, key in enumerate(keys) if key not in found]
    if absent and join.other is None:
        missing = [
            f"{frame.place(i)}: {join.file} has no row for {_told(tuple(join.match), keys[i])}"
            for i in absent[:SHOWN]
        ]
        frame.refuse(
            missing,
            f'add other = "..." to [data.joined] {name}, or leave those {frame.noun}s out',
            len(absent),
        )
    return [found.get(key, join.other or "") for key in keys]


def _found(other: Frame, name: str, join: JoinSpec) -> dict[Key, str]:
    """Return the cell to take over by the cells that must match."""
    found: dict[Key, str] = {}
    faults: list[str] = []
    theirs = tuple(join.match.values())
    wanted = {column: set(cells) for column, cells in join.where.items()}
    for i, cell in enumerate(other.columns[join.column]):
        if any(other.columns[column][i] not in cells for column, cells in wanted.items()):
            continue
        key = tuple(other.columns[column][i] for column in theirs)
        if found.setdefault(key, cell) != cell:
            faults.append(f"{other.place(i, join.column)}: a second value for {_told(theirs, key)}")
        if is_missing(cell) and join.other is None:
            faults.append(f"{other.place(i, join.column)}: no value for {_told(theirs, key)}")
    other.refuse(faults, f"add where = {{ ... }} to [data.joined] {name} to choose among rows")
    if not found:
        raise DataError(
            f"{join.file}: no {other.noun} has {told(join.where)}",
            hint="cells are compared character by character: look for spaces and leading zeros",
        )
    return found


def _told(columns: tuple[str, ...], key: Key) -> str:
    return " and ".join(f"{c} = {cell!r}" for c, cell in zip(columns, key, strict=True))
