"""Progress on stderr: a bar on a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from dpaudit.engine.runner import Progress

EVERY = 5.0
"""Seconds between two plain lines, at least."""


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

    def started(self, total_blocks: int) -> None:
        """Remember the total and the time."""
        self._total = total_blocks
        self._start = self._last = time.monotonic()

    def advanced(self, done_blocks: int) -> None:
        """Write a line if the last one is old enough."""
        now = time.monotonic()
        if now - self._last < EVERY or not 0 < done_blocks <= self._total:
            return
        self._last = now
        elapsed = now - self._start
        remaining = elapsed * (self._total - done_blocks) / done_blocks
        self._stream.write(
            f"measured {done_blocks} of {self._total} blocks, {elapsed:.0f} s elapsed, "
            f"about {remaining:.0f} s remaining\n"
        )
        self._stream.flush()

    def finished(self) -> None:
        """Write nothing: the findings follow."""


class Bar:
    """A bar with blocks, elapsed and remaining time; leaves nothing behind."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None

    def started(self, total_blocks: int) -> None:
        """Show the bar."""
        from rich import progress
        from rich.console import Console

        self._bar = progress.Progress(
            progress.TextColumn("measuring"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn("blocks"),
            progress.TimeElapsedColumn(),
            progress.TextColumn("elapsed,"),
            progress.TimeRemainingColumn(),
            progress.TextColumn("remaining"),
            console=Console(file=self._stream, stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("measuring", total=total_blocks)
        self._bar.start()

    def advanced(self, done_blocks: int) -> None:
        """Move the bar."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done_blocks)

    def finished(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
