"""The group of subcommands, and how every ending becomes an exit code.

``dpaudit --help`` must cost next to nothing, so the table below says where each subcommand
lives and what it does, and a module is imported when its command is called.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import cast

import click

from dpaudit.cli.output import error_out
from dpaudit.cli.settings import Settings, common
from dpaudit.errors import DpauditError, ExitCode

COMMANDS: Mapping[str, tuple[str, str]] = {
    "init": ("dpaudit.cli.init", "Write a commented audit file to start from."),
    "check": ("dpaudit.cli.check", "Find the faults of an audit file and its data."),
    "plan": ("dpaudit.cli.plan", "List what an audit would measure, and what it would cost."),
    "run": ("dpaudit.cli.run", "Measure, and write the measurements only."),
    "report": ("dpaudit.cli.report", "Measure and write the report: everything in one go."),
    "show": ("dpaudit.cli.show", "Print the findings of an earlier report."),
    "audit-mechanism": (
        "dpaudit.cli.audit_mechanism",
        "Test what a mechanism promises, by running it.",
    ),
    "audit-canaries": (
        "dpaudit.cli.audit_canaries",
        "Bound epsilon from the canaries of one run.",
    ),
    "compare": ("dpaudit.cli.compare", "Say what changed between two reports, beyond the noise."),
    "verify": ("dpaudit.cli.verify", "Check a report against its digests, or measure it again."),
    "plugins": ("dpaudit.cli.plugins", "List plug-ins, show what they do, and check them."),
    "new": ("dpaudit.cli.new", "Write a plug-in package, or an audit file for your data."),
    "data": ("dpaudit.cli.data", "List data and fetch them."),
    "doctor": ("dpaudit.cli.doctor", "Check this installation."),
    "completion": ("dpaudit.cli.completion", "Print the completion of bash, zsh or fish."),
    "schema": ("dpaudit.cli.schema", "Print a JSON schema of the audit file."),
}
"""Name, module and one line of help of every subcommand of our own."""

_OF_THE_DISK = {
    errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.ENAMETOOLONG, errno.ENOSPC, errno.EPERM,
    errno.EROFS,
}  # fmt: skip
"""What is wrong with a disk, a name or permissions, and not with dpaudit."""


class Commands(click.Group):
    """Imports a subcommand when it is called; asks the plug-ins for names it does not know."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        """Return our own subcommands in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a subcommand, or ``None`` if nobody has it."""
        if cmd_name in COMMANDS:
            module = importlib.import_module(COMMANDS[cmd_name][0])
            return cast("click.Command", module.command)
        return _from_plugins(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table without importing a subcommand."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])
        formatter.write_paragraph()
        formatter.write_text("Plug-ins may add commands; 'dpaudit COMMAND --help' explains one.")


def _from_plugins(ctx: click.Context, name: str) -> click.Command | None:
    """Return a command that a plug-in offers through the ``commands`` hook."""
    settings = ctx.find_object(Settings)
    commands = (settings or Settings()).registry().commands()
    return next((command for command in commands if command.name == name), None)


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"dpaudit {version('dpaudit')}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version,
    help="Print the version.",
)  # fmt: skip
@common
def dpaudit() -> None:
    """Audit the fairness and privacy of differentially private releases and decisions.

    Exit codes: 0 done; 1 a fail_if threshold is broken; 2 the command, audit file or data is
    wrong; 3 a plug-in or dpaudit failed; 4 cannot tell (with --strict); 130 interrupted.
    """


def run(arguments: Sequence[str]) -> int:  # noqa: PLR0911 - one for each kind of ending
    """Run one command line and return its exit code; never raises.

    Parameters
    ----------
    arguments
        The words after ``dpaudit``.
    """
    if instruction := os.environ.get("_DPAUDIT_COMPLETE"):
        from click.shell_completion import shell_complete

        return shell_complete(dpaudit, {}, "dpaudit", "_DPAUDIT_COMPLETE", instruction)
    settings = Settings()
    try:
        with dpaudit.make_context("dpaudit", list(arguments), obj=settings) as context:
            dpaudit.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as ending:
        return ending.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on
        return ExitCode.FAILED
    except (KeyboardInterrupt, click.Abort):
        message = "interrupted: what was measured is kept"
        return error_out(settings, message, "resume with the same command", ExitCode.INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as shown:
        click.echo(shown.format_message(), err=True)
        return ExitCode.WRONG_INPUT
    except click.ClickException as fault:
        return error_out(settings, fault.format_message(), _usage_hint(fault), ExitCode.WRONG_INPUT)
    except DpauditError as fault:
        return error_out(settings, fault.message, fault.hint, fault.exit_code)
    except (Exception, SystemExit) as fault:  # noqa: BLE001 - the last line of defence
        return _defect(settings, fault)
    return ExitCode.DONE


def _usage_hint(fault: click.ClickException) -> str | None:
    context = getattr(fault, "ctx", None)
    return f"see '{context.command_path} --help'" if context is not None else None


def _defect(settings: Settings, fault: BaseException) -> int:
    """Say that dpaudit itself failed, with the traceback that a bug report needs.

    A disk that is full or may not be written to is nobody's defect.
    """
    if isinstance(fault, OSError) and fault.errno in _OF_THE_DISK:
        named = f" {fault.filename!r}" if fault.filename else ""
        message = f"cannot read or write{named}: {fault.strerror}"
        hint = "free some space, or choose another folder"
        return error_out(settings, message, hint, ExitCode.WRONG_INPUT)
    import traceback

    traceback.print_exception(fault)
    message = f"dpaudit failed: {type(fault).__name__}: {fault}"
    return error_out(settings, message, "report this with the traceback above", ExitCode.FAILED)
