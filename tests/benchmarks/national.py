"""What an audit of all school districts of the United States costs: run by ``make bench``.

SAIPE 2019 (``$DPAUDIT_DATA`` or ``../shared/data``), two mechanisms at three budgets, each
clipped (BL), projected on the simplex (PoS) and as it is. Bar: under 15 s on the clock from a
fresh process to findings, with two workers.
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

[[decision]]
name = "projected shares"
use = "allotment"
appropriation = 11_700_000_000
output = [{{ use = "projection-onto-simplex" }}]
"""
RELEASE = """
[[release]]
name = "{name}"
mechanism = {{ use = "{mechanism}", epsilon = [0.001, 0.01, 0.1] }}
neighbours = "add-remove"
postprocess = [{steps}]
"""
AUDITS = ("bias", "alpha-fairness", "cost-of-privacy")


def audit() -> str:
    """Return the audit file."""
    parts = [HEAD]
    for mechanism in ("laplace", "geometric"):
        for name, steps in {"clipped": '{ use = "non-negative" }', "unprocessed": ""}.items():
            parts.append(
                RELEASE.format(name=f"{mechanism} {name}", mechanism=mechanism, steps=steps)
            )
    parts += [f'\n[[audit]]\nuse = "{name}"\n' for name in AUDITS]
    return "".join(parts)


def clock(folder: Path) -> float:
    """Return the seconds from a fresh process to findings."""
    path = folder / "audit.toml"
    path.write_text(audit(), encoding="utf-8")
    command = [sys.executable, "-m", "dpaudit", "run", str(path), "--workers", "2"]
    command += ["--out", str(folder / "out"), "--no-cache", "--quiet"]
    data = os.environ.get("DPAUDIT_DATA", str(SHARED / "data"))
    begun = time.perf_counter()
    done = subprocess.run(
        command, env={**os.environ, "DPAUDIT_DATA": data}, stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"the audit ended with code {done.returncode}")
    return time.perf_counter() - begun


def main() -> int:
    """Print the figure beside its bar; return 1 if it is broken."""
    with tempfile.TemporaryDirectory() as folder:
        middle = statistics.median(clock(Path(folder)) for _ in range(ROUNDS))
    return show("national", [Row("national Title I audit, s to findings", middle, BAR)])


if __name__ == "__main__":
    sys.exit(main())
