"""``dpaudit plugins``: list plug-ins, show what they do, hold them to what they declare."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs
import click

from dpaudit.cli.output import document, echo, table, warn
from dpaudit.cli.settings import Settings, common
from dpaudit.errors import ExitCode, PluginError, UsageError

if TYPE_CHECKING:
    from dpaudit.interfaces import Kind, Plugin
    from dpaudit.model.results import PluginSource
    from dpaudit.registry import Registry
    from dpaudit.testing.conformance import Conformance

KINDS: tuple[Kind, ...] = (
    "mechanism", "postprocessor", "decision", "learner", "attack", "audit", "mitigation",
)  # fmt: skip
"""As in the interfaces, which import numpy: help must not wait for that."""


@click.group("plugins")
@common
def command() -> None:
    """List plug-ins, show what they do, and check them."""


@command.command("list")
@click.option("--kind", type=click.Choice(KINDS), help="Only this kind.")
@common
@click.pass_obj
def list_plugins(settings: Settings, kind: Kind | None) -> None:
    """List every plug-in, and those that would not load."""
    registry = settings.registry()
    found, clashes = _sources([each for each in KINDS if kind in (None, each)], registry)
    if settings.json:
        broken = [
            {"name": b.name, "distribution": b.distribution, "error": b.reason}
            for b in registry.broken
        ]
        document(
            {
                "plugins": [attrs.asdict(source) for source in found],
                "broken": broken,
                "clashes": [clash.message for clash in clashes],
            }
        )
        return
    rows = [("kind", "name", "from", "what it does")]
    for source in found:
        origin = f"{source.distribution} {source.version}".strip() or source.module
        rows.append((source.kind, source.name, origin, _headline(source.summary)))
    table(rows)
    for b in registry.broken:
        warn(f"the plug-in {b.name!r} of {b.distribution} does not load: {b.reason}")
    for clash in clashes:
        warn(clash.message, clash.hint)


def _sources(kinds: list[Kind], registry: Registry) -> tuple[list[PluginSource], list[PluginError]]:
    """Return where plug-ins come from, and the names that two of them have."""
    found: list[PluginSource] = []
    clashes: list[PluginError] = []
    for kind in kinds:
        for name in registry.names(kind):
            try:
                found.append(registry.source(registry.get(kind, name)))
            except PluginError as clash:
                clashes.append(clash)
    return found, clashes


@command.command("show")
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), help="Where two kinds have the name.")
@common
@click.pass_obj
def show(settings: Settings, name: str, kind: Kind | None) -> None:
    """Show one plug-in: its documentation, parameters and origin."""
    registry = settings.registry()
    cls = _find(registry, name, kind)
    source = registry.source(cls)
    parameters = _parameters(cls)
    if settings.json:
        document({**attrs.asdict(source), "parameters": parameters})
        return
    origin = f"{source.distribution} {source.version}".strip() or "a file"
    echo(f"{source.kind} {source.name}\n{origin}, {source.module}, SHA-256 {source.digest}\n")
    echo(source.summary)
    if parameters:
        echo("\nIn an audit file:")
        rows = [(p["name"], p["type"], _needed(p)) for p in parameters]
        table(rows, indent="  ")


@command.command("check")
@click.argument("names", nargs=-1, required=True, metavar="NAME|FILE.py ...")
@click.option(
    "--set",
    "chosen",
    multiple=True,
    metavar="NAME=VALUE",
    help="Give a parameter, as TOML (may be repeated); else made up where need be.",
)
@common
@click.pass_obj
def check(settings: Settings, names: tuple[str, ...], chosen: tuple[str, ...]) -> None:
    """Hold plug-ins to what they declare: each failure says what to do."""
    from dpaudit.testing.conformance import conforms

    registry, values = settings.registry(), _values(chosen)
    found = [each for name in names for each in conforms(name, registry, values)]
    if settings.json:
        document({"checked": [attrs.asdict(each) for each in found]})
    else:
        for each in found:
            _say(each)
    faulty = any(each.faults for each in found)
    click.get_current_context().exit(ExitCode.FAILED if faulty else ExitCode.DONE)


def _say(found: Conformance) -> None:
    state = f"{len(found.faults)} faults" if len(found.faults) > 1 else "1 fault"
    echo(f"{found.kind} {found.name}: {state if found.faults else 'conforms'}")
    if found.parameters:
        tried = ", ".join(f"{name} = {value!r}" for name, value in found.parameters.items())
        echo(f"  tried with {tried}")
    if found.unchecked:
        echo(f"  {found.unchecked}")
    for fault in found.faults:
        echo(f"- {fault.what}\n  help: {fault.hint}")


def _values(chosen: tuple[str, ...]) -> dict[str, Any]:
    """Return parameters from ``NAME=VALUE``; what is no TOML value is text."""
    found: dict[str, Any] = {}
    for each in chosen:
        name, equals, text = each.partition("=")
        if not equals:
            raise UsageError(f"--set {each!r} has no '='", hint="write --set NAME=VALUE")
        try:
            found[name.strip()] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            found[name.strip()] = text
    return found


def _find(registry: Registry, name: str, kind: Kind | None) -> type[Plugin]:
    kinds = [each for each in KINDS if kind in (None, each) and name in registry.names(each)]
    if len(kinds) > 1:
        raise UsageError(
            f"{name!r} is the name of a {' and of a '.join(kinds)}", hint="add --kind KIND"
        )
    if kinds or kind:
        return registry.get(kind or kinds[0], name)
    if any(broken.name == name for broken in registry.broken):
        return registry.get("mechanism", name)  # raises with the reason
    known = sorted({known for each in KINDS for known in registry.names(each)})
    raise UsageError(f"no plug-in is named {name!r}", hint=f"known: {', '.join(known)}")


def _parameters(cls: type[Plugin]) -> list[dict[str, Any]]:
    """Return the parameters that an audit file may set."""
    from dpaudit.parameters import parameters
    from dpaudit.values import describe

    found = []
    for name, parameter in parameters(cls).items():
        default = parameter.default if isinstance(parameter.default, str | int | float) else None
        required = parameter.default is attrs.NOTHING
        kind = describe(parameter.type)
        found.append({"name": name, "type": kind, "required": required, "default": default})
    return found


def _needed(parameter: Mapping[str, Any]) -> str:
    if parameter["required"]:
        return "required"
    default = parameter["default"]
    return "optional" if default is None else f"default {default}"


def _headline(summary: str) -> str:
    return summary.split("\n\n", maxsplit=1)[0].replace("\n", " ").replace("``", "")
