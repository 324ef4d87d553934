"""``dpaudit plan`` says what an audit costs, and when that is too much; executors by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dpaudit.cli import memory
from dpaudit.cli.main import run
from dpaudit.cli.plan import _duration
from dpaudit.estimators import room

AUDIT = str(Path(__file__).parents[2] / "examples" / "own_formula" / "audit.toml")


def test_a_plan_says_time_memory_and_what_they_are_from(capsys):
    assert run(["plan", AUDIT, "--draws", "640", "--workers", "2"]) == 0
    out = capsys.readouterr().out
    assert "8 tasks, 640 draws each" in out
    assert "predicted from" in out
    assert "64 draws" in out
    assert "with 2 workers, and" in out
    assert "a factor of 2" in out


def test_a_plan_warns_of_too_much_memory(capsys):
    assert run(["plan", AUDIT, "--memory-limit", "1MB", "--json"]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert found["exceeds_memory_limit"] is True
    assert found["memory_limit_bytes"] == 1_000_000
    assert found["memory_bytes"] > 1_000_000
    assert all(task["seconds"] > 0 and task["memory_bytes"] > 0 for task in found["tasks"])
    assert "and the limit is 1 MB" in captured.err
    assert "fewer workers" in captured.err
    assert run(["plan", AUDIT, "--memory-limit", "1TB"]) == 0
    assert "limit" not in capsys.readouterr().err


@pytest.mark.parametrize("size", ["much", "-1GB", "1 PB", "4,5GB"])
def test_an_amount_of_memory_that_is_none(size, capsys):
    assert run(["plan", AUDIT, f"--memory-limit={size}"]) == 2
    assert f"{size!r} is no amount of memory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "amount"), [("4GB", 4e9), ("500 mb", 5e8), ("1.5GiB", 1.5e9), ("123", 123.0)]
)
def test_amounts_of_memory(text, amount):
    assert memory.Amount().convert(text, None, None) == amount


def test_what_there_is_and_what_is_in_use(monkeypatch, tmp_path):
    assert room.available() > room.in_use() > 1e6
    group = tmp_path / "memory.max"
    group.write_text("1000000\n")
    monkeypatch.setattr(room, "_GROUP", group)
    assert room.available() == 1e6
    group.write_text("max\n")
    assert room.available() > 1e6
    assert [room.told(amount) for amount in (1.0, 5e6, 2.34e9)] == ["1 MB", "5 MB", "2.3 GB"]


def test_durations():
    assert [_duration(each) for each in (0.123, 12.3, 90.0, 7200.0)] == [
        "0.12 s",
        "12 s",
        "1.5 min",
        "2.0 h",
    ]


def test_an_executor_is_named_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command = ["run", AUDIT, "--draws", "128", "--executor", "processes", "--workers", "2"]
    assert run(command) == 0
    record = json.loads((tmp_path / "dpaudit-report" / "run.json").read_text(encoding="utf-8"))
    assert (record["executor"], record["workers"]) == ("processes", 2)
    capsys.readouterr()
    assert run(["run", AUDIT, "--executor", "dusk"]) == 2
    assert "error: no executor is called 'dusk'" in capsys.readouterr().err
