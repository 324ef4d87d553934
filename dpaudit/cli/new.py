"""``dpaudit new``: scaffolds of plug-in packages and of audit files."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template

import click

from dpaudit.cli.output import document, echo
from dpaudit.cli.plugins import KINDS
from dpaudit.cli.settings import Settings, common
from dpaudit.errors import UsageError

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@click.group("new")
@common
def command() -> None:
    """Write a plug-in package, or an audit file for your data."""


@command.command("plugin")
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), default="decision", show_default=True,
              help="What kind of plug-in.")  # fmt: skip
@click.option("-o", "--out", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
              help="Write here; by default a folder of the plug-in's name.")  # fmt: skip
@common
@click.pass_obj
def plugin(settings: Settings, name: str, kind: str, out: Path | None) -> None:
    """Write a plug-in package of three files that installs and whose tests pass."""
    if not _NAME.fullmatch(name) or name[0].isdigit():
        raise UsageError(
            f"{name!r} is no name for a plug-in",
            hint="use small letters, digits and single hyphens, a letter first",
        )
    folder, module = out or Path(name), name.replace("-", "_")
    words = {
        "name": name,
        "module": module,
        "distribution": f"dpaudit-{name}",
        "title": name.replace("-", " ").capitalize(),
    }
    written = {
        folder / "pyproject.toml": _filled("pyproject.toml.txt", words),
        folder / f"{module}.py": _filled(f"{kind}.py.txt", words),
        folder / f"test_{module}.py": _filled("test.py.txt", words),
    }
    _write(written)
    steps = [
        f"python -m pip install -e {folder}",
        f"dpaudit plugins check {name}",
        f"python -m pytest {folder}",
    ]
    _told(settings, written, [f"edit {folder / f'{module}.py'}, then:", *steps])


@command.command("audit")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), default="audit.toml")
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="A CSV file with a row for each entity.",
)
@click.option("--entity", metavar="COLUMN", help="The column of identifiers; else the first.")
@click.option(
    "--count", metavar="COLUMN", help="The column of true counts; else the first of whole numbers."
)
@click.option(
    "--status",
    type=click.Choice(("public", "confidential")),
    default="confidential",
    show_default=True,
    help="Whether the counts may be printed.",
)
@click.option(
    "--decision",
    default="allotment",
    show_default=True,
    metavar="NAME",
    help="The plug-in that decides.",
)
@common
@click.pass_obj
def audit(
    settings: Settings,
    path: Path,
    data: Path,
    entity: str | None,
    count: str | None,
    status: str,
    decision: str,
) -> None:  # fmt: skip
    """Write an audit file for a CSV file."""
    header, rows = _table(data)
    entity = _column(entity, header, data) if entity else header[0]
    whole = [n for i, n in enumerate(header) if n != entity and _whole(row[i] for row in rows)]
    if count is None and not whole:
        raise UsageError(
            f"{data}: no column holds whole numbers of 0 or more",
            hint="name the column of true counts with --count",
        )
    count = _column(count, header, data) if count else whole[0]
    inside = data.resolve().is_relative_to(path.resolve().parent)
    name = data.resolve().relative_to(path.resolve().parent) if inside else data.resolve()
    words = {
        "file": _quoted(name.as_posix()),
        "entity": _quoted(entity),
        "count": _quoted(count),
        "status": status,
        "decision": _quoted(decision),
    }
    _write({path: _filled("new-audit.toml.txt", words, folder="audit")})
    _told(settings, {path: ""}, ["next:", f"dpaudit check {path}", f"dpaudit report {path}"])


def _filled(name: str, words: Mapping[str, str], folder: str = "plugin") -> str:
    template = files("dpaudit_templates").joinpath(folder, name).read_text(encoding="utf-8")
    return Template(template).substitute(words)


def _write(contents: Mapping[Path, str]) -> None:
    """Write every file, or none where one is there already."""
    for path in contents:
        if path.exists():
            raise UsageError(f"{str(path)!r} exists already", hint="choose another name or --out")
    try:
        for path, text in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(
            f"cannot write {str(path)!r}: {error.strerror}", hint="choose another folder"
        ) from error


def _told(settings: Settings, written: Mapping[Path, str], lines: list[str]) -> None:
    if settings.json:
        document({"files": [str(path) for path in written], "next": lines})
        return
    for path in written:
        echo(f"{path} written")
    echo("\n  ".join(lines))


def _table(path: Path) -> tuple[list[str], list[list[str]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    if not header or not rows:
        raise UsageError(f"{path}: no row under the header", hint="name a CSV file with data")
    return header, [row for row in rows if len(row) == len(header)]


def _column(name: str, header: list[str], path: Path) -> str:
    if name not in header:
        raise UsageError(f"{path} has no column {name!r}", hint=f"columns: {', '.join(header)}")
    return name


def _whole(values: object) -> bool:
    return all(str(value).strip().isdigit() for value in values)  # type: ignore[attr-defined]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
