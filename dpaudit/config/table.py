"""Reads one table of an audit file key by key and keeps every fault with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from dpaudit.values import MisfitError, convert, name_of, suggest

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpaudit.toml import Problem, Source
    from dpaudit.values import Steps


@attrs.define
class Faults:
    """Everything that is wrong with one audit file."""

    source: Source
    found: list[Problem] = attrs.field(factory=list)

    def add(
        self, path: Steps, message: str, hint: str | None = None, *, plugin: bool = False
    ) -> None:
        """Keep a fault at ``path``."""
        self.found.append(self.source.problem(path, message, hint=hint, plugin=plugin))

    def misfit(self, path: Steps, error: MisfitError) -> None:
        """Keep a value that does not fit."""
        self.add((*path, *error.path), error.message, error.hint)

    def sorted(self) -> list[Problem]:
        """Return the faults in the order of the file, each once."""
        unique = dict.fromkeys(self.found)
        return sorted(unique, key=lambda problem: (problem.line, problem.column))


class Table:
    """One table: keys are taken out of it, and what is left over is unknown.

    Parameters
    ----------
    faults
        Where faults go.
    path
        Where the table stands.
    values
        What stands there; anything but a table is a fault.
    """

    def __init__(self, faults: Faults, path: Steps, values: Any) -> None:
        self.faults = faults
        self.path = path
        self.known: list[str] = []
        self.is_table = isinstance(values, Mapping)
        self.values: dict[str, Any] = dict(values) if isinstance(values, Mapping) else {}
        if not self.is_table:
            faults.add(path, f"expected a table, not {name_of(values)}", f"write {_form(path)}")

    def take(
        self,
        key: str,
        wanted: Any,
        *,
        required: str | None = None,
        check: Callable[[Any], str | None] | None = None,
    ) -> Any:
        """Return the value of ``key``, or ``None`` where it is absent or wrong.

        ``required`` is what to add when it is absent; ``check`` returns what is wrong.
        """
        self.known.append(key)
        if key not in self.values:
            if required is not None and self.is_table:
                self.faults.add(self.path, f"the key {key!r} is missing", f"add {required}")
            return None
        try:
            made = convert(self.values.pop(key), wanted)
        except MisfitError as error:
            self.faults.misfit((*self.path, key), error)
            return None
        complaint = check(made) if check else None
        if complaint is not None:
            self.fault(key, complaint)
            return None
        return made

    def raw(self, key: str, default: Any = None) -> Any:
        """Return the value of ``key`` as it stands."""
        self.known.append(key)
        return self.values.pop(key, default)

    def tables(self, key: str) -> list[tuple[Steps, Any]]:
        """Return the elements of an array of tables with their places."""
        found = self.raw(key, ())
        if isinstance(found, Sequence) and not isinstance(found, str):
            return [((*self.path, key, i), item) for i, item in enumerate(found)]
        hint = f"write [[{key}]], with two brackets" if not self.path else f"write {key} = [...]"
        self.fault(key, f"expected a list of tables, not {name_of(found)}", hint)
        return []

    def fault(self, key: str, message: str, hint: str | None = None) -> None:
        """Keep a fault at ``key``."""
        self.faults.add((*self.path, key), message, hint)

    def rest(self) -> dict[str, Any]:
        """Return what was not taken and let go of it."""
        left, self.values = self.values, {}
        return left

    def finish(self) -> None:
        """Keep a fault for each key that nobody took."""
        for key in self.values:
            hint = suggest(key, self.known, noun="known keys")
            self.fault(key, f"unknown key {key!r}", hint)


def _form(path: Steps) -> str:
    last = next((step for step in reversed(path) if isinstance(step, str)), "table")
    return f"{last} = {{ ... }} or [{last}]"


def given(**values: Any) -> dict[str, Any]:
    """Return the values that are not ``None``."""
    return {key: value for key, value in values.items() if value is not None}
