"""Specs as JSON and back, through cattrs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePath
from typing import Any

import cattrs
from cattrs.gen import make_dict_structure_fn, override

from dpaudit.errors import SpecError
from dpaudit.model.spec import PluginUse, Spec


def to_json(spec: Spec) -> str:
    """Return a spec as JSON text."""
    return json.dumps(_converter().unstructure(spec), ensure_ascii=False)


def from_json(text: str) -> Spec:
    """Return the spec that :func:`to_json` wrote.

    Raises
    ------
    SpecError
        If the text is not JSON, or has keys or values that a spec has not.
    """
    try:
        return structure(json.loads(text))
    except (ValueError, cattrs.BaseValidationError) as error:
        faults = cattrs.transform_error(error) if _is_tree(error) else [str(error)]
        raise SpecError(
            f"not a spec: {'; '.join(faults)}",
            hint="give what dpaudit wrote: dpaudit.load reads an audit file",
        ) from error


def structure(tree: Mapping[str, Any]) -> Spec:
    """Return the spec of a plain tree: mappings, lists, text and numbers."""
    return _converter().structure(tree, Spec)


def _is_tree(error: BaseException) -> bool:
    return isinstance(error, cattrs.BaseValidationError)


@cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    converter.register_structure_hook(Path, lambda value, _: Path(value))
    converter.register_unstructure_hook(PurePath, lambda value: value.as_posix())
    converter.register_structure_hook(
        PluginUse,
        make_dict_structure_fn(
            PluginUse,
            converter,
            _cattrs_forbid_extra_keys=True,
            parameters=override(struct_hook=lambda value, _: _tuples(value)),
        ),
    )
    return converter


def _tuples(value: Any) -> Any:
    """Return the value with tuples where JSON has lists."""
    if isinstance(value, list | tuple):
        return tuple(_tuples(item) for item in value)
    if isinstance(value, Mapping):
        return {key: _tuples(item) for key, item in value.items()}
    return value
