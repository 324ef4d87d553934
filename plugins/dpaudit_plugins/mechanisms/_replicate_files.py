"""Reads replicates of a release from files."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray, frozen_floats

if TYPE_CHECKING:
    import pandas as pd

FORMATS = (".csv", ".parquet", ".pq")
_SHOWN = 5
_MARK = "\x1f"


@attrs.frozen(kw_only=True)
class Layout:
    """Where replicates stand in their files, hashable.

    Parameters
    ----------
    entity
        The columns that together name an entity.
    count
        The column of counts, unless each replicate is a column.
    replicate
        The column that tells the replicates of one file apart.
    columns
        What the names of the columns begin with, where each replicate is a column.
    entities
        The entities of the data (n), as texts of their values.
    """

    entity: tuple[str, ...]
    count: str
    replicate: str
    columns: str | None
    entities: tuple[tuple[str, ...], ...]


def load(files: tuple[Path, ...], layout: Layout, *, one_each: bool) -> FloatArray:
    """Return the replicates, shape (R, n), in the order of the data; read once and kept.

    Parameters
    ----------
    files
        One file of all replicates, or (``one_each``) a file for each.

    Raises
    ------
    DataError
        If a file cannot be read or has two columns of one name, entities differ from the data,
        a count is no number, or there are fewer than two replicates.
    """
    stamps = tuple((file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    return _load(files, stamps, layout, one_each)


@functools.lru_cache(maxsize=4)
def _load(
    files: tuple[Path, ...],
    _stamps: tuple[tuple[int, int], ...],
    layout: Layout,
    one_each: bool,  # noqa: FBT001
) -> FloatArray:
    if one_each:
        rows = [_one(file, layout) for file in files]
    elif layout.columns is not None:
        rows = _wide(files[0], layout, layout.columns)
    else:
        rows = _long(files[0], layout)
    if len(rows) < 2:  # noqa: PLR2004
        raise dpaudit.DataError(
            f"{files[0].name}: {len(rows)} replicate",
            hint="at least two are needed to tell how they vary",
        )
    return frozen_floats(np.stack(rows))


def _one(file: Path, layout: Layout) -> FloatArray:
    frame = _read(file, (*layout.entity, layout.count))
    order = _places(file.name, frame, layout)
    return _numbers(file.name, frame[layout.count])[order]


def _wide(file: Path, layout: Layout, prefix: str) -> list[FloatArray]:
    frame = _read(file, layout.entity)
    names = [
        name for name in frame.columns if name.startswith(prefix) and name not in layout.entity
    ]
    if not names:
        raise dpaudit.DataError(
            f"{file.name}: no column begins with {prefix!r}",
            hint=f"columns: {', '.join(map(str, frame.columns[:_SHOWN]))}",
        )
    order = _places(file.name, frame, layout)
    return [_numbers(file.name, frame[name])[order] for name in names]


def _long(file: Path, layout: Layout) -> list[FloatArray]:
    frame = _read(file, (*layout.entity, layout.count, layout.replicate))
    numbers = _numbers(file.name, frame[layout.count])
    made = []
    for label, rows in frame.groupby(layout.replicate, sort=False).indices.items():
        where = f"{file.name}, replicate {label!r}"
        made.append(numbers[rows][_places(where, frame.iloc[rows], layout)])
    return made


def _read(file: Path, needed: Sequence[str]) -> pd.DataFrame:
    """Return a file as text, with the columns that are needed."""
    import pandas as pd

    try:
        if file.suffix.lower() == ".csv":
            # Read as a header, the second of two equal names would get another, and pass.
            cells = pd.read_csv(
                file, header=None, dtype=str, keep_default_na=False, encoding="utf-8-sig"
            )
            frame = cells.iloc[1:].set_axis(cells.iloc[0].tolist(), axis="columns")
        else:
            frame = pd.read_parquet(file)
    except Exception as error:
        line = " ".join(f"{type(error).__name__}: {error}".split())
        raise dpaudit.DataError(
            f"{file.name}: the replicates cannot be read: {line}",
            hint=f"formats: {', '.join(FORMATS)}",
        ) from error
    for name in frame.columns[frame.columns.duplicated()]:
        if name:
            raise dpaudit.DataError(
                f"{file.name}: two columns are named {name!r}", hint="rename or drop one of them"
            )
    for name in needed:
        if name not in frame.columns:
            raise dpaudit.DataError(
                f"{file.name}: there is no column {name!r}",
                hint=f"columns: {', '.join(map(str, frame.columns[:_SHOWN]))}",
            )
    return frame


def _numbers(where: str, column: pd.Series[Any]) -> FloatArray:
    import pandas as pd

    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise dpaudit.DataError(
            f"{where}, row {bad[0] + 1}: {column.iloc[bad[0]]!r} is not a number "
            f"({bad.size:,} in column {column.name!r})",
            hint="every entity needs a released count in every replicate",
        )
    return values


def _places(where: str, frame: pd.DataFrame, layout: Layout) -> np.ndarray:
    """Return the row of each entity of the data."""
    import pandas as pd

    keys = frame[layout.entity[0]].astype(str)
    for name in layout.entity[1:]:
        keys = keys + _MARK + frame[name].astype(str)
    index = pd.Index(keys)
    wanted = pd.Index([_MARK.join(entity) for entity in layout.entities])
    _refuse(where, "twice", index[index.duplicated()].unique())
    _refuse(where, "in the data but not here", wanted.difference(index, sort=False))
    _refuse(where, "here but not in the data", index.difference(wanted, sort=False))
    places: np.ndarray = index.get_indexer(wanted)
    return places


def _refuse(where: str, what: str, found: pd.Index[Any]) -> None:
    if not len(found):
        return
    shown = ", ".join(key.replace(_MARK, " × ") for key in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
    noun = "entity stands" if len(found) == 1 else "entities stand"
    raise dpaudit.DataError(
        f"{where}: {len(found):,} {noun} {what}: {shown}{more}",
        hint="replicates and data must list the same entities, under the same identifiers",
    )
