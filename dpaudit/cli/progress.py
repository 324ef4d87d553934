"""Progress on stderr: a bar on a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from dpaudit.model.text import visible

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from dpaudit.engine.runner import Progress, Width

EVERY = 5.0
"""Seconds between two plain lines, at least."""

FRESH = 1.0
"""Seconds for which the width in a bar is shown before it is computed again."""


def progress_for(stream: TextIO | None = None, *, quiet: bool = False) -> Progress | None:
    """Return the progress that suits ``stream`` (stderr), or ``None`` for silence."""
    stream = sys.stderr if stream is None else stream
    if quiet:
        return None
    return Bar(stream) if stream.isatty() else Lines(stream)


class Lines:
    """Plain lines for logs, at most one every five seconds."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._total = 0
        self._start = self._last = time.monotonic()

    def started(self, total_draws: int) -> None:
        """Remember the total and the time."""
        self._total = total_draws
        self._start = self._last = time.monotonic()

    def advanced(self, done_draws: int, width: Callable[[], Width | None]) -> None:
        """Write a line if the last one is old enough."""
        now = time.monotonic()
        if now - self._last < EVERY or not 0 < done_draws <= self._total:
            return
        self._last = now
        elapsed = now - self._start
        remaining = elapsed * (self._total - done_draws) / done_draws
        self._write(
            f"measured {done_draws:,} of {self._total:,} draws, {elapsed:.0f} s elapsed, "
            f"about {remaining:.0f} s remaining{_told(width())}"
        )

    def said(self, message: str) -> None:
        """Write a warning."""
        self._write(f"warning: {message}")

    def finished(self) -> None:
        """Write nothing: the findings follow."""

    def _write(self, line: str) -> None:
        self._stream.write(f"{visible(line)}\n")
        self._stream.flush()


class Bar:
    """A bar with draws, elapsed and remaining time and the widest band; leaves nothing behind."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None
        self._computed = 0.0

    def started(self, total_draws: int) -> None:
        """Show the bar."""
        from rich import progress
        from rich.console import Console

        self._bar = progress.Progress(
            progress.TextColumn("measuring"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn("draws"),
            progress.TimeElapsedColumn(),
            progress.TextColumn("elapsed,"),
            progress.TimeRemainingColumn(),
            progress.TextColumn("remaining{task.fields[width]}", markup=False),
            console=Console(file=self._stream, stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("measuring", total=total_draws, width="")
        self._bar.start()

    def advanced(self, done_draws: int, width: Callable[[], Width | None]) -> None:
        """Move the bar, and now and then find out how wide the intervals are."""
        if self._bar is None or self._task is None:
            return
        now = time.monotonic()
        if now - self._computed < FRESH:
            self._bar.update(self._task, completed=done_draws)
        else:
            self._computed = now
            self._bar.update(self._task, completed=done_draws, width=_told(width()))

    def said(self, message: str) -> None:
        """Write a warning above the bar."""
        if self._bar is not None:
            self._bar.console.print(f"warning: {visible(message)}", markup=False, highlight=False)
        else:
            self._stream.write(f"warning: {visible(message)}\n")

    def finished(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _told(width: Width | None) -> str:
    """Return how wide the widest interval is, after a comma; nothing where all is exact."""
    if width is None:
        return ""
    size = f"{width.width:,.0f}" if width.width >= 1000 else f"{width.width:.3g}"  # noqa: PLR2004
    return visible(f", widest bias interval {size} {width.unit} ({width.task})")
