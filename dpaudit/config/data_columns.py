"""Checks every column that an audit file names against the header of the data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dpaudit.config.domain_table import COUNT
from dpaudit.data import distinct, header
from dpaudit.data.frame import NUMBER
from dpaudit.errors import DpauditError
from dpaudit.model.spec import DataSpec, JoinSpec, ParentsSpec
from dpaudit.values import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dpaudit.config.uses import Uses

MOST_SHOWN = 60
_FILE = ("file", "encoding", "sheet")


def check_columns(made: dict[str, Any], uses: Uses, base: Path) -> None:
    """Read the headers of the data and keep a fault for each column that is not there."""
    if "parents" in made:
        _check_parents(made["parents"], uses, base)
    columns = _header(made, uses, base)
    _check_domain(made, uses, base, columns or ())
    if columns is None:
        return
    level = made.get("parents", {}).get("level")
    stored = [*columns, *made.get("joined", {}), *([level] if level else [])]
    derived = made.get("derived", {})
    in_file = _reached(stored, derived)
    table = made.get("table", ())
    known = _reached([*table, COUNT], derived) if table else in_file
    noun = "table has no attribute" if table else "data have no column"
    for path, name, purpose in uses.columns:
        if name not in known:
            hint = suggest(name, known, noun="attributes" if table else "columns")
            uses.faults.add(path, f"the {noun} {name!r} (for {purpose})", hint)
    for path, name, purpose in uses.file_columns:
        _check_one(uses, path, name, in_file, purpose)
    _check_joins(made.get("joined", {}), uses, base, in_file)
    for name, rule in derived.items():
        path = ("data", "derived", name, "column")
        if rule["column"]:
            _check_one(uses, path, rule["column"], [*in_file, *known], f"the column {name!r}")
    _check_names(made, uses, columns)


def _check_one(uses: Uses, path: Any, name: str, known: Iterable[str], purpose: str) -> None:
    if name not in known:
        hint = suggest(name, dict.fromkeys(known), noun="columns")
        uses.faults.add(path, f"the data have no column {name!r} (for {purpose})", hint)


def _header(made: dict[str, Any], uses: Uses, base: Path) -> tuple[str, ...] | None:
    if "file" not in made:
        return None
    try:
        return header(_file(made), base, uses.registry)
    except DpauditError as error:
        uses.faults.add(("data", "file"), error.message, error.hint)
        return None


def _file(made: dict[str, Any]) -> DataSpec:
    named = {key: made[key] for key in _FILE if key in made}
    return DataSpec(status="public", entity="", count="", **named)


def _check_parents(parents: dict[str, Any], uses: Uses, base: Path) -> None:
    if "file" not in parents:
        return
    named = {key: parents[key] for key in _FILE if key in parents}
    try:
        spec = ParentsSpec(child="", parent="", level="", **named)
        columns = header(spec, base, uses.registry)
    except DpauditError as error:
        uses.faults.add(("data", "parents", "file"), error.message, error.hint)
        return
    for key in ("child", "parent", "weight"):
        name = parents.get(key)
        if name is not None and name not in columns:
            hint = suggest(name, columns, noun="columns")
            message = f"{spec.file} has no column {name!r} (for {key!r})"
            uses.faults.add(("data", "parents", key), message, hint)


def _check_joins(
    joins: dict[str, dict[str, Any]], uses: Uses, base: Path, known: list[str]
) -> None:
    for name, join in joins.items():
        for mine in join["match"]:
            path = ("data", "joined", name, "match", mine)
            _check_one(uses, path, mine, known, f"the column {name!r}")
        _check_joined(name, join, uses, base)


def _check_joined(name: str, join: dict[str, Any], uses: Uses, base: Path) -> None:
    """Keep a fault for each column that the other file of a join does not have."""
    path = ("data", "joined", name)
    if not join["file"]:
        return
    named = {key: join[key] for key in _FILE if key in join}
    try:
        columns = header(JoinSpec(column="", match={}, **named), base, uses.registry)
    except DpauditError as error:
        uses.faults.add((*path, "file") if "file" in join else path, error.message, error.hint)
        return
    wanted: list[tuple[Any, str]] = []
    wanted += [((*path, "column"), join["column"])] if join["column"] else []
    wanted += [((*path, "match", mine), theirs) for mine, theirs in join["match"].items()]
    wanted += [((*path, "where", column), column) for column in join["where"]]
    for place, column in wanted:
        if column not in columns:
            hint = suggest(column, columns, noun="columns")
            uses.faults.add(place, f"{join['file']} has no column {column!r}", hint)


def _check_domain(made: dict[str, Any], uses: Uses, base: Path, columns: tuple[str, ...]) -> None:
    """Keep a fault for each attribute without a domain: it never comes from the data."""
    for i, name in enumerate(made.get("table", ())):
        if name in made["domain"]:
            continue
        hint = f"add {name} = [...] to [data.domain], from the codebook and not from the data"
        if made.get("status") == "public" and name in columns:
            hint += _found(name, _file(made), base, uses)
        elif columns and name not in columns:
            hint = f'add {name} = {{ column = "...", values = {{ ... }} }} to [data.domain]'
        message = f"the domain of {name!r} is missing: which values may it take?"
        uses.faults.add(("data", "table", i), message, hint)


def _found(name: str, spec: DataSpec, base: Path, uses: Uses) -> str:
    """Return a line to paste, if it is short enough to be read."""
    try:
        cells = distinct(spec, base, uses.registry, name)
    except DpauditError:
        return ""  # what is wrong with the rows is told when they are read
    if len(cells) > MOST_SHOWN:
        numbers = all(NUMBER.fullmatch(one.strip()) for one in cells)
        bins = "; bounds = [...] would make bins of it" if numbers else ""
        return f"; the data have {len(cells):,} values{bins}"
    listed = ", ".join(json.dumps(one, ensure_ascii=False) for one in cells)
    return f"; the data have {name} = [{listed}]"


def _reached(columns: Iterable[str], derived: dict[str, Any]) -> list[str]:
    """Return the columns and those that can be derived from them."""
    known = dict.fromkeys(columns)
    for _ in derived:
        known |= dict.fromkeys(name for name, one in derived.items() if one["column"] in known)
    return list(known)


def _check_names(made: dict[str, Any], uses: Uses, columns: tuple[str, ...]) -> None:
    """Keep a fault for each new name that is a column already."""
    level = made.get("parents", {}).get("level")
    table = [*made.get("table", ()), *([COUNT] if made.get("table") else [])]
    taken = {*columns, *table}
    if level in taken and level != made.get("entity"):
        _taken(uses, ("data", "parents", "level"), level, "the level")
    taken.add(level)
    for kind, what in (("derived", "the derived column"), ("joined", "the joined column")):
        for name in made.get(kind, {}):
            if name in taken:
                _taken(uses, ("data", kind, name), name, what)
            taken.add(name)
    taken = {*(table or taken), *made.get("derived", {}), *made.get("joined", {})}
    for name in made.get("classes", {}):
        if name in taken:
            _taken(uses, ("data", "classes", name), name, "the classes")


def _taken(uses: Uses, path: Any, name: str, what: str) -> None:
    message = f"{name!r} is a column of the data already"
    uses.faults.add(path, message, f"give {what} another name")
