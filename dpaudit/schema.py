"""A JSON schema (2020-12) of the audit file that knows the installed plug-ins.

Editors use it to complete keys and to underline mistakes. It says less than
:func:`dpaudit.config.check`, which also knows the data and what the validators of plug-ins
check beyond bounds and choices.
"""

from __future__ import annotations

import enum
import inspect
import math
import operator
import typing
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import attrs

from dpaudit.config.settings import LARGEST_SEED, MOST_ROWS
from dpaudit.interfaces import KINDS, Kind, Plugin
from dpaudit.model.dataset import Status
from dpaudit.model.spec import DEFAULT_SECTIONS, Format, Neighbours
from dpaudit.parameters import Parameter, parameters
from dpaudit.values import members, source

if TYPE_CHECKING:
    from dpaudit.registry import Registry

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_SIMPLE: Mapping[Any, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: _TEXT,
    type(None): {"type": "null"},
}
_BOUNDS = {
    operator.gt: "exclusiveMinimum",
    operator.ge: "minimum",
    operator.lt: "exclusiveMaximum",
    operator.le: "maximum",
}


def json_schema(registry: Registry) -> Schema:
    """Return the schema of audit files for the plug-ins of ``registry``.

    Raises
    ------
    PluginError
        If two plug-ins of a kind have one name.
    """
    tables = ("mitigation", "attack", "learner")
    return {
        "$schema": DIALECT,
        "title": "dpaudit audit file",
        **_table(
            {
                "title": _TEXT,
                "plugins": _list(_TEXT),
                "data": _data(),
                "run": _run(),
                "release": _list({"$ref": "#/$defs/release"}),
                "decision": _list({"$ref": "#/$defs/decision"}),
                "audit": _list({"$ref": "#/$defs/audit"}),
                **{kind: _list({"$ref": f"#/$defs/{kind}"}) for kind in tables},
                "report": _report(registry),
            },
            required=["data"],
        ),
        "anyOf": [{"required": ["release"]}, {"required": ["learner"]}],
        "$defs": {
            "release": _release(),
            **{kind: _kind(registry, kind) for kind in KINDS},
        },
    }


def _kind(registry: Registry, kind: Kind) -> Schema:
    """Return the schema of a table that names a plug-in: its parameters follow from ``use``."""
    known = registry.all(kind)
    made: Schema = {
        "type": "object",
        "required": ["use"],
        "properties": {"use": {"enum": list(known)}},
    }
    cases = [
        {
            "if": {"required": ["use"], "properties": {"use": {"const": name}}},
            "then": _plugin(cls),
        }
        for name, cls in known.items()
    ]
    return {**made, "allOf": cases} if cases else made


def _plugin(cls: type[Plugin]) -> Schema:
    known = {
        name: parameter
        for name, parameter in parameters(cls).items()
        if cls.kind != "mechanism" or name != "neighbours"
    }
    return {
        "description": inspect.cleandoc(cls.__doc__ or ""),
        **_table(
            {
                "use": {"const": cls.name},
                **_own_keys(cls.kind),
                **{name: _parameter(parameter) for name, parameter in known.items()},
            },
            required=["use", *(name for name, one in known.items() if one.required)],
        ),
    }


def _own_keys(kind: Kind) -> Schema:
    """Return the keys of a table that are the audit file's, not the plug-in's."""
    if kind in {"mechanism", "postprocessor"}:
        return {}
    if kind == "decision":
        return {"name": _TEXT, "output": _list({"$ref": "#/$defs/postprocessor"})}
    if kind == "audit":
        wanted = {"enum": ["any entity", "any group", "total"]}
        fail_if = _table({"over": {"type": "number"}, "for": wanted}, required=["over"])
        return {"name": _TEXT, "fail_if": fail_if}
    return {"name": _TEXT}


def _parameter(parameter: Parameter) -> Schema:
    one = {**_type(parameter.type), **_limits(parameter.field.validator)}
    if "anyOf" not in one:
        made = one
    else:
        made = {"anyOf": [_limited(member, one) for member in one["anyOf"]]}
    if parameter.is_scalar:
        made = {"anyOf": [made, {**_list(made), "minItems": 1}]}
    default = parameter.default
    plain = default is not None and isinstance(default, str | int | float | bool)
    return {**made, "default": default} if plain else made


