"""What commands print: findings and documents to stdout, everything else to stderr."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from typing import Any

import click

from dpaudit.cli.settings import Settings

STYLES = {"met": "green", "not met": "red", "higher": "yellow", "lower": "yellow", "ok": "green",
          "warning": "yellow", "wrong": "red"}  # fmt: skip


def coloured(word: str) -> str:
    """Return a verdict in its colour, unless ``NO_COLOR`` is set (click drops it in a pipe)."""
    if os.environ.get("NO_COLOR") or word not in STYLES:
        return word
    return click.style(word, fg=STYLES[word])


def document(content: Any) -> None:
    """Write one JSON document."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=str))


def table(rows: Iterable[Sequence[str]], *, indent: str = "") -> None:
    """Write columns, aligned; the last one takes what room there is."""
    lines = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        click.echo((indent + "  ".join(cells)).rstrip())


def warn(message: str, hint: str | None = None) -> None:
    """Write one line to stderr, and the next step below it."""
    click.echo(f"warning: {message}" + (f"\n  help: {hint}" if hint else ""), err=True)


def error_out(settings: Settings, message: str, hint: str | None, code: int) -> int:
    """Write an error (as JSON too where that was asked for) and return ``code``."""
    click.echo(f"error: {message}" + (f"\n  help: {hint}" if hint else ""), err=True)
    if settings.json:
        document({"error": {"message": message, "hint": hint, "exit_code": int(code)}})
    return int(code)
