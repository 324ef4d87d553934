"""Every ending becomes its exit code, with a line that says what to do."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import click
import pytest

from dpaudit.cli import main
from dpaudit.cli.main import COMMANDS, dpaudit, run
from dpaudit.errors import DataError, ExitCode, PluginError, UnavailableError


@pytest.fixture
def ending(monkeypatch):
    """Make ``dpaudit end`` raise what the test wants."""

    def make(error):
        @click.command("end")
        def command():
            raise error

        monkeypatch.setattr(
            main, "_from_plugins", lambda _, name: command if name == "end" else None
        )

    return make


def test_help_lists_every_command_with_its_line(capsys):
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    for name, (_, line) in COMMANDS.items():
        assert f"  {name} " in out
        assert line in out


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says(name):
    context = click.Context(dpaudit)
    command = dpaudit.get_command(context, name)
    assert command.name == name
    assert command.get_short_help_str(200).rstrip(".") in COMMANDS[name][1] + command.help
    assert command.help.startswith(COMMANDS[name][1].partition(":")[0].split(",")[0].rstrip("."))


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (DataError("d.csv:3: no count", hint="give one"), 2, "d.csv:3: no count\n  help: give"),
        (UnavailableError("no opendp"), 2, "error: no opendp\n"),
        (PluginError("the plug-in 'x' failed"), 3, "error: the plug-in 'x' failed\n"),
        (KeyboardInterrupt(), 130, "resume with the same command"),
        (click.Abort(), 130, "resume with the same command"),
        (click.UsageError("no such thing"), 2, "error: no such thing\n"),
        (ZeroDivisionError("by zero"), 3, "error: dpaudit failed: ZeroDivisionError: by zero\n"),
        (MemoryError(), 3, "MemoryError"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_an_error_becomes_its_exit_code(ending, capsys, error, code, message):
    ending(error)
    assert run(["end"]) == code
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert ("Traceback" in captured.err) is (code == 3 and not isinstance(error, PluginError))


def test_errors_are_json_where_json_is_asked_for(ending, capsys):
    ending(DataError("no count", hint="give one"))
    assert run(["--json", "end"]) == 2
    said = json.loads(capsys.readouterr().out)["error"]
    assert said == {"message": "no count", "hint": "give one", "exit_code": 2}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nonsense"], "--nonsense"),
        (["nonsense"], "nonsense"),
        (["report"], "AUDIT"),
        (["report", "a.toml", "--draws", "0"], "0 is not in the range"),
        (["-p", "no-such-file.py", "plugins", "list"], "no-such-file.py"),
        (["plugins", "show", "no-such-plugin"], "no plug-in is named 'no-such-plugin'"),
    ],
)
def test_a_wrong_command_is_named(capsys, arguments, message):
    assert run(arguments) == ExitCode.WRONG_INPUT
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_no_arguments_show_the_help(capsys):
    assert run([]) == ExitCode.WRONG_INPUT
    assert "Usage: dpaudit" in capsys.readouterr().err


def test_version(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("dpaudit 0.")


def test_a_plugin_adds_a_command(tmp_path, capsys):
    file = tmp_path / "greet.py"
    file.write_text(
        "import click, dpaudit\n"
        "@click.command('greet')\n"
        "def greet():\n    click.echo('good day')\n"
        "@dpaudit.hookimpl\n"
        "def dpaudit_commands():\n    return [greet]\n"
    )
    assert run(["-p", str(file), "greet"]) == 0
    assert capsys.readouterr().out == "good day\n"


def test_a_closed_output_is_no_success(tmp_path):
    script = f"{sys.executable} -m dpaudit plugins list --json | head -c 1 >/dev/null; "
    script += 'echo "${PIPESTATUS[0]}"'
    done = subprocess.run(
        ["/bin/bash", "-c", script], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout.strip() in {"0", "3"}  # 0 where all fitted into the pipe
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_help_costs_at_most_twelve_times_an_empty_program():
    """The median of eleven alternating pairs; measured at about four times."""

    def seconds(*arguments):
        started = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        return time.perf_counter() - started

    ratios = []
    for _ in range(11):
        empty = seconds("-c", "pass")
        ratios.append(seconds("-m", "dpaudit", "--help") / empty)
    assert sorted(ratios)[5] <= 12
