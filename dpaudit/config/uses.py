"""Reads the tables that name a plug-in, and checks their parameters against it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from dpaudit import parameters as reading
from dpaudit.config.sweep import expand
from dpaudit.errors import PluginError, SpecError
from dpaudit.inputs import ColumnName
from dpaudit.values import MisfitError, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dpaudit.config.table import Faults
    from dpaudit.interfaces import Kind, Plugin
    from dpaudit.parameters import Parameter
    from dpaudit.registry import Registry
    from dpaudit.values import Steps

MOST_POINTS = 10_000


@attrs.define
class Uses:
    """The plug-ins that an audit file names.

    Attributes
    ----------
    columns
        Each column that a parameter names, with its place and what it is for.
    file_columns
        Each column of the data file that is read before entities are made of its rows.
    incomplete
        Whether a plug-in file failed to load: unknown names are not reported then, because
        they may be in it.
    """

    registry: Registry
    faults: Faults
    columns: list[tuple[Steps, str, str]] = attrs.field(factory=list)
    file_columns: list[tuple[Steps, str, str]] = attrs.field(factory=list)
    incomplete: bool = False

    def read(
        self, kind: Kind, path: Steps, values: Any, *, fixed: Mapping[str, Any] | None = None
    ) -> dict[str, Any] | None:
        """Return the plain form of a ``{ use = ..., ... }`` table, or ``None`` if it is wrong.

        ``fixed`` are parameters that stand elsewhere in the file.
        """
        if not isinstance(values, Mapping):
            written = f'{{ use = "{values}" }}' if isinstance(values, str) else '{ use = "..." }'
            self.faults.add(path, f"expected a table, not {name_of(values)}", f"write {written}")
            return None
        given = {key: value for key, value in values.items() if key != "use"}
        cls = self._find(kind, path, values)
        if cls is None:
            return None
        try:
            known = reading.parameters(cls)
        except PluginError as error:
            self.faults.add((*path, "use"), error.message, error.hint, plugin=True)
            return None
        before = len(self.faults.found)
        plain = self._parameters(cls, path, given, {**known}, fixed or {})
        if len(self.faults.found) == before:
            self._make(cls, path, plain, fixed or {})
        return {"use": cls.name, "parameters": plain}

    def _find(self, kind: Kind, path: Steps, values: Mapping[str, Any]) -> type[Plugin] | None:
        name = values.get("use")
        if name is None:
            self.faults.add(
                path,
                f"this {kind} does not say which plug-in it is",
                f'add use = "..." (dpaudit plugins list {kind} shows them)',
            )
            return None
        if not isinstance(name, str):
            self.faults.add((*path, "use"), f"expected text, not {name_of(name)}")
            return None
        try:
            return self.registry.get(kind, name)
        except PluginError as error:
            self.faults.add((*path, "use"), error.message, error.hint, plugin=True)
        except SpecError as error:
            if not self.incomplete:
                self.faults.add((*path, "use"), error.message, error.hint)
        return None

    def _parameters(
        self,
        cls: type[Plugin],
        path: Steps,
        given: Mapping[str, Any],
        known: dict[str, Parameter],
        fixed: Mapping[str, Any],
    ) -> dict[str, Any]:
        if cls.kind == "mechanism":
            known.pop("neighbours", None)
            if "neighbours" in given:
                self.faults.add(
                    (*path, "neighbours"),
                    "'neighbours' belongs to the release, not to its mechanism",
                    "move it out of the mechanism's table, under [[release]]",
                )
        misfits = reading.unknown(known, [key for key in given if key != "neighbours"])
        for misfit in [*misfits, *reading.missing(known, {*given, *fixed})]:
            self.faults.misfit(path, misfit)
        read: dict[str, Any] = dict(fixed)
        plain: dict[str, Any] = {}
        for key, value in given.items():
            if key in known:
                made = self._value(cls, known[key], (*path, key), value, read)
                if made is not None:
                    plain[key] = made
        return plain

    def _value(
        self, cls: type[Plugin], wanted: Parameter, path: Steps, value: Any, read: dict[str, Any]
    ) -> Any:
        if isinstance(value, list) and wanted.is_scalar:
            return self._sweep(cls, wanted, path, value, read)
        made = self._one(cls, wanted, path, value, read)
        if made is not None:
            read[wanted.name] = made
        return _plain(made)

    def _sweep(
        self,
        cls: type[Plugin],
        wanted: Parameter,
        path: Steps,
        values: list[Any],
        read: dict[str, Any],
    ) -> Any:
        if not values:
            self.faults.add(path, f"the sweep over {wanted.name!r} is empty", "list the values")
            return None
        made = [
            _plain(self._one(cls, wanted, (*path, i), value, read))
            for i, value in enumerate(values)
        ]
        for i, value in enumerate(made):
            if value is not None and value in made[:i]:
                self.faults.add(
                    (*path, i), f"{value!r} stands twice in this sweep", "remove one of them"
                )
        return tuple(made)

    def _one(
        self, cls: type[Plugin], wanted: Parameter, path: Steps, value: Any, read: dict[str, Any]
    ) -> Any:
        try:
            made = reading.check(cls, wanted, value, read)
        except MisfitError as error:
            self.faults.misfit(path, error)
            return None
        self._note_columns(path, made, f"the parameter {wanted.name!r}")
        return made

    def _note_columns(self, path: Steps, made: Any, purpose: str) -> None:
        """Remember every column that a value names, with its place."""
        if isinstance(made, ColumnName):
            self.columns.append((path, str(made), purpose))
        elif isinstance(made, Mapping):
            for key, item in made.items():
                self._note_columns((*path, key), item, purpose)
        elif isinstance(made, list | tuple):
            for i, item in enumerate(made):
                self._note_columns((*path, i), item, purpose)

    def _make(
        self, cls: type[Plugin], path: Steps, plain: dict[str, Any], fixed: Mapping[str, Any]
    ) -> None:
        """Make the plug-in at every point, to find faults that no single value has."""
        for count, point in enumerate(self._points(cls, plain)):
            if count >= MOST_POINTS:
                self.faults.add(
                    (*path, "use"),
                    f"the sweeps of {cls.name!r} make more than {MOST_POINTS:,} points",
                    "shorten a list",
                )
                return
            made, misfits = reading.fit(cls, {**fixed, **point})
            if made is None:
                for misfit in misfits:
                    self.faults.misfit(path if misfit.path else (*path, "use"), misfit)
                return

    def _points(self, cls: type[Plugin], plain: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        return expand(plain, cls)


def _plain(value: Any) -> Any:
    """Return a value as a spec keeps it: text, numbers, tuples and mappings."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, ColumnName | Path):
        return str(value)
    if isinstance(value, list | tuple):
        return tuple(_plain(item) for item in value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value
