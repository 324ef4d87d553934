"""What a plug-in module offers, checked before anything of it is used."""

from __future__ import annotations

import difflib
import inspect
from typing import TYPE_CHECKING, Any

import attrs

from dpaudit import hookspecs
from dpaudit.errors import PluginError
from dpaudit.interfaces import BASES, KINDS, Kind, Plugin
from dpaudit.markers import MARK, NAME, RESERVED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import ModuleType

PREFIX = "dpaudit_"
HOOKS = tuple(name for name in vars(hookspecs) if name.startswith(PREFIX))
CLASS_HOOKS: dict[Kind, str] = {kind: f"{PREFIX}{kind}s" for kind in KINDS}


def faults_of(module: ModuleType) -> PluginError | None:
    """Return what is wrong with the hooks of ``module``, or ``None``."""
    for name, thing in vars(module).items():
        if not name.startswith(PREFIX) or not inspect.isfunction(thing):
            continue
        if name not in HOOKS:
            near = difflib.get_close_matches(name, HOOKS, n=1)
            return PluginError(
                f"{module.__name__} has a function {name!r}, which is no hook",
                hint=f"did you mean {near[0]!r}?" if near else f"hooks: {', '.join(HOOKS)}",
            )
        if thing.__module__ == module.__name__ and not hasattr(thing, f"{PREFIX}impl"):
            return PluginError(
                f"{module.__name__}.{name} is not marked as a hook",
                hint="put @dpaudit.hookimpl above it",
            )
        known = inspect.signature(getattr(hookspecs, name)).parameters
        strange = [key for key in inspect.signature(thing).parameters if key not in known]
        if strange:
            return PluginError(
                f"{module.__name__}.{name} takes {strange[0]!r}, which the hook does not give",
                hint=f"it gives: {', '.join(known) or 'nothing'}",
            )
    return None


def classes(
    module: ModuleType, *, offered: Iterable[Any] | None = None
) -> list[tuple[Kind, type[Plugin]]]:
    """Return the plug-in classes of ``module`` with their kinds: marked functions, then hooks.

    Raises
    ------
    PluginError
        If a hook returns something else, or a class breaks the rules of its kind.
    """
    if offered is not None:
        return [_checked(cls, None, module) for cls in offered]
    marked = [cls for thing in vars(module).values() if (cls := _mark(thing)) is not None]
    found = [_checked(cls, None, module) for cls in dict.fromkeys(marked)]
    for kind, hook in CLASS_HOOKS.items():
        if hasattr(module, hook):
            found += [_checked(cls, kind, module) for cls in _called(getattr(module, hook), hook)]
    return found


def _mark(thing: Any) -> Any:
    return getattr(thing, MARK, None) if inspect.isfunction(thing) else None


def _called(hook: Callable[[], Any], name: str) -> Sequence[Any]:
    found = hook()
    if not isinstance(found, list | tuple):
        raise PluginError(
            f"{name} returned {type(found).__name__}, not a list", hint="return a list of classes"
        )
    return found


def _checked(cls: Any, kind: Kind | None, module: ModuleType) -> tuple[Kind, type[Plugin]]:
    where = f"{module.__name__}.{getattr(cls, '__qualname__', repr(cls))}"
    if not isinstance(cls, type) or not issubclass(cls, Plugin):
        raise PluginError(
            f"{where} is no plug-in class",
            hint=f"subclass dpaudit.{BASES[kind or 'audit'].__name__}",
        )
    found = kind or cls.kind
    if not issubclass(cls, BASES[found]):
        raise PluginError(f"{where} is no {found}", hint=f"subclass {BASES[found].__name__}")
    name = getattr(cls, "name", None)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise PluginError(
            f"{where}: {name!r} is no name for a plug-in",
            hint="set name, a class variable of small letters, digits and single hyphens",
        )
    _needs_attrs(cls, where)
    _complete(cls, where)
    return found, cls


def _needs_attrs(cls: type[Plugin], where: str) -> None:
    fields = [
        name
        for name, kind in inspect.get_annotations(cls).items()
        if "ClassVar" not in str(kind) and name not in {"name", "unit"}
    ]
    if fields and "__attrs_attrs__" not in vars(cls):
        raise PluginError(
            f"{where} has fields ({', '.join(fields)}) but is no attrs class",
            hint="put @attrs.frozen(kw_only=True) above it",
        )


def _complete(cls: type[Plugin], where: str) -> None:
    absent = [
        name
        for name in dir(cls)
        if getattr(getattr(cls, name, None), "__isabstractmethod__", False)
    ]
    if absent:
        raise PluginError(
            f"{where} lacks {' and '.join(f'{name}()' for name in absent)}",
            hint=f"write it: `dpaudit new plugin NAME --kind {cls.kind}` shows one that is whole",
        )
    taken = sorted({field.alias for field in attrs.fields(cls)} & RESERVED)
    if taken:
        raise PluginError(
            f"{where}: {taken[0]!r} is a key of the audit file itself",
            hint="call the parameter something else",
        )
