"""``dpaudit completion``: what a shell needs to complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from dpaudit.cli.settings import common
from dpaudit.errors import UsageError

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@common
def command(shell: str) -> None:
    """Print the completion of bash, zsh or fish.

    In bash: eval "$(dpaudit completion bash)"; in zsh the same with zsh; in fish:
    dpaudit completion fish | source
    """
    root = click.get_current_context().find_root().command
    cls = get_completion_class(shell)
    if cls is None:
        raise UsageError(f"no completion for {shell!r}", hint=f"known: {', '.join(SHELLS)}")
    click.echo(cls(root, {}, "dpaudit", "_DPAUDIT_COMPLETE").source())
