"""Reads the levels, parents and derived columns of ``[data]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpaudit.config.cells import cell, cells, readable
from dpaudit.config.encoding import known_encoding, not_blank
from dpaudit.config.table import Table, given
from dpaudit.model.hierarchy import ROOT
from dpaudit.model.spec import Assign

if TYPE_CHECKING:
    from dpaudit.config.uses import Uses

_CHILD = 'child = "..." (its column of identifiers)'
_PARENT = 'parent = "..." (its column of nodes)'
_MATCH = 'match = { MINE = "THEIRS" } (columns that hold the same cells)'
_LEVEL = 'level = "..." (what the nodes are called, as in "county")'


def read_levels(table: Table, uses: Uses, entity: str | None) -> tuple[str, ...]:
    """Return ``levels``, coarsest first, and note the columns that they name in ``uses``."""
    levels: tuple[str, ...] = table.take("levels", tuple[str, ...], check=_some) or ()
    for i, level in enumerate(levels):
        path = ("data", "levels", i)
        if level in levels[:i]:
            uses.faults.add(path, f"the level {level!r} stands twice", "remove one of them")
        elif level == entity and i < len(levels) - 1:
            hint = "write the levels from the coarsest to the entities"
            uses.faults.add(path, f"{level!r} are the entities: the level comes last", hint)
        elif level == ROOT:
            uses.faults.add(path, f"{ROOT!r} is the root of every tree", "leave it out")
        elif level != entity:
            uses.columns.append((path, level, "a level"))
    return levels


def read_parents(table: Table, entity: str | None, *, is_table: bool) -> dict[str, Any] | None:
    """Return ``parents``, if the file has any."""
    found = table.raw("parents")
    if found is None:
        return None
    one = Table(table.faults, ("data", "parents"), found)
    made = given(
        file=one.take("file", str, required='file = "..."', check=not_blank),
        child=one.take("child", str, required=_CHILD),
        parent=one.take("parent", str, required=_PARENT),
        level=one.take("level", str, required=_LEVEL, check=readable),
        assign=one.take("assign", Assign),
        weight=one.take("weight", str),
        other=one.take("other", str, check=readable),
        encoding=one.take("encoding", str, check=known_encoding),
        sheet=one.take("sheet", str),
    )
    one.finish()
    _check_weight(one, made)
    if made.get("level") in {entity, ROOT}:
        one.fault("level", f"the name {made['level']!r} is taken in every tree", "choose another")
    if is_table:
        hint = "levels = [...] may name attributes of the table"
        table.fault("parents", "the cells of a table have no parents in another file", hint)
    return made


def read_derived(table: Table) -> dict[str, Any]:
    """Return ``[data.derived]``."""
    inner = Table(table.faults, ("data", "derived"), table.raw("derived", {}))
    made: dict[str, Any] = {}
    for name, value in inner.rest().items():
        one = Table(table.faults, (*inner.path, name), value)
        column = one.take("column", str, required='column = "..."')
        first = one.take("first", int, required="first = 2 (characters)", check=_positive)
        one.finish()
        made[name] = {"column": column or "", "first": first or 1}
    return made


def read_joined(table: Table) -> dict[str, Any]:
    """Return ``[data.joined]``; a join without a file is with other rows of the same one."""
    inner = Table(table.faults, ("data", "joined"), table.raw("joined", {}))
    made: dict[str, Any] = {}
    for name, value in inner.rest().items():
        one = Table(table.faults, (*inner.path, name), value)
        same = table.values.get("file", "")
        made[name] = given(
            file=one.take("file", str, check=not_blank) or same,
            column=one.take("column", str, required='column = "..." (what is taken over)') or "",
            match=one.take("match", dict[str, str], required=_MATCH, check=_any) or {},
            where=read_where(one),
            other=one.take("other", str),
            encoding=one.take("encoding", str, check=known_encoding),
            sheet=one.take("sheet", str),
        )
        one.finish()
    return made


def read_where(table: Table) -> dict[str, tuple[str, ...]]:
    """Return ``where``: the cells that rows must have, by column."""
    inner = Table(table.faults, (*table.path, "where"), table.raw("where", {}))
    made: dict[str, tuple[str, ...]] = {}
    for name, value in inner.rest().items():
        path = (*inner.path, name)
        if isinstance(value, list):
            made[name] = cells(table.faults, path, value)
        else:
            only = cell(table.faults, path, value)
            made[name] = () if only is None else (only,)
    return made


def _any(match: dict[str, str]) -> str | None:
    return None if match else "'match' is empty"


def _check_weight(one: Table, made: dict[str, Any]) -> None:
    if made.get("assign") == "largest" and "weight" not in made:
        hint = 'add weight = "..." (a column of that file)'
        one.fault("assign", "the largest needs a weight to compare", hint)
    if made.get("assign") != "largest" and "weight" in made:
        one.fault("weight", "nothing compares this weight", 'add assign = "largest"')


def _positive(first: int) -> str | None:
    return None if first >= 1 else f"'first' must be 1 or more: {first}"


def _some(levels: tuple[str, ...]) -> str | None:
    return None if levels else "'levels' is empty"
