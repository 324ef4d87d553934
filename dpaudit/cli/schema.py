"""``dpaudit schema``: a JSON schema of the audit file, with the installed plug-ins."""

from __future__ import annotations

import click

from dpaudit.cli.output import document
from dpaudit.cli.settings import Settings, common


@click.command("schema")
@common
@click.pass_obj
def command(settings: Settings) -> None:
    """Print a JSON schema of the audit file, for editors that complete and check TOML."""
    from dpaudit.schema import json_schema

    document(json_schema(settings.registry()))
