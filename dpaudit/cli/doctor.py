"""``dpaudit doctor``: whether this installation is whole."""

from __future__ import annotations

import json
import platform
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Literal

import attrs
import click

from dpaudit.cli.output import coloured, document, echo
from dpaudit.cli.settings import Settings, common
from dpaudit.errors import ExitCode

State = Literal["ok", "warning", "wrong"]
PANGO = (
    "PDF needs Pango. Debian, Ubuntu: apt install libpango-1.0-0 libpangoft2-1.0-0 "
    "libharfbuzz-subset0; Fedora: dnf install pango harfbuzz; macOS: brew install pango; "
    "Windows: see the WeasyPrint installation page"
)
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?([^;]*)(?:;.*extra == ['\"](.+)['\"])?")


@attrs.frozen
class Check:
    """One thing that was looked at."""

    state: State
    what: str
    hint: str = ""


@click.command("doctor")
@click.option("--sbom", is_flag=True, help="Print what is installed, as CycloneDX JSON.")
@common
@click.pass_obj
def command(settings: Settings, sbom: bool) -> None:
    """Check this installation: versions, Pango, extras and plug-ins."""
    if sbom:
        from dpaudit.cli.sbom import bill

        document(bill())
        return
    checks = [*_versions(), _pango(), *_extras(), _entry_points(), *_plugins(settings)]
    wrong = any(check.state == "wrong" for check in checks)
    if settings.json:
        document({"whole": not wrong, "checks": [attrs.asdict(check) for check in checks]})
    else:
        for check in checks:
            if not (settings.quiet and check.state == "ok"):
                echo(f"{coloured(check.state)}: {check.what}")
                if check.hint:
                    echo(f"  help: {check.hint}")
    click.get_current_context().exit(ExitCode.WRONG_INPUT if wrong else ExitCode.DONE)


def _versions() -> Iterator[Check]:
    """Look at Python, dpaudit and what the core needs."""
    yield Check("ok", f"Python {platform.python_version()} on {platform.platform()}")
    yield Check("ok", f"dpaudit {metadata.version('dpaudit')}")
    missing = [name for name, extra in _requirements() if extra is None and not _installed(name)]
    if missing:
        yield Check("wrong", f"not installed: {', '.join(missing)}", "pip install dpaudit")
    else:
        names = [name for name, extra in _requirements() if extra is None]
        yield Check("ok", ", ".join(f"{name} {metadata.version(name)}" for name in names))


def _pango() -> Check:
    """Look whether WeasyPrint finds its libraries: only importing it tells."""
    try:
        import weasyprint
    except (OSError, ImportError) as error:
        return Check("warning", f"no PDF: {str(error).strip().splitlines()[0]}", PANGO)
    return Check("ok", f"WeasyPrint {weasyprint.__version__} finds Pango")


def _extras() -> Iterator[Check]:
    """Look which extras are incomplete: a warning, since nobody needs all of them."""
    extras: dict[str, list[str]] = {}
    for name, extra in _requirements():
        if extra not in {None, "all", "docs", "test"}:
            extras.setdefault(str(extra), []).append(name)
    for extra, names in extras.items():
        missing = [name for name in names if not _installed(name)]
        if missing:
            hint = f"if you need it: pip install 'dpaudit[{extra}]'"
            yield Check("warning", f"extra {extra}: without {', '.join(missing)}", hint)
        else:
            yield Check("ok", f"extra {extra}")


def _entry_points() -> Check:
    """Compare what is installed with pyproject.toml, where this is an editable install."""
    distribution = metadata.distribution("dpaudit")
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    installed = {e.name: e.value for e in distribution.entry_points if e.group == "dpaudit"}
    if not origin.get("dir_info", {}).get("editable"):
        return Check("ok", f"{len(installed)} plug-in modules installed")
    project = Path(__file__).parents[2] / "pyproject.toml"
    declared = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["entry-points"]
    differing = sorted(dict(installed.items() ^ declared["dpaudit"].items()))
    if differing:
        what = f"entry points differ from pyproject.toml: {', '.join(differing)}"
        return Check("wrong", what, f"{Path(sys.executable).name} -m pip install -e .")
    return Check("ok", f"{len(installed)} plug-in modules installed, as pyproject.toml says")


def _plugins(settings: Settings) -> Iterator[Check]:
    """Load every plug-in."""
    registry = settings.registry()
    for broken in registry.broken:
        what = f"the plug-in {broken.name!r} of {broken.distribution} does not load"
        yield Check("wrong", f"{what}: {broken.reason}", f"mend or uninstall {broken.distribution}")
    if not registry.broken:
        yield Check("ok", "every plug-in loads")


def _requirements() -> Iterator[tuple[str, str | None]]:
    """Yield every requirement of dpaudit with its extra, ``None`` for the core."""
    for line in metadata.requires("dpaudit") or []:
        match = _REQUIREMENT.match(line)
        if match is not None and match[1] != "dpaudit":
            yield match[1], match[3]


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
