"""Sweeps: a list where a plug-in wants one value stands for one plug-in per value."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from dpaudit.parameters import build, parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dpaudit.interfaces import Kind, Plugin
    from dpaudit.model.spec import PluginUse
    from dpaudit.registry import Registry


def swept(use: PluginUse, cls: type[Plugin]) -> tuple[str, ...]:
    """Return the parameters that ``use`` sweeps, in the order of the audit file."""
    return _swept(use.parameters, cls)


def points(use: PluginUse, cls: type[Plugin]) -> tuple[dict[str, Any], ...]:
    """Return the parameters of every point of the sweeps, the first key changing slowest.

    Returns
    -------
    tuple of dict
        One dict of all parameters per point; a single one where nothing is swept.
    """
    return tuple(expand(use.parameters, cls))


def expand(values: Mapping[str, Any], cls: type[Plugin]) -> Iterator[dict[str, Any]]:
    """Yield the points of ``values`` one by one."""
    axes = _swept(values, cls)
    for choice in itertools.product(*(values[key] for key in axes)):
        yield {**values, **dict(zip(axes, choice, strict=True))}


def make(registry: Registry, kind: Kind, name: str, values: Mapping[str, Any]) -> Plugin:
    """Make the plug-in of one point; text becomes a column name where a column is wanted.

    Parameters
    ----------
    registry
        Where plug-ins are looked up.
    kind, name
        Which plug-in.
    values
        One element of :func:`points`, with ``neighbours`` added for a mechanism.

    Raises
    ------
    SpecError
        If a parameter is unknown, missing, of another type or out of range.
    """
    return build(registry.get(kind, name), values)


def _swept(values: Mapping[str, Any], cls: type[Plugin]) -> tuple[str, ...]:
    known = parameters(cls)
    return tuple(
        key
        for key, value in values.items()
        if isinstance(value, list | tuple) and key in known and known[key].is_scalar
    )
