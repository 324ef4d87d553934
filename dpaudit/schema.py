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
from typing import TYPE_CHECKING, Any, Literal, get_args

import attrs

from dpaudit.config.attack_tables import FEWEST_REPLICATES
from dpaudit.config.data_schema import TEXT, Schema, data_schema, list_of, table_of
from dpaudit.config.settings import LARGEST_SEED, MOST_ROWS
from dpaudit.config.training_schema import training_schema
from dpaudit.interfaces import KINDS, Kind, Plugin
from dpaudit.model.spec import (
    DEFAULT_MODELS,
    DEFAULT_SECTIONS,
    FEWEST_MODELS,
    FORMATS,
    MOST_MODELS,
    Game,
    Neighbours,
)
from dpaudit.model.training import DEFAULT_REPLICATES
from dpaudit.parameters import Parameter, parameters
from dpaudit.values import members, source

if TYPE_CHECKING:
    from dpaudit.registry import Registry

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_SIMPLE: Mapping[Any, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: TEXT,
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
        **table_of(
            {
                "title": TEXT,
                "plugins": list_of(TEXT),
                "data": data_schema(),
                "training": training_schema(),
                "run": _run(),
                "release": list_of({"$ref": "#/$defs/release"}),
                "decision": list_of({"$ref": "#/$defs/decision"}),
                "audit": list_of({"$ref": "#/$defs/audit"}),
                **{kind: list_of({"$ref": f"#/$defs/{kind}"}) for kind in tables},
                "report": _report(registry),
                "public": _public(),
            },
        ),
        "anyOf": [{"required": ["data", "release"]}, {"required": ["training", "learner"]}],
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
        **table_of(
            {
                "use": {"const": cls.name},
                **_own_keys(cls),
                **{name: _parameter(parameter) for name, parameter in known.items()},
            },
            required=[
                "use",
                *(["game"] if cls.kind == "attack" else []),
                *(name for name, one in known.items() if one.required),
            ],
        ),
    }


def _own_keys(cls: type[Plugin]) -> Schema:
    """Return the keys of a table that are the audit file's, not the plug-in's."""
    kind = cls.kind
    if kind in {"mechanism", "postprocessor"}:
        return {}
    wanted = {"enum": ["any entity", "any group", "total"]}
    replicates = {"type": "integer", "minimum": 1, "default": DEFAULT_REPLICATES}
    own: dict[str, Schema] = {
        "decision": {"count": TEXT, "output": list_of({"$ref": "#/$defs/postprocessor"})},
        "audit": {
            "fail_if": table_of({"over": {"type": "number"}, "for": wanted}, required=["over"])
        },
        "mitigation": {"releases": list_of(TEXT)},
        "learner": {"replicates": replicates, "against": TEXT},
        "attack": _attack_keys(cls),
    }
    return {"name": TEXT, **own.get(kind, {})}


def _attack_keys(cls: type[Plugin]) -> Schema:
    """Return the keys of ``[[attack]]``, which are others for an attack on models."""
    played = [game for game in get_args(Game) if game in getattr(cls, "games", ())]
    games: Schema = {"game": {"enum": played}}
    if getattr(cls, "of", "tables") == "models":
        models = {"minimum": FEWEST_MODELS, "maximum": MOST_MODELS, "default": DEFAULT_MODELS}
        replicates = {"type": "integer", "multipleOf": 2, **models}
        return {**games, "learners": list_of(TEXT), "replicates": replicates}
    least = {"type": "integer", "minimum": FEWEST_REPLICATES}
    return {**games, "candidates": TEXT, "releases": list_of(TEXT), "replicates": least}


def _parameter(parameter: Parameter) -> Schema:
    one = {**_type(parameter.type), **_limits(parameter.field.validator)}
    if "anyOf" not in one:
        made = one
    else:
        made = {"anyOf": [_limited(member, one) for member in one["anyOf"]]}
    if parameter.is_scalar:
        made = {"anyOf": [made, {**list_of(made), "minItems": 1}]}
    default = parameter.default
    plain = default is not None and isinstance(default, str | int | float | bool)
    plain = plain and not (isinstance(default, float) and math.isinf(default))
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
    if source(only) == "rules":
        return {**list_of(TEXT), "description": "names of decisions"}
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
        return list_of(_type(inner[0]))
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


def _release() -> Schema:
    return table_of(
        {
            "name": TEXT,
            "mechanism": {"$ref": "#/$defs/mechanism"},
            "neighbours": {"enum": list(typing.get_args(Neighbours))},
            "postprocess": list_of({"$ref": "#/$defs/postprocessor"}),
            "earlier": list_of(_earlier()),
        },
        required=["mechanism", "neighbours"],
    )


def _earlier() -> Schema:
    budget: Schema = {"type": "number", "exclusiveMinimum": 0}
    delta: Schema = {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
    made = table_of(
        {"what": TEXT, "epsilon": budget, "delta": delta, "rho": budget}, required=["what"]
    )
    return {**made, "oneOf": [{"required": ["epsilon"]}, {"required": ["rho"]}]}


def _run() -> Schema:
    return table_of(
        {
            "seed": {"type": "integer", "minimum": 0, "maximum": LARGEST_SEED, "default": 0},
            "draws": {"type": "integer", "minimum": 2, "default": 2000},
            "confidence": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            "time_limit": {"type": "number", "exclusiveMinimum": 0},
        }
    )


def _public() -> Schema:
    """Return the schema of ``[public]``; its data have the keys of ``[data]``."""
    keys = {k: v for k, v in data_schema()["properties"].items() if k != "status"}
    point = {"type": "object", "additionalProperties": {"type": "number"}}
    bootstrap = {"type": "integer", "minimum": 2, "default": 20}
    release = {**keys, "made_by": TEXT, "at": point, "bootstrap": bootstrap}
    return table_of(
        {
            "proxy": table_of(keys, required=["file"]),
            "release": table_of(release, required=["file", "made_by"]),
            "dp": table_of(
                {"epsilon": {"type": "number", "exclusiveMinimum": 0}}, required=["epsilon"]
            ),
        }
    )


def _report(registry: Registry) -> Schema:
    extra = registry.manager.hook.dpaudit_sections.get_hookimpls()
    section = TEXT if extra else {"enum": list(DEFAULT_SECTIONS)}
    foreign = registry.formats()
    formats = TEXT if foreign is None else {"enum": [*FORMATS, *sorted(foreign)]}
    return table_of(
        {
            "organisation": TEXT,
            "formats": {**list_of(formats), "minItems": 1, "uniqueItems": True},
            "language": {"enum": ["en", "es"]},
            "sections": {**list_of(section), "minItems": 1, "uniqueItems": True},
            "rows_per_table": {"type": "integer", "minimum": 1, "maximum": MOST_ROWS},
            "date": {"type": "string", "format": "date"},
            "map": {
                **table_of(
                    {"file": TEXT, "tiles": {"enum": ["us-states"]}, "over": TEXT, "id": TEXT}
                ),
                "oneOf": [{"required": ["file"]}, {"required": ["tiles"]}],
            },
        }
    )
