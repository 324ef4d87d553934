"""``dpaudit init``: a commented audit file to start from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from dpaudit.cli.output import document
from dpaudit.cli.settings import Settings, common
from dpaudit.errors import UsageError


@click.command("init")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), default=Path("audit.toml"))
@common
@click.pass_obj
def command(settings: Settings, path: Path) -> None:
    """Write a commented audit file to start from; never over another file."""
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
        click.echo(f"{path} written; next: dpaudit report {path}")
