"""What every benchmark shares: alternating pairs, rows beside their bars, a file of results.

Each benchmark is a program of its own: it prints its figures, returns 1 if a bar is broken, and,
where ``$DPAUDIT_BENCH`` names a folder, leaves them there as JSON. ``table.py`` makes the
README's table of those files.
"""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np

from dpaudit.model.arrays import FloatArray

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("DPAUDIT_SHARED", ROOT.parent / "shared"))
PEERS = ("numpy", "scipy", "cvxpy", "osqp", "clarabel", "POT", "opendp", "distributed")
PAIRS = 5
N = 16_000


@attrs.frozen
class Row:
    """A figure, its bar, and whether a higher figure is the better one."""

    what: str
    measured: float
    bar: float
    more: bool = False

    @property
    def holds(self) -> bool:
        """Whether the bar is kept; what is not a number keeps none."""
        return self.measured >= self.bar if self.more else self.measured <= self.bar


def cpu(call: Callable[[], object]) -> float:
    """Return the CPU seconds of a call."""
    begun = time.process_time()
    call()
    return time.process_time() - begun


def child_cpu(command: list[str]) -> float:
    """Return the CPU seconds of one run of ``command``, which must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def pairs(
    peer: Callable[[], object],
    own: Callable[[], object],
    *,
    times: int = 1,
    rounds: int = PAIRS,
) -> tuple[float, float]:
    """Return CPU of ``peer`` over that of ``own`` and the seconds of ``own``, both medians.

    The two alternate in this process, after one call of ``own`` that warms it up; ``own`` is
    called ``times`` times in each pair, so that the clock's steps do not matter.
    """
    own()
    found = []
    for _ in range(rounds):
        theirs = cpu(peer)
        ours = cpu(lambda: [own() for _ in range(times)]) / times
        found.append((theirs / ours, ours))
    return tuple(statistics.median(column) for column in zip(*found, strict=True))


def seconds(call: Callable[[], object], *, times: int = PAIRS) -> float:
    """Return the median CPU seconds of some calls, after one that warms up."""
    call()
    return statistics.median(cpu(call) for _ in range(times))


def districts(n: int = N) -> tuple[FloatArray, FloatArray]:
    """Return counts like those of school districts, one of them very large, and weights."""
    rng = np.random.default_rng(1)
    counts = np.round(np.exp(rng.normal(5.3, 1.4, n)))
    counts[0] = 250_000.0
    return counts, rng.uniform(4000.0, 9000.0, n)


def machine() -> dict[str, str]:
    """Return the kind of processor, its cores, the day, and the versions that were measured."""
    found = {"day": dt.datetime.now(dt.UTC).date().isoformat()}
    found["processor"] = f"{platform.machine()}, {_processor()}, {os.cpu_count()} cores"
    found["Python"] = platform.python_version()
    for name in PEERS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    return next((x.split(":")[1].strip() for x in text.splitlines() if x.startswith("model n")), "")


def show(name: str, rows: list[Row]) -> int:
    """Print each figure beside its bar and keep them; return 1 if a bar is broken."""
    for row in rows:
        sign, verdict = (">=", "<=")[not row.more], "ok" if row.holds else "BROKEN"
        print(f"{row.what:62} {row.measured:11.4g}   bar {sign} {row.bar:<8g} {verdict}")
    if folder := os.environ.get("DPAUDIT_BENCH"):
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        kept = {"machine": machine(), "load": load, "rows": [attrs.asdict(row) for row in rows]}
        Path(folder).mkdir(parents=True, exist_ok=True)
        text = json.dumps(kept, indent=1)
        Path(folder, f"{name}.json").write_text(text + "\n", encoding="utf-8")
    sys.stdout.flush()
    return int(not all(row.holds for row in rows))
