"""What an audit of all school districts of the United States costs: run by ``make bench``.

SAIPE 2019 (``$DPAUDIT_DATA`` or ``../shared/data``), two mechanisms at three budgets, each
clipped (BL), projected on the simplex (PoS) and as it is: 18 tasks, in two audit files. Bar: under
15 s on the clock from a fresh process to findings, with two workers; both files are run, one
after the other.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import SHARED, Row, show

BAR, ROUNDS = 15.0, 3
TABLE = "saipe_school_districts_2019"
HEAD = f"""
title = "Title I in the United States"

[data]
file = "data:{TABLE}"
status = "public"
entity = "leaid"
count = "children_5_17_poverty"
groups = ["usps"]

[run]
draws = 2000

[[decision]]
name = "shares"
use = "allotment"
appropriation = 11_700_000_000
"""
PROJECTED = """
[[decision]]
name = "projected shares"
use = "allotment"
appropriation = 11_700_000_000
output = [{ use = "projection-onto-simplex" }]
"""
RELEASE = """
[[release]]
name = "{mechanism}"
mechanism = {{ use = "{mechanism}", epsilon = [0.001, 0.01, 0.1] }}
neighbours = "add-remove"
postprocess = [{steps}]
"""
AUDITS = ("bias", "alpha-fairness", "cost-of-privacy")


def audits() -> dict[str, str]:
    """Return the audit files: a decision is made from every release of its file."""
    tail = "".join(f'\n[[audit]]\nuse = "{name}"\n' for name in AUDITS)
    kinds = {"clipped": (HEAD, '{ use = "non-negative" }'), "unprocessed": (HEAD + PROJECTED, "")}
    return {
        name: head
        + "".join(RELEASE.format(mechanism=each, steps=steps) for each in ("laplace", "geometric"))
        + tail
        for name, (head, steps) in kinds.items()
    }


def clock(folder: Path) -> float:
    """Return the seconds from fresh processes to findings, one file after the other."""
    data = os.environ.get("DPAUDIT_DATA", str(SHARED / "data"))
    spent = 0.0
    for name, text in audits().items():
        path = folder / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "dpaudit", "run", str(path), "--workers", "2"]
        command += ["--out", str(folder / "out" / name), "--no-cache", "--quiet"]
        begun = time.perf_counter()
        done = subprocess.run(
            command,
            env={**os.environ, "DPAUDIT_DATA": data},
            stdout=subprocess.DEVNULL,
            check=False,
        )
        spent += time.perf_counter() - begun
        if done.returncode != 0:
            raise RuntimeError(f"the audit {name!r} ended with code {done.returncode}")
    return spent


def main() -> int:
    """Print the figure beside its bar; return 1 if it is broken."""
    with tempfile.TemporaryDirectory() as folder:
        middle = statistics.median(clock(Path(folder)) for _ in range(ROUNDS))
    return show("national", [Row("national Title I audit, s to findings", middle, BAR)])


if __name__ == "__main__":
    sys.exit(main())
