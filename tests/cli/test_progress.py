"""Progress goes to stderr: a bar on a terminal, rare plain lines otherwise."""

from __future__ import annotations

import io

import pytest

from dpaudit.cli import progress
from dpaudit.cli.progress import Bar, Lines, progress_for


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_terminal_gets_a_bar_and_a_file_gets_lines():
    assert isinstance(progress_for(Terminal()), Bar)
    assert isinstance(progress_for(io.StringIO()), Lines)
    assert progress_for(Terminal(), quiet=True) is None


def test_lines_come_at_most_every_five_seconds(clock):
    stream = io.StringIO()
    lines = Lines(stream)
    lines.started(10)
    for done, now in enumerate([101.0, 104.0, 106.0, 107.0, 112.0], start=1):
        clock[0] = now
        lines.advanced(done)
    lines.finished()
    assert stream.getvalue().splitlines() == [
        "measured 3 of 10 blocks, 6 s elapsed, about 14 s remaining",
        "measured 5 of 10 blocks, 12 s elapsed, about 12 s remaining",
    ]


def test_the_bar_leaves_nothing_behind(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    bar = Bar(stream)
    bar.started(4)
    bar.advanced(4)
    bar.finished()
    bar.finished()
    assert "measuring" in stream.getvalue()
    assert not stream.getvalue().endswith("measuring\n")


def test_a_bar_that_never_started_is_harmless():
    bar = Bar(Terminal())
    bar.advanced(1)
    bar.finished()
    assert bar._bar is None
