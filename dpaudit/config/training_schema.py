"""The JSON schema of ``[training]``, beside the code that reads it."""

from __future__ import annotations

import typing

from dpaudit.config.data_schema import TEXT, Schema, list_of, some, table_of
from dpaudit.model.dataset import Status
from dpaudit.model.training import Norm


def training_schema() -> Schema:
    """Return the schema of ``[training]``."""
    ends: Schema = {**list_of({"type": "number"}), "minItems": 2, "maxItems": 2}
    span: Schema = {"anyOf": [ends, table_of({"log": ends}, required=["log"])]}
    share: Schema = {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
    return table_of(
        {
            "file": {"type": "string", "minLength": 1},
            "status": {"enum": list(typing.get_args(Status))},
            "features": some(TEXT),
            "label": TEXT,
            "labels": some(TEXT),
            "label_range": span,
            "group": {"anyOf": [TEXT, some(TEXT)]},
            "classes": _tables(some({"type": "number"})),
            "ranges": _tables(span),
            "values": _tables(some(TEXT)),
            "norm": {"enum": list(typing.get_args(Norm))},
            "split": table_of({"test": share}, required=["test"]),
            "thin": _tables({"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
            "records": {"type": "integer", "minimum": 1},
            "reference": TEXT,
            "encoding": TEXT,
            "sheet": TEXT,
        },
        required=["file", "status", "features", "label", "group"],
    )


def _tables(value: Schema) -> Schema:
    """Return the schema of a table whose keys are columns."""
    return {"type": "object", "additionalProperties": value}
