"""Reads the groupings and the classes of ``[data]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpaudit.config.cells import ascending, shares
from dpaudit.config.table import Faults, Table, given
from dpaudit.values import name_of

if TYPE_CHECKING:
    from dpaudit.config.uses import Uses
    from dpaudit.values import Steps


def read_groups(table: Table, uses: Uses, classes: dict[str, Any]) -> tuple[tuple[str, ...], ...]:
    """Return ``groups``, and note the columns that they name in ``uses``."""
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


def read_classes(table: Table, uses: Uses) -> dict[str, Any]:
    """Return ``[data.classes]``, and note the columns that they name in ``uses``."""
    inner = Table(table.faults, ("data", "classes"), table.raw("classes", {}))
    return {name: _class(table.faults, uses, name, value) for name, value in inner.rest().items()}


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


def _class(faults: Faults, uses: Uses, name: str, value: Any) -> dict[str, Any]:
    path = ("data", "classes", name)
    one = Table(faults, path, value)
    column = one.take("column", str, required='column = "..."')
    parent = one.take("share_of", str)
    bounds = one.take(
        "bounds",
        tuple[float, ...],
        required="bounds = [50, 200]",
        check=ascending if parent is None else shares,
    )
    one.finish()
    for key, named in given(column=column, share_of=parent).items():
        uses.columns.append(((*path, key), named, f"the classes {name!r}"))
    return given(column=column or "", bounds=bounds or (), share_of=parent)
