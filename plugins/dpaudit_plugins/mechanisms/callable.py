"""Any Python function as a mechanism."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray, is_file
from dpaudit_plugins.mechanisms._stated import Stated

_ADDRESS = re.compile(r"[^:]+:[A-Za-z_]\w*")
_INSTALL = "install its package, or name a file beside the audit file (module.py:name)"


@attrs.frozen(kw_only=True, eq=False)
class CallableMechanism(Stated):
    """Release what a function returns: ``function(counts, rng, **arguments)``.

    The function is code from outside, run with your rights; its draws run in a process of their
    own with a time limit. It gets the true counts as a read-only array (n,) and a NumPy
    Generator, from which alone it may draw, and returns the released counts (n,).

    Measurements are kept until a Python file beside the function's, or in its package, changes;
    other packages and files that it reads are taken to stay as they are.

    Parameters
    ----------
    function
        ``module.py:name``, a file beside the audit file, or ``package.module:name``.
    arguments
        Further keyword arguments: text, numbers, lists and tables.
    columns
        Further keyword arguments that are columns of the data.
    epsilon, delta, rho
        What the author of the function states, which nothing here checks: epsilon, with or
        without delta, or rho. Left out, nothing is promised.
    """

    name: ClassVar[str] = "callable"
    foreign: ClassVar[bool] = True

    function: str = attrs.field()
    arguments: Mapping[str, Any] = attrs.field(factory=dict)
    columns: Mapping[str, dpaudit.Column] = attrs.field(factory=dict)
    folder: dpaudit.GivenFolder = None

    @function.validator
    def _is_address(self, _: attrs.Attribute[Any], value: str) -> None:
        if not _ADDRESS.fullmatch(value):
            raise ValueError(f"function {value!r} is not of the form module.py:name")

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return what the function returns, persons, of the shape of ``counts``."""
        given = np.array(counts, dtype=np.float64)
        given.flags.writeable = False
        function = self._function()
        try:
            released = np.asarray(
                function(given, rng, **self.arguments, **self.columns), dtype=np.float64
            )
        except Exception as error:
            line = " ".join(f"{type(error).__name__}: {error}".split())
            raise dpaudit.PluginError(
                f"{self._where} failed: {line}", hint="call it by hand with your counts"
            ) from error
        if released.shape != given.shape:
            raise dpaudit.PluginError(
                f"{self._where} returned the shape {released.shape} for counts of {given.shape}",
                hint="return one count for each one given",
            )
        return released

    def sources(self) -> tuple[Path, ...]:
        """Return the Python files of the function's folder, or of its whole package, by name.

        Nothing is imported.

        Raises
        ------
        PluginError
            If there is no such file or package.
        """
        place = self.function.partition(":")[0]
        if place.endswith(".py"):
            file = (self.folder or Path()) / place
            if not is_file(file):
                raise dpaudit.PluginError(
                    f"{self._where} is not there: {file} is no file",
                    hint="the path is relative to the audit file's folder",
                )
            return tuple(sorted(file.parent.glob("*.py")))
        try:
            found = importlib.util.find_spec(place.partition(".")[0])
        except (ImportError, ValueError):
            found = None
        if found is None:
            raise dpaudit.PluginError(
                f"{self._where} cannot be imported: there is no package {place!r}", hint=_INSTALL
            )
        folders = found.submodule_search_locations
        if folders is not None:
            return tuple(sorted(file for each in folders for file in Path(each).rglob("*.py")))
        return (Path(found.origin),) if found.has_location and found.origin else ()

    def _whose(self) -> str:
        return self.function

    @property
    def _where(self) -> str:
        return f"callable: the function {self.function!r}"

    def _module(self) -> ModuleType:
        place = self.function.partition(":")[0]
        if place.endswith(".py"):
            return dpaudit.import_file((self.folder or Path()) / place)
        try:
            return importlib.import_module(place)
        except Exception as error:
            line = " ".join(f"{type(error).__name__}: {error}".split())
            raise dpaudit.PluginError(
                f"{self._where} cannot be imported: {line}",
                hint=_INSTALL,
            ) from error

    def _function(self) -> Callable[..., Any]:
        name = self.function.partition(":")[2]
        found = getattr(self._module(), name, None)
        if not callable(found):
            raise dpaudit.PluginError(
                f"{self._where} is not there, or is no function",
                hint="write def name(counts, rng, **arguments)",
            )
        made: Callable[..., Any] = found
        return made


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (CallableMechanism,)
