"""Reads ``[data]``: where the true counts stand, and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpaudit.config.cells import readable
from dpaudit.config.domain_table import CELL, COUNT, read_domain, read_table
from dpaudit.config.encoding import known_encoding, not_blank
from dpaudit.config.groups_table import read_classes, read_groups
from dpaudit.config.table import Table, given
from dpaudit.config.tree_table import (
    read_derived,
    read_joined,
    read_levels,
    read_parents,
    read_where,
)
from dpaudit.model.dataset import Status
from dpaudit.model.spec import true_counts

if TYPE_CHECKING:
    from dpaudit.config.uses import Uses

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
    is_table = "table" in table.values
    joined = read_joined(table)
    made = given(
        file=table.take("file", str, required='file = "..."', check=not_blank),
        status=table.take("status", Status, required=_STATUS),
        encoding=table.take("encoding", str, check=known_encoding),
        sheet=table.take("sheet", str),
    )
    made |= _cells(table, uses) if is_table else _rows(table, uses)
    made |= given(
        noun=table.take("noun", str, check=readable),
        counted=table.take("counted", str, check=readable),
    )
    entity = made.get("entity")
    made["where"] = _where(table, uses)
    made["derived"] = read_derived(table)
    made["joined"] = joined
    if is_table and joined:
        table.fault("joined", "the cells of a table have no columns in another file")
    made["classes"] = read_classes(table, uses)
    made["groups"] = read_groups(table, uses, made["classes"])
    made["levels"] = read_levels(table, uses, entity)
    made |= given(parents=read_parents(table, entity, is_table=is_table))
    table.finish()
    _refuse_counts(made, uses)
    return made


def _rows(table: Table, uses: Uses) -> dict[str, Any]:
    """Return the keys of a file that has a row for each entity."""
    made = given(
        entity=table.take("entity", str, required='entity = "..." (the column of identifiers)'),
        count=table.take("count", str, required='count = "..." (the column of true counts)'),
        label=table.take("label", str),
    )
    for key, column in made.items():
        uses.columns.append((("data", key), column, f"{key!r}"))
    also = _also_counted(table, uses, made.get("count"))
    made["also_counted"] = also
    read_domain(table, uses, ())
    # Suggested for a misspelt key.
    table.known += ["table", "domain"]
    return made


def _also_counted(table: Table, uses: Uses, count: str | None) -> tuple[str, ...]:
    """Return the columns of further counts, each named once."""
    made: tuple[str, ...] = table.take("also_counted", tuple[str, ...]) or ()
    for i, column in enumerate(made):
        path = ("data", "also_counted", i)
        uses.columns.append((path, column, "'also_counted'"))
        if column == count or column in made[:i]:
            table.faults.add(path, f"{column!r} is counted twice", "name each count once")
    return made


def _cells(table: Table, uses: Uses) -> dict[str, Any]:
    """Return the keys of a file that has a row for each person."""
    names = read_table(table)
    domain = read_domain(table, uses, names)
    return {"entity": CELL, "count": COUNT, "table": names, "domain": domain}


def _refuse_counts(made: dict[str, Any], uses: Uses) -> None:
    """Keep a fault for each label that is made of the true counts: labels are public."""
    labels = [
        (path, name, purpose)
        for path, name, purpose in uses.columns
        if path[1] in {"label", "groups", "levels"} or path[-1] == "share_of"
    ]
    for name, rule in made["derived"].items():
        labels.append((("data", "derived", name, "column"), rule["column"], f"the column {name!r}"))
    named = [name for name in (made.get("count"), *made.get("also_counted", ())) if name]
    joined = {name: (join["file"], join["column"]) for name, join in made["joined"].items()}
    counts = true_counts(named, made.get("file", ""), joined)
    for path, name, purpose in labels:
        if name in counts:
            message = f"{name!r} are the true counts, which are no labels (for {purpose})"
            uses.faults.add(path, message, "classes of counts by size go into [data.classes]")


def _where(table: Table, uses: Uses) -> dict[str, tuple[str, ...]]:
    made = read_where(table)
    for name in made:
        uses.file_columns.append((("data", "where", name), name, "the filter"))
    return made
