"""``dpaudit init``: a commented audit file to start from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from dpaudit.cli.output import document, echo
from dpaudit.cli.settings import Settings, common
from dpaudit.errors import UsageError


@click.command("init")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), default=Path("audit.toml"))
@click.option(
    "--example", is_flag=True, help="Write an example with data and a rule of its own beside it."
)
@common
@click.pass_obj
def command(settings: Settings, path: Path, example: bool) -> None:
    """Write a commented audit file to start from; never over another file."""
    if example:
        _example(settings, path.parent)
        return
    text = files("dpaudit_templates").joinpath("audit", "audit.toml").read_text(encoding="utf-8")
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(
            f"{str(path)!r} exists already", hint=f"name another file: dpaudit init my-{path.name}"
        ) from None
    except OSError as error:
        raise UsageError(
            f"cannot write {str(path)!r}: {error.strerror}", hint="name a file in another folder"
        ) from error
    if settings.json:
        document({"audit": str(path)})
    else:
        echo(f"{path} written; next: dpaudit report {path}")


def _example(settings: Settings, folder: Path) -> None:
    """Write the files of an example, or none where one is there already."""
    source = files("dpaudit_templates").joinpath("example")
    contents = {
        folder / each.name.removesuffix(".txt"): each.read_bytes() for each in source.iterdir()
    }
    for path in contents:
        if path.exists():
            hint = "give another folder: dpaudit init --example FOLDER/audit.toml"
            raise UsageError(f"{str(path)!r} exists already", hint=hint)
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in contents.items():
        path.write_bytes(content)
    if settings.json:
        document({"files": [str(path) for path in contents]})
        return
    for path in contents:
        echo(f"{path} written")
    echo(f"next: dpaudit report {folder / 'audit.toml'}")
