"""Writes docs/reference from the program itself: hooks, commands and interfaces of plug-ins.

The pages are kept in the repository; a test compares them with what this makes.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click

from dpaudit import hookspecs
from dpaudit.cli.main import COMMANDS, dpaudit
from dpaudit.interfaces import BASES, Plugin
from dpaudit.plugin_module import HOOKS

FOLDER = Path(__file__).parent / "reference"


def pages() -> dict[str, str]:
    """Return every page by its file name."""
    return {"hooks.md": hooks(), "commands.md": commands(), "interfaces.md": interfaces()}


def hooks() -> str:
    """Return the page of the hooks, in the order of an audit's life."""
    head = (
        "# Hooks\n\nIn the order of an audit's life. A module implements one by a function of "
        "that name marked `@dpaudit.hookimpl`; it takes those of the arguments that it needs. A "
        "hook that fails is named, and the command ends with exit code 3."
    )
    parts = [head]
    for name in HOOKS:
        hook = getattr(hookspecs, name)
        signature = _signature(hook)
        parts.append(f"## {name}\n\n`{name}{signature}`\n\n{_text(hook)}")
    return "\n\n".join(parts) + "\n"


def commands() -> str:
    """Return the page of the commands with every option."""
    parts = [f"# Commands\n\n{_text(dpaudit.callback)}"]
    context = click.Context(dpaudit, info_name="dpaudit")
    for name in COMMANDS:
        command = dpaudit.get_command(context, name)
        if command is not None:
            parts += _command(command, click.Context(command, context, info_name=name))
    return "\n\n".join(parts) + "\n"


def interfaces() -> str:
    """Return the page of the seven kinds of plug-in with all that each may say of itself."""
    parts = [f"# Kinds of plug-in\n\n{_text(inspect.getmodule(Plugin))}"]
    for kind, base in {"plugin": Plugin, **BASES}.items():
        parts.append(f"## {kind.capitalize()}\n\n{_sections(_text(base))}")
        for name, member in vars(base).items():
            function = member.fget if isinstance(member, property) else member
            if name.startswith("_") or not inspect.isfunction(function):
                continue
            call = "" if isinstance(member, property) else _signature(function)
            parts.append(f"### {kind}.{name}\n\n`{name}{call}`\n\n{_sections(_text(function))}")
    return "\n\n".join(parts) + "\n"


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## {context.command_path}\n\n{_text(command.callback)}"
    rows = ["| argument or option | what it says |", "|---|---|"]
    for parameter in command.params:
        record = parameter.get_help_record(context)
        names, told = record or (parameter.make_metavar(context), "needed")
        rows.append(f"| `{_cell(names)}` | {_cell(told)} |")
    yield "\n".join(rows)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _command(inner, click.Context(inner, context, info_name=name))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _text(thing: object) -> str:
    return _plain(inspect.getdoc(thing) or "")


def _plain(text: str) -> str:
    """Return a docstring as Markdown: code in single backticks, references as code."""
    text = re.sub(r":\w+:`~?\.?([^`]*)`", r"`\1`", text)
    return text.replace("``", "`")


def _sections(text: str) -> str:
    """Return the sections of a numpydoc docstring as bold lines with lists."""
    lines, made = text.split("\n"), []
    is_list = False
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if set(line) == {"-"} and len(line) > 2:  # noqa: PLR2004 - a rule of hyphens
            is_list = True
            continue
        if set(after) == {"-"} and len(after) > 2:  # noqa: PLR2004
            made += [f"**{line}**", ""]
        elif is_list and line and not line.startswith(" "):
            made += [f"- `{line}`"]
        else:
            made.append(line)
    return "\n".join(made)


def _signature(function: object) -> str:
    text = str(inspect.signature(function))  # type: ignore[arg-type]
    return text.replace("'", "").replace("(self, ", "(").replace("(self)", "()")


def main() -> None:
    """Write every page."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
