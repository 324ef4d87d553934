"""Progress goes to stderr: a bar on a terminal, rare plain lines otherwise."""

from __future__ import annotations

import io

import pytest

from dpaudit.cli import progress
from dpaudit.cli.progress import Bar, Lines, progress_for
from dpaudit.engine.runner import Width


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


def no_width():
    return None


def test_lines_come_at_most_every_five_seconds(clock):
    stream = io.StringIO()
    lines = Lines(stream)
    lines.started(10_000)
    for done, now in enumerate([101.0, 104.0, 106.0, 107.0, 112.0], start=1):
        clock[0] = now
        lines.advanced(1000 * done, no_width)
    lines.finished()
    assert stream.getvalue().splitlines() == [
        "measured 3,000 of 10,000 draws, 6 s elapsed, about 14 s remaining",
        "measured 5,000 of 10,000 draws, 12 s elapsed, about 12 s remaining",
    ]


@pytest.mark.parametrize(("width", "told"), [(1234.5, "1,234"), (0.012345, "0.0123")])
def test_a_line_tells_how_wide_the_widest_interval_is(clock, width, told):
    stream = io.StringIO()
    lines = Lines(stream)
    lines.started(128)
    clock[0] += 6.0
    lines.advanced(64, lambda: Width(task="clipped / allotment", width=width, unit="dollars"))
    assert stream.getvalue().endswith(
        f", widest bias interval {told} dollars (clipped / allotment)\n"
    )


def test_the_width_is_computed_only_when_it_is_shown(clock):
    asked = []

    def width():
        asked.append(clock[0])

    lines, bar = Lines(io.StringIO()), Bar(Terminal())
    for each in (lines, bar):
        each.started(1000)
        for _ in range(50):
            clock[0] += 0.01
            each.advanced(10, width)
        each.finished()
    assert len(asked) == 1  # once for the bar


def test_the_bar_leaves_nothing_behind(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    stream = Terminal()
    bar = Bar(stream)
    bar.started(4)
    bar.advanced(4, lambda: Width(task="t", width=7.0, unit="persons"))
    bar.said("the cache entry 'x' is damaged")
    bar.finished()
    bar.finished()
    assert "measuring" in stream.getvalue()
    assert "widest bias interval 7 persons (t)" in stream.getvalue()
    assert "warning: the cache entry 'x' is damaged" in stream.getvalue()
    assert not stream.getvalue().endswith("measuring\n")


def test_a_bar_that_never_started_is_harmless():
    stream = Terminal()
    bar = Bar(stream)
    bar.said("first")
    bar.advanced(1, no_width)
    bar.finished()
    assert bar._bar is None
    assert stream.getvalue() == "warning: first\n"