def _limited(member: Schema, whole: Schema) -> Schema:
    limits = {key: value for key, value in whole.items() if key in _BOUNDS.values()}
    return {**member, **limits} if member.get("type") in {"number", "integer"} else member


def _type(wanted: Any) -> Schema:  # noqa: PLR0911 (one line for each type)
    alternatives = [m for m in members(wanted) if m is not type(None)]
    if len(alternatives) > 1:
        return {"anyOf": [_type(member) for member in alternatives]}
    only = alternatives[0] if alternatives else wanted
    origin, inner = typing.get_origin(only), typing.get_args(only)
    if source(only) == "column":
        return {"type": "string", "description": "a column of the data"}
    if hasattr(only, "__metadata__"):
        return _type(inner[0])
    if origin is Literal:
        return {"enum": list(inner)}
    if isinstance(only, type) and issubclass(only, enum.Enum):
        return {"enum": [member.value for member in only]}
    if origin in {tuple, list, Sequence}:
        if origin is tuple and inner[-1:] != (...,):
            fixed = [_type(item) for item in inner]
            return {"type": "array", "prefixItems": fixed, "minItems": len(fixed), "items": False}
        return _list(_type(inner[0]))
    if origin in {dict, Mapping}:
        return {"type": "object", "additionalProperties": _type(inner[1])}
    return dict(_SIMPLE.get(only, {}))


def _limits(validator: Any) -> Schema:
    """Return the bounds and choices that attrs' own validators check."""
    inner = getattr(validator, "_validators", None)
    if inner is not None:
        found: Schema = {}
        for one in inner:
            found |= _limits(one)
        return found
    bound, compare = getattr(validator, "bound", None), getattr(validator, "compare_func", None)
    if compare in _BOUNDS and isinstance(bound, int | float) and math.isfinite(bound):
        return {_BOUNDS[compare]: bound}
    wrapped = getattr(validator, "validator", None)
    return _limits(wrapped) if attrs.has(type(validator)) and wrapped is not None else {}


def _table(properties: Schema, *, required: Sequence[str] = ()) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _release() -> Schema:
    return _table(
        {
            "name": _TEXT,
            "mechanism": {"$ref": "#/$defs/mechanism"},
            "neighbours": {"enum": list(typing.get_args(Neighbours))},
            "postprocess": _list({"$ref": "#/$defs/postprocessor"}),
        },
        required=["mechanism", "neighbours"],
    )


def _data() -> Schema:
    classes = _table(
        {"column": _TEXT, "bounds": {**_list({"type": "number"}), "minItems": 1}},
        required=["column", "bounds"],
    )
    group = {"anyOf": [_TEXT, {**_list(_TEXT), "minItems": 1, "uniqueItems": True}]}
    return _table(
        {
            "file": {"type": "string", "minLength": 1},
            "status": {"enum": list(typing.get_args(Status))},
            **dict.fromkeys(("entity", "count", "label", "encoding", "sheet"), _TEXT),
            "groups": {**_list(group), "uniqueItems": True},
            "classes": {"type": "object", "additionalProperties": classes},
        },
        required=["file", "status", "entity", "count"],
    )


def _run() -> Schema:
    return _table(
        {
            "seed": {"type": "integer", "minimum": 0, "maximum": LARGEST_SEED, "default": 0},
            "draws": {"type": "integer", "minimum": 2, "default": 2000},
            "confidence": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            "time_limit": {"type": "number", "exclusiveMinimum": 0},
        }
    )


def _report(registry: Registry) -> Schema:
    extra = registry.manager.hook.dpaudit_sections.get_hookimpls()
    section = _TEXT if extra else {"enum": list(DEFAULT_SECTIONS)}
    formats = {"enum": list(typing.get_args(Format))}
    return _table(
        {
            "organisation": _TEXT,
            "formats": {**_list(formats), "minItems": 1, "uniqueItems": True},
            "language": {"enum": ["en"]},
            "sections": {**_list(section), "minItems": 1, "uniqueItems": True},
            "rows_per_table": {"type": "integer", "minimum": 1, "maximum": MOST_ROWS},
            "date": {"type": "string", "format": "date"},
        }
    )
