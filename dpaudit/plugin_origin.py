"""Where plug-ins come from, and why some of them would not load."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from dpaudit.errors import PluginError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint
    from types import ModuleType


@attrs.frozen(kw_only=True)
class BrokenPlugin:
    """A plug-in that is installed but would not load, and why."""

    name: str
    distribution: str
    module: str
    error: BaseException = attrs.field(eq=False)

    @property
    def reason(self) -> str:
        """The original error on one line."""
        return reason_of(self.error)


@attrs.frozen(kw_only=True)
class Origin:
    """The distribution or file that a plug-in comes from."""

    distribution: str
    version: str
    module: str
    file: Path | None
    digest: str | None = None
    in_memory: bool = False


class Distributions:
    """Names and versions of distributions, each read once: its entry points are many."""

    def __init__(self) -> None:
        self._read: dict[int, tuple[str, str]] = {}

    def of(self, point: EntryPoint) -> tuple[str, str]:
        """Return name and version of the distribution of an entry point, or nothing."""
        owner = point.dist
        if owner is None:
            return "", ""
        if id(owner) not in self._read:
            self._read[id(owner)] = owner.name, owner.version
        return self._read[id(owner)]


def in_memory(module: ModuleType | None) -> Origin:
    """Return the origin of a plug-in that was made in this process."""
    name = module.__name__ if module else "__main__"
    file = getattr(module, "__file__", None)
    path = Path(file) if file else None
    return Origin(distribution="", version="", module=name, file=path, in_memory=True)


def normal(distribution: str) -> str:
    """Return the name of a distribution as names are compared."""
    return distribution.replace("_", "-").lower()


def reason_of(error: BaseException) -> str:
    """Return an error on one line."""
    text = error.message if isinstance(error, PluginError) else str(error)
    return f"{type(error).__name__}: {' '.join(text.split())}".removeprefix("PluginError: ")
