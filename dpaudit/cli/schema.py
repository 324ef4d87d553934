"""``dpaudit schema``: JSON schemas of the audit file and of ``findings.json``."""

from __future__ import annotations

import click

from dpaudit.cli.output import document
from dpaudit.cli.settings import Settings, common


@click.command("schema")
@click.option("--findings", is_flag=True, help="Print the schema of findings.json instead.")
@common
@click.pass_obj
def command(settings: Settings, findings: bool) -> None:
    """Print a JSON schema of the audit file, for editors that complete and check TOML."""
    if findings:
        from dpaudit.report.exports import findings_schema

        document(findings_schema())
        return
    from dpaudit.schema import json_schema

    document(json_schema(settings.registry()))
