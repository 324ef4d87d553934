"""Long or large audits in a process of their own, with what they cost.

    python soak.py audits N | entities N | hierarchy N

Prints one JSON document; memory is in megabytes of resident memory.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import attrs
import numpy as np

import dpaudit

HEAD = """
title = "Soak"
[data]
file = "d.{kind}"
status = "public"
entity = "id"
count = "n"
groups = ["county"]
{levels}
[run]
draws = {draws}
"""
SHARES = """
[[release]]
name = "clipped"
mechanism = { use = "laplace", epsilon = 0.1 }
neighbours = "add-remove"
postprocess = [{ use = "non-negative" }]
[[decision]]
use = "allotment"
weights = "w"
[[audit]]
use = "bias"
[[audit]]
use = "alpha-fairness"
"""
DRAWN = """
[[release]]
name = "rounded"
mechanism = { use = "geometric", epsilon = 0.1 }
neighbours = "add-remove"
postprocess = [{ use = "simplex" }, { use = "round" }]
[[decision]]
use = "top-k"
k = 3
"""
TREE = """
[[release]]
name = "tree"
neighbours = "replace"
{mechanism}
use = "top-down"
[[release]]
name = "least squares"
neighbours = "replace"
{mechanism}
use = "hierarchical-least-squares"
[[decision]]
use = "counts"
[[audit]]
use = "bias"
""".replace(
    "{mechanism}",
    """
[release.mechanism]
use = "discrete-gaussian"
rho = 0.1
levels = { state = 0.2, county = 0.3, id = 0.5 }
invariants = ["total"]
[[release.postprocess]]""",
)


def resident() -> float:
    """Return the resident memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def peak() -> float:
    """Return the largest resident memory that this process has had.

    ``getrusage`` would tell that of the process which started this one, if it was larger.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def write(folder: Path, text: str, entities: int) -> Path:
    """Write data of so many entities, and an audit file of them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(1)
    place = np.arange(entities)
    county = place * min(3000, entities) // entities
    table = {
        "id": [f"{i:07d}" for i in place],
        "n": np.round(np.exp(rng.normal(4.0, 1.5, entities))).astype(np.int64),
        "w": np.round(rng.uniform(0.5, 2.0, entities), 3),
        "county": [f"c{i:04d}" for i in county],
        "state": [f"s{i // 60:02d}" for i in county],
    }
    pq.write_table(pa.table(table), folder / "d.parquet")
    (folder / "audit.toml").write_text(text, encoding="utf-8")
    return folder / "audit.toml"


def audits(count: int, folder: Path) -> dict[str, object]:
    """Run and report small audits one after another, each with another seed."""
    text = HEAD.format(kind="parquet", levels="", draws=256) + SHARES + DRAWN
    path = write(folder, text, 40)
    after: list[float] = []
    for seed in range(count):
        spec = dpaudit.load(path)
        spec = attrs.evolve(spec, run=attrs.evolve(spec.run, seed=seed))
        results = dpaudit.run(spec, cache=folder / "cache")
        dpaudit.write_report(results, folder / "out", formats=("html", "json"))
        after.append(resident())
    warm = min(20, count // 3)
    rest = np.array(after[warm:])
    slope = float(np.polyfit(np.arange(rest.size), rest, 1)[0]) if rest.size > 1 else 0.0
    return {"first": after[0], "warm": after[warm], "last": after[-1], "per_audit": slope}


def entities(count: int, folder: Path) -> dict[str, object]:
    """Run and report one audit of many entities."""
    path = write(folder, HEAD.format(kind="parquet", levels="", draws=256) + SHARES, count)
    return reported(path, folder)


def hierarchy(count: int, folder: Path) -> dict[str, object]:
    """Run and report one audit of a tree with many leaves."""
    levels = 'levels = ["state", "county"]'
    path = write(folder, HEAD.format(kind="parquet", levels=levels, draws=64) + TREE, count)
    return reported(path, folder)


def reported(path: Path, folder: Path) -> dict[str, object]:
    """Run and report an audit, and say how many numbers it has and whether all are finite."""
    results = dpaudit.run(dpaudit.load(path))
    run_peak = peak()
    made = dpaudit.write_report(results, folder / "out", formats=("html", "json"))
    finite = all(np.isfinite(m.estimate.value).all() for m in results.measurements)
    numbers = sum(np.size(m.estimate.value) for m in results.measurements)
    sizes = {name: file.stat().st_size / 1e6 for name, file in made.files.items()}
    return {"run_peak": run_peak, "numbers": int(numbers), "finite": finite, "files": sizes}


def main() -> None:
    """Do one of them and tell what it cost."""
    kind, count = sys.argv[1], int(sys.argv[2])
    begun, clock = time.process_time(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        told = {"audits": audits, "entities": entities, "hierarchy": hierarchy}[kind](
            count, Path(folder)
        )
    told |= {"peak": peak(), "cpu": time.process_time() - begun, "wall": time.monotonic() - clock}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
