"""What the example's report costs, and what ``--help`` costs: run by ``make bench``.

Bars: ``dpaudit report`` of the example under 20 s and 500 MB, warm; ``dpaudit --help`` at most
12 times ``python -c pass`` in CPU time, the median of alternating pairs.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "title_i" / "audit.toml"
PAIRS = 7
SECONDS, MEGABYTES, HELP_RATIO = 20.0, 500.0, 12.0


def child_cpu(command: list[str]) -> float:
    """Return the CPU seconds of one run of ``command``."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def report() -> tuple[float, float]:
    """Return wall seconds and peak megabytes of the example's report, the second time."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "dpaudit", "report", str(EXAMPLE)]
        command += ["--out", folder, "--no-cache", "--quiet"]
        child_cpu(command)
        begun = time.perf_counter()
        child_cpu(command)
        seconds = time.perf_counter() - begun
    kilobytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return seconds, kilobytes / (1024.0 if sys.platform != "darwin" else 1024.0**2)


def help_ratio() -> float:
    """Return the CPU time of ``dpaudit --help`` over that of ``python -c pass``."""
    shown, nothing = (
        [sys.executable, "-m", "dpaudit", "--help"],
        [sys.executable, "-c", "pass"],
    )
    return statistics.median(child_cpu(shown) / child_cpu(nothing) for _ in range(PAIRS))


def main() -> int:
    """Print each figure beside its bar; return 1 if one is broken."""
    seconds, megabytes = report()
    rows = [
        ("report of examples/title_i, s", seconds, SECONDS),
        ("its peak memory, MB", megabytes, MEGABYTES),
        ("--help / python -c pass, CPU", help_ratio(), HELP_RATIO),
    ]
    for what, measured, bar in rows:
        print(f"{what:32} {measured:8.2f}   bar {bar:g}   {'ok' if measured <= bar else 'BROKEN'}")
    return int(any(measured > bar for _, measured, bar in rows))


if __name__ == "__main__":
    sys.exit(main())
