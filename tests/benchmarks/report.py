"""What the example's report costs: run by ``make bench``.

Bars: ``dpaudit report`` of the example under 20 s and 500 MB, warm.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time

from harness import ROOT, Row, child_cpu, show

EXAMPLE = ROOT / "examples" / "title_i" / "audit.toml"
SECONDS, MEGABYTES = 20.0, 500.0


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


def main() -> int:
    """Print each figure beside its bar; return 1 if one is broken."""
    seconds, megabytes = report()
    rows = [
        Row("report of examples/title_i, s", seconds, SECONDS),
        Row("its peak memory, MB", megabytes, MEGABYTES),
    ]
    return show("report", rows)


if __name__ == "__main__":
    sys.exit(main())
