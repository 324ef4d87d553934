"""``dpaudit show``: the findings of an earlier report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from dpaudit.cli.headlines import print_findings
from dpaudit.cli.output import document, echo
from dpaudit.cli.settings import Settings, common
from dpaudit.errors import UsageError


@click.command("show")
@click.argument("folder", type=click.Path(path_type=Path))
@common
@click.pass_obj
def command(settings: Settings, folder: Path) -> None:
    """Print the findings of an earlier report, from its folder."""
    content = _read(folder / "findings.json")
    if settings.json:
        document(content)
        return
    if not settings.quiet:
        echo(f"{content['title']}\n")
    print_findings(content["findings"], heading="Findings")
    print_findings(content.get("thresholds", ()), heading="Thresholds")


def _read(path: Path) -> dict[str, Any]:
    """Return the findings, or say what is wrong with the file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"cannot read {str(path)!r}: {error.strerror}",
            hint="name the folder that 'dpaudit report' wrote with the format json",
        ) from error
    except ValueError as error:
        raise UsageError(
            f"{str(path)!r} is not JSON: {error}", hint="make the report again"
        ) from error
    if not isinstance(content, dict) or not {"title", "findings"} <= content.keys():
        raise UsageError(
            f"{str(path)!r} is not a findings file of dpaudit", hint="make the report again"
        )
    return content
