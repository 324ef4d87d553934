"""Binds a plug-in to the data: column names become arrays, a missing total the true one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import numpy as np

from dpaudit.errors import DataError, SpecError
from dpaudit.inputs import ColumnName, DecisionName
from dpaudit.interfaces import Decision, Plugin
from dpaudit.parameters import given, parameters
from dpaudit.values import members, source, suggest

if TYPE_CHECKING:
    from dpaudit.model.arrays import ColumnArray
    from dpaudit.model.dataset import Dataset
    from dpaudit.noise.base import Noise

P = TypeVar("P", bound=Plugin)


def bind(
    plugin: P,
    data: Dataset,
    *,
    total: float | None = None,
    noise: Noise | None = None,
    folder: Path | None = None,
    decisions: Mapping[str, Decision] | None = None,
) -> P:
    """Return ``plugin`` with the data it asked for.

    Parameters
    ----------
    plugin
        A plug-in as :func:`dpaudit.config.make` makes it.
    data
        Where columns come from.
    total
        What replaces a ``Total`` that was left out: the sum of the true values. Without it
        such a parameter stays ``None``.
    noise
        The noise that a post-processor sees in its release, where it is known.
    folder
        The folder of the audit file.
    decisions
        The decisions that ``Rules`` may name; each takes rows of counts.

    Returns
    -------
    Plugin
        The same plug-in if it asked for nothing.

    Raises
    ------
    DataError
        If the data have no such column, or a numeric column has no finite value for an
        entity.
    """
    found: dict[str, Any] = {}
    rules = {} if decisions is None else decisions
    for name, parameter in parameters(type(plugin)).items():
        value = getattr(plugin, parameter.field.name)
        bound = _bound(plugin, name, value, data, rules)
        if bound is not value:
            found[name] = bound
        elif value is None and total is not None and _is_total(parameter.type):
            found[name] = float(total)
    offered = {
        "counts": data.count_names,
        "domain": data.domain,
        "hierarchy": data.hierarchy,
        "noise": noise,
        "folder": folder,
    }
    for name, what in given(type(plugin)).items():
        found[name] = offered[what]
    return attrs.evolve(plugin, **found) if found else plugin


def _bound(
    plugin: Plugin, name: str, value: Any, data: Dataset, rules: Mapping[str, Decision]
) -> Any:
    """Return ``value`` with what its names name, also inside lists and tables."""
    if isinstance(value, ColumnName):
        return _column(plugin, name, str(value), data)
    if isinstance(value, DecisionName):
        return _decision(plugin, name, str(value), rules)
    if isinstance(value, Mapping):
        inner = {
            key: _bound(plugin, f"{name}.{key}", item, data, rules) for key, item in value.items()
        }
        return inner if any(inner[key] is not value[key] for key in inner) else value
    if isinstance(value, list | tuple):
        items = [_bound(plugin, name, item, data, rules) for item in value]
        changed = any(a is not b for a, b in zip(items, value, strict=True))
        return type(value)(items) if changed else value
    return value


def _column(plugin: Plugin, name: str, column: str, data: Dataset) -> ColumnArray:
    where = f"{plugin.kind} {plugin.name!r}, parameter {name!r}"
    if column not in data.columns:
        raise DataError(
            f"{where}: {data.source} has no column {column!r}",
            hint=suggest(column, data.columns, noun="columns"),
        )
    values = data.columns[column]
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = np.flatnonzero(~np.isfinite(values))
        listed = ", ".join(data.entities[i] for i in bad[:5])
        more = f" and {len(bad) - 5:,} more" if len(bad) > 5 else ""  # noqa: PLR2004
        raise DataError(
            f"{where}: the column {column!r} of {data.source} has no finite value for "
            f"{listed}{more}",
            hint="fill the cells, or leave those entities out",
        )
    return values


def _decision(plugin: Plugin, name: str, wanted: str, rules: Mapping[str, Decision]) -> Decision:
    if wanted in rules:
        return rules[wanted]
    raise SpecError(
        f"{plugin.kind} {plugin.name!r}, parameter {name!r}: no other [[decision]] before it is "
        f"named {wanted!r}",
        hint=suggest(wanted, rules, "add the decisions that it is made of above it", "decisions"),
    )


def _is_total(wanted: Any) -> bool:
    return any(source(member) == "total" for member in members(wanted))
