"""Finds plug-ins, keeps the broken ones visible, and looks up what an audit names."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

import attrs
import pluggy

from dpaudit import hookspecs
from dpaudit.errors import PluginError, SpecError
from dpaudit.interfaces import KINDS, Kind, Plugin
from dpaudit.markers import MARK
from dpaudit.model.data_source import DataSource, EmbeddedData
from dpaudit.model.results import PluginSource
from dpaudit.parameters import build
from dpaudit.plugin_file import file_digest, file_source, import_file
from dpaudit.plugin_module import classes, faults_of
from dpaudit.plugin_origin import BrokenPlugin, Distributions, Origin, in_memory, normal, reason_of
from dpaudit.time_limit import limited
from dpaudit.values import suggest

if TYPE_CHECKING:
    import click

GROUP = "dpaudit"
API_VERSION = 1
"""Version of what plug-ins rely on; a module may say with ``DPAUDIT_API`` which one it is for."""

ONLY = "DPAUDIT_LOAD_PLUGINS"
"""Environment variable: the only entry points to load, with commas between; empty for none."""


_PATIENCE = 120.0
"""Seconds that a plug-in may take to be imported, or to answer a hook."""


class Registry:
    """Every plug-in there is, by kind and name.

    A registry is an object: two of them know nothing of one another.

    Attributes
    ----------
    broken
        Installed plug-ins that would not load. Only an audit that names one fails.
    manager
        The pluggy manager, whose ``hook`` calls the hooks of an audit's life.
    """

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(GROUP)
        self.manager.add_hookspecs(hookspecs)
        self.broken: list[BrokenPlugin] = []
        self._found: dict[Kind, dict[str, list[type[Plugin]]]] = {kind: {} for kind in KINDS}
        self._origins: dict[type[Plugin], Origin] = {}

    @classmethod
    def discover(cls, *, files: Iterable[str | Path] = ()) -> Self:
        """Return a registry of every installed plug-in, and of plug-in files.

        Raises
        ------
        PluginError
            If a file does not load. An installed plug-in that does not is in ``broken``.
        """
        registry, known = cls(), Distributions()
        only = os.environ.get(ONLY)
        wanted = None if only is None else {name.strip() for name in only.split(",")}
        for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
            if wanted is None or point.name in wanted:
                registry._load_entry_point(point, known)
        for file in files:
            registry.load_file(file)
        return registry

    def load_file(self, path: str | Path) -> ModuleType:
        """Load the plug-ins of one Python file; a second time changes nothing.

        Raises
        ------
        PluginError
            If the file is missing, raises anything when it is imported (``SystemExit``
            among it), offers no plug-in or misspells a hook.
        """
        with limited(_PATIENCE, f"{path}: the import of the plug-in file"):
            module = import_file(Path(path))
        if self.manager.is_registered(module):
            return module
        origin = Origin(
            distribution="",
            version="",
            module=Path(path).name,
            file=Path(path),
            digest=file_digest(module),
        )
        try:
            self._register(module, origin)
        except Exception as error:
            raise PluginError(
                f"{path}: the plug-in file is wrong: {reason_of(error)}",
                hint=error.hint if isinstance(error, PluginError) else None,
            ) from error
        return module

    def add(self, *objects: Any) -> None:
        """Add modules, plug-in classes or marked functions that are already in memory.

        This is for notebooks and tests; the audit file and packages need no call.
        """
        for thing in objects:
            if isinstance(thing, ModuleType):
                self._register(thing, in_memory(thing))
                continue
            holder = ModuleType(getattr(thing, "__module__", "__main__"))
            holder.__dict__["thing"] = thing
            for kind, cls in classes(holder, offered=(getattr(thing, MARK, thing),)):
                self._keep(kind, cls, in_memory(inspect.getmodule(thing)))

    def all(self, kind: Kind) -> dict[str, type[Plugin]]:
        """Return the plug-ins of ``kind`` by name, sorted.

        Raises
        ------
        PluginError
            If two have one name.
        """
        return {name: self._single(kind, name) for name in sorted(self._of(kind))}

    def names(self, kind: Kind) -> tuple[str, ...]:
        """Return the names of the plug-ins of ``kind``, sorted; never raises for a clash."""
        return tuple(sorted(self._of(kind)))

    def get(self, kind: Kind, name: str) -> type[Plugin]:
        """Return the plug-in of ``kind`` with ``name``.

        Raises
        ------
        SpecError
            If there is none; the hint is the nearest name.
        PluginError
            If it would not load (with the original error), or two have that name.
        """
        if name in self._of(kind):
            return self._single(kind, name)
        for broken in self.broken:
            if broken.name == name:
                raise PluginError(
                    f"the plug-in {name!r} of {broken.distribution or 'an unknown package'} "
                    f"({broken.module}) does not load: {broken.reason}",
                    hint=f"mend or reinstall {broken.distribution or 'it'} "
                    "(dpaudit doctor says more)",
                ) from broken.error
        others = [other for other in KINDS if other != kind and name in self._of(other)]
        hint = suggest(name, self._of(kind), f"no {kind} is installed", "known")
        if others:
            hint = f"{name!r} is a {others[0]}; {hint}"
        raise SpecError(f"no {kind} is named {name!r}", hint=hint)

    def create(self, kind: Kind, name: str, **parameters: Any) -> Plugin:
        """Make a plug-in with parameters as an audit file would give them.

        Raises
        ------
        SpecError
            If the plug-in is unknown, or a parameter is unknown, missing or out of range.
        PluginError
            If the plug-in does not load.
        """
        return build(self.get(kind, name), parameters)

    def source(self, cls: type[Plugin]) -> PluginSource:
        """Return where a plug-in came from."""
        origin = self._origin(cls) or in_memory(inspect.getmodule(cls))
        return PluginSource(
            kind=cls.kind,
            name=cls.name,
            distribution=origin.distribution,
            version=origin.version,
            module=origin.module,
            digest=origin.digest or file_digest(inspect.getmodule(cls)),
            summary=inspect.cleandoc(cls.__doc__ or ""),
        )

    def is_foreign(self, cls: type[Plugin]) -> bool:
        """Return whether a plug-in comes from a file or from another distribution.

        What was added from memory is not foreign: no other process could find it.
        """
        origin = self._origin(cls)
        if origin is not None and origin.in_memory:
            return False
        return origin is None or normal(origin.distribution) != GROUP

    def _origin(self, cls: type[Plugin]) -> Origin | None:
        """Return where a class came from: one that nobody offers, from where its neighbours did.

        A mitigation makes decisions of classes that no hook returns. They come from where the
        other plug-ins of their module come from, or else those of their package.
        """
        if cls in self._origins:
            return self._origins[cls]
        package = cls.__module__.partition(".")[0]
        near: Origin | None = None
        for known, origin in self._origins.items():
            if known.__module__ == cls.__module__:
                return origin
            if known.__module__.partition(".")[0] == package and not origin.in_memory:
                near = near or attrs.evolve(origin, module=cls.__module__)
        return near

    def files(self) -> tuple[tuple[Path, bytes], ...]:
        """Return the plug-in files that were loaded, with the bytes that they had then."""
        modules = [module for _, module in self.manager.list_name_plugin()]
        return tuple(found for module in modules if (found := file_source(module)) is not None)

    def in_memory(self) -> tuple[tuple[Kind, str], ...]:
        """Return kind and name of every plug-in that was added from memory."""
        return tuple((cls.kind, cls.name) for cls, o in self._origins.items() if o.in_memory)

    def formats(self) -> frozenset[str] | None:
        """Return the report formats that plug-ins write, or ``None`` where one does not say.

        A module with the hook ``dpaudit_render`` names them in ``FORMATS``.
        """
        writers = self.manager.hook.dpaudit_render.get_hookimpls()
        named = [getattr(writer.plugin, "FORMATS", None) for writer in writers]
        told = [names for names in named if names is not None]
        if len(told) < len(named):
            return None
        return frozenset(name for names in told for name in names)

    def datasets(self) -> dict[str, DataSource]:
        """Return what packages offer as data, by name.

        Raises
        ------
        PluginError
            If two packages offer one name.
        """
        found: dict[str, tuple[str, DataSource]] = {}
        for owner, offered in self._asked("dpaudit_datasets", Mapping):
            for name, given in offered.items():
                source = given if isinstance(given, DataSource) else EmbeddedData(path=given)
                if name in found and found[name][1] != source:
                    raise PluginError(
                        f"two data sets are named {name!r}: one of {found[name][0]} and one of "
                        f"{owner}",
                        hint="uninstall one of the packages",
                    )
                found[name] = owner, source
        return {name: found[name][1] for name in sorted(found)}

    def commands(self) -> tuple[click.Command, ...]:
        """Return the commands that plug-ins add to the command line."""
        found = self._asked("dpaudit_commands", Sequence)
        return tuple(command for _, offered in found for command in offered)

    def _load_entry_point(self, point: EntryPoint, known: Distributions) -> None:
        distribution, version = known.of(point)
        try:
            with limited(_PATIENCE, f"the import of {point.value}"):
                module = point.load()
            if self.manager.is_registered(module):
                return
            file = getattr(module, "__file__", None)
            origin = Origin(
                distribution=distribution,
                version=version,
                module=point.value,
                file=Path(file) if file else None,
            )
            self._register(module, origin)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 (a stranger's module may raise anything)
            self.broken.append(
                BrokenPlugin(
                    name=point.name, distribution=distribution, module=point.value, error=error
                )
            )

    def _register(self, module: ModuleType, origin: Origin) -> None:
        if self.manager.is_registered(module):
            return
        faults = _other_version(module) or faults_of(module)
        if faults is not None:
            raise faults
        offered = classes(module)
        self.manager.register(module, module.__name__)
        for kind, cls in offered:
            self._keep(kind, cls, origin)

    def _keep(self, kind: Kind, cls: type[Plugin], origin: Origin) -> None:
        same = self._found[kind].setdefault(cls.name, [])
        if cls not in same:
            same.append(cls)
            self._origins[cls] = origin

    def _of(self, kind: Kind) -> Mapping[str, list[type[Plugin]]]:
        if kind not in self._found:
            raise SpecError(f"{kind!r} is no kind of plug-in", hint=f"kinds: {', '.join(KINDS)}")
        return self._found[kind]

    def _single(self, kind: Kind, name: str) -> type[Plugin]:
        first, *others = self._found[kind][name]
        if others:
            paths = " and ".join(self._path(cls) for cls in (first, *others))
            raise PluginError(
                f"{len(others) + 1} plug-ins of kind {kind} are named {name!r}: {paths}",
                hint="rename one, or uninstall the package that you do not need",
            )
        return first

    def _path(self, cls: type[Plugin]) -> str:
        origin = self._origins[cls]
        home = str(origin.file) if not origin.distribution and origin.file else cls.__module__
        return f"{home}:{cls.__qualname__}"

    def ask(self, hook: str, **values: Any) -> list[Any]:
        """Call one hook of every plug-in, and return what they answer but for ``None``.

        One that fails is listed in :attr:`broken`, and the others are asked all the same.
        """
        return [answer for _, answer in self._asked(hook, object, **values) if answer is not None]

    def _asked(self, hook: str, wanted: type[Any], **values: Any) -> list[tuple[str, Any]]:
        answers: list[tuple[str, Any]] = []
        caller = getattr(self.manager.hook, hook)
        for implementation in caller.get_hookimpls():
            name = implementation.plugin_name
            given = {key: values[key] for key in implementation.argnames if key in values}
            try:
                with limited(_PATIENCE, f"the hook {hook} of {name}"):
                    answers.append((name, _answer(implementation.function, hook, wanted, given)))
            except (Exception, SystemExit) as error:  # noqa: BLE001 (a stranger's hook may raise anything)
                broken = BrokenPlugin(name=name, distribution="", module=name, error=error)
                if all(known.module != name for known in self.broken):
                    self.broken.append(broken)
        return answers


def _other_version(module: ModuleType) -> PluginError | None:
    """Return what is wrong with the version that a module is written for, or ``None``."""
    wanted = getattr(module, "DPAUDIT_API", API_VERSION)
    if wanted == API_VERSION:
        return None
    return PluginError(
        f"{module.__name__} is written for version {wanted!r} of dpaudit's interface, and this "
        f"dpaudit has version {API_VERSION}",
        hint="install the version of the plug-in that goes with this dpaudit, or another dpaudit",
    )


def _answer(
    function: Callable[..., Any], hook: str, wanted: type[Any], values: Mapping[str, Any]
) -> Any:
    answer = function(**values)
    if not isinstance(answer, wanted):
        raise PluginError(
            f"{hook} returned {type(answer).__name__}, not {wanted.__name__}",
            hint=f"return a {wanted.__name__}, which may be empty",
        )
    return answer
