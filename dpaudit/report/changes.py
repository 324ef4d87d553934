"""What changed between the measurements of two reports, beyond the noise."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import attrs

from dpaudit.errors import UsageError

_ROUNDING = 1e-9
"""Relative difference of two exact numbers that is no change."""

Key = tuple[str, str, str, str, str, str]


@attrs.frozen(kw_only=True)
class Change:
    """How one quantity of one task changed, over entities, groups or in total.

    ``compared`` numbers stand in both; of ``higher`` and ``lower`` the intervals do not meet.
    ``where``, ``before`` and ``after`` are the largest of these changes.
    """

    task: str
    quantity: str
    over: str
    unit: str
    compared: int
    higher: int
    lower: int
    where: str = ""
    before: float = math.nan
    after: float = math.nan


@attrs.frozen(kw_only=True)
class Comparison:
    """Changes, and the tasks that stand in one of two reports only."""

    changes: tuple[Change, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]

    @property
    def changed(self) -> tuple[Change, ...]:
        """The quantities of which a number changed beyond the noise."""
        return tuple(each for each in self.changes if each.higher or each.lower)


def compared(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Comparison:
    """Compare rows of two files of measurements.

    A number has changed where its two intervals do not meet: each holds for all entities of its
    quantity at once, so that chance seldom makes one of many look changed. Reports on the same
    seed share their noise, which makes a change that is not seen less likely, never more.
    """
    old, new = _by_key(before), _by_key(after)
    grouped: dict[tuple[str, str, str, str, str], list[tuple[Key, Any, Any]]] = {}
    for key, row in old.items():
        if key in new:
            over = _over(row)
            address = (row["task"], row["quantity"], over, row["per"], row["unit"])
            grouped.setdefault(address, []).append((key, row, new[key]))
    tasks = [list(dict.fromkeys(row["task"] for row in rows)) for rows in (before, after)]
    return Comparison(
        changes=tuple(_change(rows) for rows in grouped.values()),
        only_before=tuple(task for task in tasks[0] if task not in tasks[1]),
        only_after=tuple(task for task in tasks[1] if task not in tasks[0]),
    )


def read_measurements(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of ``measurements.parquet`` in a folder.

    Raises
    ------
    UsageError
        If there is no such file, or it is something else.
    """
    import pyarrow as pa

    path = folder / "measurements.parquet" if folder.is_dir() else folder
    try:
        return rows_of(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise UsageError(
            f"cannot read measurements from {str(path)!r}: {' '.join(str(error).split())}",
            hint="name the folder that 'dpaudit report' or 'dpaudit run' wrote",
        ) from error


def rows_of(measurements: Path | bytes) -> list[dict[str, Any]]:
    """Return the rows of a file of measurements, or of what it holds.

    It is read in this thread: pyarrow's own threads may outlive the interpreter, and then abort
    the process at its end.
    """
    import pyarrow.parquet as pq

    source = io.BytesIO(measurements) if isinstance(measurements, bytes) else measurements
    with pq.ParquetFile(source, pre_buffer=False) as file:
        rows: list[dict[str, Any]] = file.read(use_threads=False).to_pylist()
    return rows


def _change(rows: list[tuple[Key, Any, Any]]) -> Change:
    first = rows[0][1]
    moved = [(key, a, b) for key, a, b in rows if _apart(a, b) or _apart(b, a)]
    made = Change(
        task=first["task"],
        quantity=first["quantity"],
        over=_over(first),
        unit=first["unit"],
        compared=len(rows),
        higher=sum(_apart(a, b) for _, a, b in rows),
        lower=sum(_apart(b, a) for _, a, b in rows),
    )
    if not moved:
        return made
    key, a, b = max(moved, key=lambda each: abs(each[2]["value"] - each[1]["value"]))
    return attrs.evolve(
        made, where=key[2] or key[3], before=float(a["value"]), after=float(b["value"])
    )


def _apart(one: dict[str, Any], two: dict[str, Any]) -> bool:
    """Whether the interval of one lies below that of the other, rounding aside."""
    size = max(abs(one["high"]), abs(two["low"]))
    return bool(two["low"] - one["high"] > (_ROUNDING * size if math.isfinite(size) else 0.0))


def _by_key(rows: list[dict[str, Any]]) -> dict[Key, dict[str, Any]]:
    return {_key(row): row for row in rows}


def _key(row: dict[str, Any]) -> Key:
    return (
        row["task"], row["quantity"], row["entity"], row["group"], row["per"], row["audit"]
    )  # fmt: skip


def _over(row: dict[str, Any]) -> str:
    if row["entity"]:
        return "entity"
    return str(row["group"]).partition(":")[0] or "total"
