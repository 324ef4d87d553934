"""The JSON schema of ``[data]``, beside the code that reads it."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from typing import Any

from dpaudit.config.domain_table import CELL, COUNT
from dpaudit.model.dataset import Status
from dpaudit.model.hierarchy import ROOT
from dpaudit.model.spec import Assign

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
_CELL: Schema = {"type": ["string", "integer", "boolean"]}
_COLUMN: Schema = {"type": "string", "description": "a column of the data"}
_LABEL: Schema = {"type": "string", "pattern": r"\S"}


def table_of(properties: Schema, *, required: Sequence[str] = ()) -> Schema:
    """Return the schema of a table that has these keys and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def list_of(items: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def some(items: Schema, *, unique: bool = True) -> Schema:
    """Return the schema of a list that is not empty."""
    return {**list_of(items), "minItems": 1, "uniqueItems": unique}


def data_schema() -> Schema:
    """Return the schema of ``[data]``: one row for each entity, or one for each person."""
    group = {"anyOf": [TEXT, some(TEXT)]}
    level = {"type": "string", "not": {"const": ROOT}}
    attribute = {"type": "string", "not": {"enum": [CELL, COUNT]}}
    made = table_of(
        {
            "file": {"type": "string", "minLength": 1},
            "status": {"enum": list(typing.get_args(Status))},
            **dict.fromkeys(
                ("entity", "count", "label", "noun", "counted", "encoding", "sheet"), TEXT
            ),
            "also_counted": some(TEXT),
            "groups": {**list_of(group), "uniqueItems": True},
            "classes": _tables(_class()),
            "where": _tables({"anyOf": [_CELL, some(_CELL)]}),
            "derived": _tables(_derived()),
            "table": some(attribute),
            "domain": _tables(_attribute()),
            "levels": some(level),
            "parents": _parents(),
            "joined": _tables(_joined()),
        },
        required=["file", "status"],
    )
    return {
        **made,
        "if": {"required": ["table"]},
        "then": {
            "required": ["domain"],
            **_without("entity", "count", "also_counted", "label", "parents", "joined"),
        },
        "else": {"required": ["entity", "count"], **_without("domain")},
    }


def _tables(value: Schema) -> Schema:
    """Return the schema of a table whose keys are names."""
    return {"type": "object", "additionalProperties": value}


def _without(*keys: str) -> Schema:
    return {"properties": dict.fromkeys(keys, False)}


def _class() -> Schema:
    bounds = some({"type": "number"})
    shares = some({"type": "number", "exclusiveMinimum": 0, "maximum": 1})
    made = table_of(
        {"column": _COLUMN, "bounds": bounds, "share_of": _COLUMN}, required=["column", "bounds"]
    )
    return {
        **made,
        "if": {"required": ["share_of"]},
        "then": {"properties": {"bounds": shares}},
    }


def _derived() -> Schema:
    first = {"type": "integer", "minimum": 1, "description": "characters from the start"}
    return table_of({"column": _COLUMN, "first": first}, required=["column", "first"])


def _attribute() -> Schema:
    """Return the schema of one attribute: a list of values, bins of numbers, or labels."""
    rest = {"column": _COLUMN, "other": _LABEL, "missing": _LABEL}
    labels = {"type": "object", "additionalProperties": _CELL, "minProperties": 1}
    bins = {"bounds": some({"type": "number"}), "labels": some(_LABEL)}
    return {
        "anyOf": [
            some(_CELL),
            table_of({**rest, **bins}, required=["bounds"]),
            table_of({**rest, "values": {"anyOf": [some(_CELL), labels]}}, required=["values"]),
        ]
    }


def _joined() -> Schema:
    """Return the schema of a column that is taken over from other rows."""
    match = {"type": "object", "additionalProperties": _COLUMN, "minProperties": 1}
    where = _tables({"anyOf": [_CELL, some(_CELL)]})
    names = dict.fromkeys(("other", "encoding", "sheet"), TEXT)
    file = {"type": "string", "minLength": 1}
    keys = {"file": file, "column": _COLUMN, "match": match, "where": where, **names}
    return table_of(keys, required=["column", "match"])


def _parents() -> Schema:
    names = dict.fromkeys(("child", "parent", "level", "weight", "encoding", "sheet"), TEXT)
    made = table_of(
        {
            "file": {"type": "string", "minLength": 1},
            **names,
            "assign": {"enum": list(typing.get_args(Assign))},
            "other": _LABEL,
        },
        required=["file", "child", "parent", "level"],
    )
    largest = {"required": ["assign"], "properties": {"assign": {"const": "largest"}}}
    return {**made, "if": largest, "then": {"required": ["weight"]}, "else": _without("weight")}
