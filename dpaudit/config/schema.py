"""A JSON schema of the audit file that knows the installed plug-ins, for editors."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from typing import Any, Literal

import attrs

from dpaudit.interfaces import KINDS, Kind
from dpaudit.model.spec import FailIf, ReportSpec, RunSpec
from dpaudit.parameters import parameters
from dpaudit.registry import Registry
from dpaudit.values import source

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
_SIMPLE: Mapping[Any, str] = {bool: "boolean", int: "integer", float: "number", str: "string"}


def schema(registry: Registry) -> Schema:
    """Return the JSON schema (draft 2020-12) of an audit file.

    Parameters
    ----------
    registry
        The plug-ins that ``use`` may name.
    """
    use = {kind: {"$ref": f"#/$defs/{kind}"} for kind in KINDS}
    steps = {"type": "array", "items": use["postprocessor"]}
    release = _object(
        {
            "name": TEXT,
            "mechanism": use["mechanism"],
            "neighbours": {"enum": ["add-remove", "replace"]},
            "postprocess": steps,
        },
        required=("name", "mechanism", "neighbours"),
    )
    tables: Schema = {str(kind): {"type": "array", "items": use[kind]} for kind in KINDS[2:]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Audit file of dpaudit",
        **_object(
            {
                "title": TEXT,
                "plugins": {"type": "array", "items": TEXT},
                "data": _data(),
                "run": _object(_fields(RunSpec)),
                "report": _object(_fields(ReportSpec)),
                "release": {"type": "array", "items": release},
                **tables,
            },
            required=("data",),
        ),
        "$defs": {kind: _use(registry, kind) for kind in KINDS},
    }


def _data() -> Schema:
    texts = {"type": "array", "items": TEXT}
    bounds = {"type": "array", "items": {"type": "number"}}
    names = ("file", "entity", "count", "label", "encoding", "sheet")
    return _object(
        {
            **dict.fromkeys(names, TEXT),
            "status": {"enum": ["public", "confidential"]},
            "groups": {"type": "array", "items": {"anyOf": [TEXT, texts]}},
            "classes": {
                "type": "object",
                "additionalProperties": _object(
                    {"column": TEXT, "bounds": bounds}, required=("column", "bounds")
                ),
            },
        },
        required=("file", "status", "entity", "count"),
    )


def _use(registry: Registry, kind: Kind) -> Schema:
    """Return the table that names a plug-in: each has its own parameters."""
    own: Schema = {"name": TEXT} if kind not in {"mechanism", "postprocessor"} else {}
    if kind == "decision":
        own["output"] = {"type": "array", "items": {"$ref": "#/$defs/postprocessor"}}
    if kind == "audit":
        own["fail_if"] = _fail_if()
    names = registry.names(kind)
    variants = [
        _object(
            {"use": {"const": name}, **own, **_parameters(registry, kind, name)},
            required=("use", *_required(registry, kind, name)),
        )
        for name in names
    ]
    # A plug-in file beside the audit file may bring names that are not known here.
    unknown = {
        "type": "object",
        "required": ["use"],
        "properties": {"use": {"type": "string", "not": {"enum": list(names)}}},
    }
    return {"anyOf": [*variants, unknown]}


def _parameters(registry: Registry, kind: Kind, name: str) -> Schema:
    found = parameters(registry.get(kind, name))
    hidden = {"neighbours"} if kind == "mechanism" else set()
    return {
        key: _swept(_type(parameter.type)) if kind == "mechanism" else _type(parameter.type)
        for key, parameter in found.items()
        if key not in hidden
    }


def _required(registry: Registry, kind: Kind, name: str) -> tuple[str, ...]:
    found = parameters(registry.get(kind, name))
    return tuple(key for key, parameter in found.items() if parameter.default is attrs.NOTHING)


def _swept(single: Schema) -> Schema:
    """Return a parameter that may also be a list of values."""
    if single.get("type") not in {"number", "integer"}:
        return single
    return {"anyOf": [single, {"type": "array", "items": single, "minItems": 1}]}


def _fail_if() -> Schema:
    scope = typing.get_type_hints(FailIf)["for_"]
    return _object({"over": {"type": "number"}, "for": _type(scope)}, required=("over",))


def _fields(cls: type[Any]) -> Schema:
    return {name: _type(wanted) for name, wanted in typing.get_type_hints(cls).items()}


def _object(properties: Mapping[str, Any], *, required: tuple[str, ...] = ()) -> Schema:
    found: Schema = {"type": "object", "properties": dict(properties)}
    if required:
        found["required"] = list(required)
    return {**found, "additionalProperties": False}


def _type(wanted: Any) -> Schema:  # noqa: PLR0911 - one for each kind of type
    """Return the schema of one annotation; an unknown one takes anything."""
    if source(wanted) == "column":
        return TEXT
    if source(wanted) == "total":
        return {"type": "number"}
    if wanted in _SIMPLE:
        return {"type": _SIMPLE[wanted]}
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in {typing.Union, types.UnionType}:
        return {"anyOf": [_type(each) for each in arguments if each is not type(None)]}
    if origin in {tuple, list}:
        return {"type": "array", "items": _type(arguments[0])}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _type(arguments[1])}
    return {}
