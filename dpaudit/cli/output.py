"""What commands print: findings and documents to stdout, everything else to stderr."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from typing import Any

import click

from dpaudit.cli.settings import Settings
from dpaudit.model.text import spelt, visible

STYLES = {"met": "green", "not met": "red", "higher": "yellow", "lower": "yellow", "ok": "green",
          "warning": "yellow", "wrong": "red"}  # fmt: skip


_COLOUR = re.compile("(\x1b\\[(?:0|3[1-3])m)")
"""What :func:`coloured` writes around a word, and nothing else of what a terminal obeys."""

_COMMAND = re.compile(r"(^\s*:(?=:)|##(?=\[))", re.MULTILINE)
"""What begins a workflow command of GitHub."""


def echo(text: str = "", *, err: bool = False) -> None:
    """Write text to stdout (or stderr) in which a terminal and a pipeline find nothing to obey.

    Names from data and audit files are part of it: what would move the cursor, reorder or hide
    text is taken out, and on GitHub no line is read as a workflow command.
    """
    parts = _COLOUR.split(text)
    parts[::2] = map(visible, parts[::2])
    shown = "".join(parts)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        shown = _COMMAND.sub(r"\1 ", shown)
    click.echo(shown, err=err)


def coloured(word: str) -> str:
    """Return a verdict in its colour, unless ``NO_COLOR`` is set (click drops it in a pipe)."""
    if os.environ.get("NO_COLOR") or word not in STYLES:
        return word
    return click.style(word, fg=STYLES[word])


def document(content: Any) -> None:
    """Write one JSON document."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=str)
    click.echo(spelt(text))


def table(rows: Iterable[Sequence[str]], *, indent: str = "") -> None:
    """Write columns, aligned; the last one takes what room there is."""
    lines = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        echo((indent + "  ".join(cells)).rstrip())


def warn(message: str, hint: str | None = None) -> None:
    """Write one line to stderr, and the next step below it."""
    echo(f"warning: {message}" + (f"\n  help: {hint}" if hint else ""), err=True)


def error_out(settings: Settings, message: str, hint: str | None, code: int) -> int:
    """Write an error (as JSON too where that was asked for) and return ``code``."""
    echo(f"error: {message}" + (f"\n  help: {hint}" if hint else ""), err=True)
    if settings.json:
        document({"error": {"message": message, "hint": hint, "exit_code": int(code)}})
    return int(code)
