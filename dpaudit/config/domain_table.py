"""Reads the table that microdata become: ``table`` and ``[data.domain]``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dpaudit.config.cells import ascending, cell, cells, readable
from dpaudit.config.table import Faults, Table, given
from dpaudit.data.groups import class_labels
from dpaudit.data.tabulate import BETWEEN
from dpaudit.values import name_of, suggest

if TYPE_CHECKING:
    from dpaudit.config.uses import Uses
    from dpaudit.values import Steps

CELL, COUNT = "cell", "count"
"""What the entities of a table and their column of counts are called."""
MOST_CELLS = 1_000_000
LONGEST = 300
"""Characters of a cell's identifier."""

_REFUSED = {
    "entity": "the entities of a table are its cells",
    "count": "the counts of a table are persons: one record each",
    "label": "the cells of a table are called by the labels of their attributes",
    "weight": "weighted tables are not supported: each record counts as one person",
}


def read_table(table: Table) -> tuple[str, ...]:
    """Return the attributes of the table, none where the file has a row for each entity."""
    if "table" not in table.values:
        return ()
    names: tuple[str, ...] = table.take("table", tuple[str, ...], check=_some) or ()
    for key, why in _REFUSED.items():
        if key in table.values:
            table.fault(key, why, f"remove {key!r}")
            table.raw(key)
    for i, name in enumerate(names):
        path = ("data", "table", i)
        if name in names[:i]:
            table.faults.add(path, f"the attribute {name!r} stands twice", "remove one of them")
        elif name in {CELL, COUNT}:
            hint = 'name it otherwise and give it column = "..." in [data.domain]'
            table.faults.add(path, f"the name {name!r} is taken in every table", hint)
    return names


def read_domain(table: Table, uses: Uses, names: tuple[str, ...]) -> dict[str, Any]:
    """Return ``[data.domain]``, and note the columns of the file that it names in ``uses``."""
    if "domain" not in table.values:
        return {}
    if not names and "table" not in table.known:
        table.fault("domain", "a domain belongs to a table", 'add table = ["..."] to [data]')
    inner = Table(table.faults, ("data", "domain"), table.raw("domain"))
    made: dict[str, Any] = {}
    for name, value in inner.rest().items():
        if names and name not in names:
            hint = suggest(name, names, noun="attributes")
            inner.fault(name, f"the table has no attribute {name!r}", hint)
        path = ("data", "domain", name)
        made[name] = _attribute(table.faults, path, name, value)
        place = (*path, "column") if made[name]["column"] != name else path
        uses.file_columns.append((place, made[name]["column"], f"the attribute {name!r}"))
    _check_size(table, [made[name]["labels"] for name in names if name in made])
    return made


def _attribute(faults: Faults, path: Steps, name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        listed = cells(faults, path, value)
        made: dict[str, Any] = {"labels": listed, "values": {one: one for one in listed}}
        _check_labels(faults, path, listed)
        return {"column": name, **made}
    one = Table(faults, path, value)
    if not one.is_table:
        return {"column": name, "labels": ()}
    column = one.take("column", str)
    rest = given(other=one.take("other", str), missing=one.take("missing", str))
    if ("bounds" in one.values) == ("values" in one.values):
        hint = "add bounds = [...] (bins of numbers) or values = { ... } (labels of values)"
        faults.add(path, f"the attribute {name!r} needs 'bounds' or 'values', not both", hint)
    made = _bins(one) if "bounds" in one.values else _recoded(one)
    one.finish()
    labels = tuple(dict.fromkeys([*made["labels"], *rest.values()]))
    _check_labels(faults, path, labels)
    return {"column": column or name, **made, "labels": labels, **rest}


def _bins(one: Table) -> dict[str, Any]:
    bounds: tuple[float, ...] = one.take("bounds", tuple[float, ...], check=ascending) or ()
    labels: tuple[str, ...] | None = one.take("labels", tuple[str, ...])
    if not bounds:
        return {"labels": ()}
    if labels is None:
        whole = all(bound.is_integer() for bound in bounds)
        return {"labels": class_labels(bounds, whole=whole), "bounds": bounds, "whole": whole}
    if len(labels) not in {len(bounds), len(bounds) + 1}:
        message = f"{len(labels)} labels for the bounds {list(bounds)}"
        hint = "give each bound the label of the bin above it, and one first for what is below all"
        one.fault("labels", message, hint)
    if len(set(labels)) != len(labels):
        one.fault("labels", "two bins have one label", "give each bin a label of its own")
    return {"labels": labels, "bounds": bounds, "is_closed": len(labels) == len(bounds)}


def _recoded(one: Table) -> dict[str, Any]:
    found = one.raw("values", {})
    path = (*one.path, "values")
    if isinstance(found, list):
        listed = cells(one.faults, path, found)
        return {"labels": listed, "values": {value: value for value in listed}}
    if not isinstance(found, Mapping):
        message = f"expected a table or a list, not {name_of(found)}"
        one.fault("values", message, 'write values = { "1" = "White", "2" = "Black" }')
        return {"labels": ()}
    read = {key: cell(one.faults, (*path, key), label) for key, label in found.items()}
    values = {key: label for key, label in read.items() if label is not None}
    return {"labels": tuple(dict.fromkeys(values.values())), "values": values}


def _check_labels(faults: Faults, path: Steps, labels: tuple[str, ...]) -> None:
    for label in labels:
        complaint = readable(label)
        if complaint is not None:
            faults.add(path, complaint, "give every value a label that a report can print")
        elif BETWEEN in label:
            hint = "labels are joined by it to name a cell: write them without"
            faults.add(path, f"the label {label!r} contains {BETWEEN!r}", hint)


def _check_size(table: Table, domain: list[tuple[str, ...]]) -> None:
    size = math.prod(len(labels) for labels in domain)
    if size > MOST_CELLS:
        message = f"the table has {size:,} cells, more than {MOST_CELLS:,}"
        table.fault("domain", message, "leave out an attribute, or join values under one label")
    if not all(domain):
        return
    longest = sum(max(map(len, labels)) for labels in domain) + len(BETWEEN) * (len(domain) - 1)
    if longest > LONGEST:
        message = f"the name of a cell would have {longest} characters, more than {LONGEST}"
        table.fault("domain", message, "shorten the labels")


def _some(names: tuple[str, ...]) -> str | None:
    return None if names else "'table' is empty"
