"""What executors cost beside the work itself: run by ``make bench``.

Bars: threads at most 0.5 ms for each unit of work, Dask at most 3 ms for each and 2 s to start;
two threads take at most 10 % more CPU than one. Times on the clock are the best of several, for
whoever else uses the machine makes them longer; CPU is the median of alternating pairs.
"""

from __future__ import annotations

import copy
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import attrs
from harness import PAIRS, Row, show

import dpaudit
from dpaudit.engine.chunks import Chunk, Unit
from dpaudit.engine.executors import opened
from dpaudit.engine.runner import completed
from dpaudit.model.spec import Spec

UNITS = 400
THREAD_MS, DASK_MS, DASK_START, INFLATION = 0.5, 3.0, 2.0, 1.1
AUDIT = """
title = "Work for threads"

[data]
file = "districts.csv"
status = "public"
entity = "id"
count = "poor"

[run]
draws = 4000

[[release]]
name = "projected"
mechanism = { use = "laplace", epsilon = 0.1 }
neighbours = "add-remove"
postprocess = [{ use = "simplex" }]

[[decision]]
use = "allotment"
appropriation = 1_000_000
"""


nothing = copy.copy
"""Does no work: what remains is overhead. Like the real thing it is sent by its name."""


def units(count: int) -> list[Unit]:
    """Return units of one block of one task."""
    return [Unit(tasks=("task",), chunk=Chunk(i, 1), foreign=False) for i in range(count)]


def overhead(executor: str) -> float:
    """Return the milliseconds for each unit on an executor of two workers."""
    with opened(executor, 2) as place:
        times = []
        for _ in range(PAIRS):
            begun = time.perf_counter()
            given = units(UNITS)
            list(completed(given, lambda unit: place.executor.submit(nothing, unit), place.ahead))
            times.append(1000.0 * (time.perf_counter() - begun) / UNITS)
    return min(times)


def start() -> float:
    """Return the seconds until two new worker processes of Dask have answered."""
    begun = time.perf_counter()
    with opened("dask", 2) as place:
        list(completed(units(2), lambda unit: place.executor.submit(nothing, unit), 2))
        return time.perf_counter() - begun


def fresh_start() -> float:
    """Return the same in a process that has not imported Dask."""
    command = [sys.executable, __file__, "start"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def cpu(spec: Spec, workers: int) -> float:
    """Return the CPU seconds of a run."""
    begun = time.process_time()
    dpaudit.run(spec, workers=workers)
    return time.process_time() - begun


def inflation() -> float:
    """Return the CPU of two threads over that of one, the median of alternating pairs."""
    with tempfile.TemporaryDirectory() as folder:
        audit = Path(folder) / "audit.toml"
        audit.write_text(AUDIT, encoding="utf-8")
        rows = [f"{i},{(i * 7919) % 1500}" for i in range(16_000)]
        text = "\n".join(["id,poor", *rows])
        audit.with_name("districts.csv").write_text(text, encoding="utf-8")
        spec = dpaudit.load(audit)
        short = attrs.evolve(spec, run=attrs.evolve(spec.run, draws=256))
        cpu(short, 2)
        return statistics.median(cpu(spec, 2) / cpu(spec, 1) for _ in range(PAIRS))


def main() -> int:
    """Print each figure beside its bar; return 1 if one is broken."""
    rows = [
        Row("threads, ms for each unit", overhead("threads"), THREAD_MS),
        Row("Dask, ms for each unit", overhead("dask"), DASK_MS),
        Row("Dask, s to start and answer", min(fresh_start() for _ in range(PAIRS)), DASK_START),
        Row("two threads / one, CPU", inflation(), INFLATION),
    ]
    return show("executors", rows)


if __name__ == "__main__":
    if sys.argv[1:] == ["start"]:
        print(start())
    else:
        sys.exit(main())
