"""``dpaudit data``: the embedded data."""

from __future__ import annotations

import click

from dpaudit.cli.output import document, table
from dpaudit.cli.settings import Settings, common


@click.group("data")
@common
def command() -> None:
    """List the embedded data."""


@command.command("list")
@common
@click.pass_obj
def list_data(settings: Settings) -> None:
    """List the data that an audit file can name as builtin:NAME."""
    found = settings.registry().datasets()
    if settings.json:
        document([{"name": f"builtin:{name}", "file": str(path)} for name, path in found.items()])
        return
    table([("in an audit file", "file"), *((f"builtin:{n}", p.name) for n, p in found.items())])
