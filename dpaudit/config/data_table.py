"""Reads ``[data]`` and checks every column that an audit file names against the data."""

from __future__ import annotations

import codecs
import itertools
import math
from typing import TYPE_CHECKING, Any

from dpaudit.config.table import Faults, Table, given
from dpaudit.data import header
from dpaudit.errors import DpauditError
from dpaudit.model.dataset import Status
from dpaudit.model.spec import DataSpec
from dpaudit.values import name_of, suggest

if TYPE_CHECKING:
    from pathlib import Path

    from dpaudit.config.uses import Uses
    from dpaudit.values import Steps

_STATUS = (
    'status = "public" (a report may print the counts) or status = "confidential" (it may not)'
)


def read_data(root: Table, uses: Uses) -> dict[str, Any]:
    """Return the plain form of ``[data]``, and note the columns it names in ``uses``."""
    if "data" not in root.values:
        root.faults.add((), "the table [data] is missing", "add [data] with file and status")
    table = Table(root.faults, ("data",), root.raw("data", {}))
    if "file" not in table.values and not table.values:
        return {}
    made = given(
        file=table.take("file", str, required='file = "..."', check=_not_blank),
        status=table.take("status", Status, required=_STATUS),
        entity=table.take("entity", str, required='entity = "..." (the column of identifiers)'),
        count=table.take("count", str, required='count = "..." (the column of true counts)'),
        label=table.take("label", str),
        encoding=table.take("encoding", str, check=_encoding),
        sheet=table.take("sheet", str),
        classes=_classes(table, uses),
    )
    for key in ("entity", "count", "label"):
        if key in made:
            uses.columns.append((("data", key), made[key], f"{key!r}"))
    made["groups"] = _groups(table, uses, made.get("classes", {}))
    table.finish()
    return made


def check_columns(made: dict[str, Any], uses: Uses, base: Path) -> None:
    """Read the header of the data and keep a fault for each column that is not in it."""
    if "file" not in made:
        return
    wanted = ("file", "encoding", "sheet")
    spec = DataSpec(
        status="public", entity="", count="", **{key: made[key] for key in wanted if key in made}
    )
    try:
        columns = header(spec, base, uses.registry)
    except DpauditError as error:
        uses.faults.add(("data", "file"), error.message, error.hint)
        return
    for path, name, purpose in uses.columns:
        if name not in columns:
            uses.faults.add(
                path,
                f"the data have no column {name!r} (for {purpose})",
                suggest(name, columns, noun="columns"),
            )
    for name in made.get("classes", {}):
        if name in columns:
            uses.faults.add(
                ("data", "classes", name),
                f"{name!r} is a column of the data already",
                "give the classes another name",
            )


def _groups(table: Table, uses: Uses, classes: dict[str, Any]) -> tuple[tuple[str, ...], ...]:
    found = table.raw("groups", [])
    if not isinstance(found, list):
        table.fault("groups", f"expected a list, not {name_of(found)}", 'write groups = ["..."]')
        return ()
    made: list[tuple[str, ...]] = []
    for i, item in enumerate(found):
        path: Steps = ("data", "groups", i)
        parts = _group(table.faults, path, item)
        if parts in made:
            table.faults.add(path, f"the grouping {item!r} stands twice", "remove one of them")
        elif parts:
            made.append(parts)
        for j, part in enumerate(parts):
            if part not in classes:
                place = (*path, j) if isinstance(item, list) else path
                uses.columns.append((place, part, "a grouping"))
    return tuple(made)


def _group(faults: Faults, path: Steps, item: Any) -> tuple[str, ...]:
    if isinstance(item, str):
        return (item,)
    if isinstance(item, list) and item and all(isinstance(part, str) for part in item):
        if len(set(item)) == len(item):
            return tuple(item)
        faults.add(path, f"the intersection {item!r} names a column twice")
        return ()
    faults.add(
        path,
        f"expected a column name or a list of them, not {name_of(item)}",
        'write groups = ["county", ["county", "size_class"]]',
    )
    return ()


def _classes(table: Table, uses: Uses) -> dict[str, Any]:
    found = table.raw("classes", {})
    inner = Table(table.faults, ("data", "classes"), found)
    made: dict[str, Any] = {}
    for name, value in inner.rest().items():
        path = ("data", "classes", name)
        one = Table(table.faults, path, value)
        column = one.take("column", str, required='column = "..."')
        bounds = one.take(
            "bounds", tuple[float, ...], required="bounds = [50, 200]", check=_ascending
        )
        one.finish()
        if column is not None:
            uses.columns.append(((*path, "column"), column, f"the classes {name!r}"))
        made[name] = {"column": column or "", "bounds": bounds or ()}
    return made


def _ascending(bounds: tuple[float, ...]) -> str | None:
    if not bounds:
        return "'bounds' is empty"
    if not all(math.isfinite(bound) for bound in bounds):
        return f"'bounds' must be finite: {list(bounds)}"
    if any(a >= b for a, b in itertools.pairwise(bounds)):
        return f"'bounds' must ascend: {list(bounds)}"
    return None


def _encoding(name: str) -> str | None:
    try:
        "".encode(codecs.lookup(name).name)
    except LookupError:
        return f"{name!r} is no text encoding that Python knows"
    return None


def _not_blank(text: str) -> str | None:
    return None if text.strip() else "the file's name is empty"
