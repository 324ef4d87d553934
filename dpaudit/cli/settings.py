"""Options that every command has, before or after its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from dpaudit.registry import Registry

F = TypeVar("F", bound=Callable[..., Any])


class Settings:
    """What the common options say.

    Attributes
    ----------
    plugin_files
        Plug-in files given by ``-p``.
    quiet
        No progress and no headlines: files, errors and exit codes only.
    json
        One JSON document on standard output, errors included.
    """

    def __init__(self) -> None:
        self.plugin_files: tuple[Path, ...] = ()
        self.quiet = False
        self.json = False

    def registry(self) -> Registry:
        """Return the installed plug-ins and those of ``-p``."""
        from dpaudit.registry import Registry

        return Registry.discover(files=self.plugin_files)


def common(function: F) -> F:
    """Add ``-p``, ``-q`` and ``--json`` to a command."""
    for decorate in (
        click.option(
            "--json", is_flag=True, expose_value=False, callback=_json,
            help="Write one JSON document to standard output.",
        ),
        click.option(
            "-q", "--quiet", is_flag=True, expose_value=False, callback=_quiet,
            help="Print no progress and no headlines.",
        ),
        click.option(
            "-p", "--plugin", "plugin_files", multiple=True, metavar="FILE", expose_value=False,
            type=click.Path(exists=True, dir_okay=False, path_type=Path), callback=_plugins,
            help="Load a plug-in from a file (may be repeated).",
        ),
    ):  # fmt: skip
        function = decorate(function)
    return function


def _settings(context: click.Context) -> Settings:
    return context.ensure_object(Settings)


def _json(context: click.Context, _: click.Parameter, value: bool) -> None:
    _settings(context).json |= value


def _quiet(context: click.Context, _: click.Parameter, value: bool) -> None:
    _settings(context).quiet |= value


def _plugins(context: click.Context, _: click.Parameter, value: tuple[Path, ...]) -> None:
    _settings(context).plugin_files += value
