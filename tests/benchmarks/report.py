"""What reports cost: run by ``make bench``.

Bars: ``dpaudit report`` of the example under 20 s and 500 MB, warm; the PDF of the example and of
an audit of 16,000 entities with a map in 8 s of CPU, 350 MB and 2 MB whatever the number of
entities, and each page in 3 MB.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from harness import ROOT, N, Row, child_cpu, districts, show

EXAMPLE = ROOT / "examples" / "title_i" / "audit.toml"
SECONDS, MEGABYTES = 20.0, 500.0
PDF_SECONDS, PDF_MEGABYTES, PDF_SIZE, HTML_SIZE = 8.0, 350.0, 2.0, 3.0
LARGE = """
title = "Sixteen thousand districts on a map"
[data]
file = "districts.csv"
status = "public"
entity = "district"
count = "children"
groups = ["county"]
[run]
draws = 64
[[release]]
name = "clipped"
mechanism = { use = "laplace", epsilon = [0.1, 1.0] }
neighbours = "add-remove"
postprocess = [{ use = "non-negative" }]
[[decision]]
use = "allotment"
weights = "weight"
appropriation = 50_000_000
[[audit]]
use = "bias"
[[audit]]
use = "alpha-fairness"
[[audit]]
use = "cost-of-privacy"
[[audit]]
use = "expected-shortfall"
[report]
map = { file = "builtin:us-counties", over = "county" }
formats = ["html"]
"""
PRINTED = """
import resource, sys, time
from pathlib import Path
from dpaudit.report.html import NEUTRAL
from dpaudit.report.pdf import render_pdf
page = Path(sys.argv[1]).read_text(encoding="utf-8")
begun = time.process_time()
made = render_pdf(page, when=NEUTRAL, files={})
used = time.process_time() - begun
print(used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, len(made))
"""
UNIT = 1024.0 if sys.platform != "darwin" else 1024.0**2


def report() -> tuple[float, float]:
    """Return wall seconds and peak megabytes of the example's report, the second time."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "dpaudit", "report", str(EXAMPLE)]
        command += ["--out", folder, "--no-cache", "--quiet"]
        child_cpu(command)
        begun = time.perf_counter()
        child_cpu(command)
        seconds = time.perf_counter() - begun
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / UNIT


def large(folder: Path) -> Path:
    """Write the audit of 16,000 districts, in the counties of the United States in turn."""
    import csv

    stored = ROOT / "plugins" / "dpaudit_plugins" / "datasets" / "county_labour_force_2009.csv"
    with stored.open(encoding="utf-8") as lines:
        counties = [row["fips"] for row in csv.DictReader(lines)]
    counts, weights = districts(N)
    rows = (f"{i},{counties[i % len(counties)]},{n:.0f},{w:.2f}"
            for i, (n, w) in enumerate(zip(counts, weights, strict=True)))  # fmt: skip
    (folder / "districts.csv").write_text("district,county,children,weight\n" + "\n".join(rows))
    audit = folder / "audit.toml"
    audit.write_text(LARGE)
    return audit


def printed(audit: Path) -> tuple[float, float, float, float]:
    """Return CPU seconds, peak megabytes and megabytes of a PDF, and megabytes of the page.

    The PDF is made in a process of its own, from the page for paper.
    """
    import subprocess

    import dpaudit
    from dpaudit.report.assemble import build_report
    from dpaudit.report.html import render_html

    registry = dpaudit.Registry.discover()
    made = build_report(dpaudit.run(dpaudit.load(audit)), registry=registry)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(render_html(made, is_interactive=False), encoding="utf-8")
        done = subprocess.run([sys.executable, "-c", PRINTED, str(page)], check=True,
                              capture_output=True, text=True)  # fmt: skip
    seconds, peak, size = map(float, done.stdout.split())
    return seconds, peak / UNIT, size / 1e6, len(render_html(made).encode()) / 1e6


def main() -> int:
    """Print each figure beside its bar; return 1 if one is broken."""
    seconds, megabytes = report()
    rows = [
        Row("report of examples/title_i, s", seconds, SECONDS),
        Row("its peak memory, MB", megabytes, MEGABYTES),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for what, audit in (
            ("examples/title_i", EXAMPLE),
            (f"{N:,} entities with a map", large(Path(folder))),
        ):
            cpu, peak, size, page = printed(audit)
            rows += [
                Row(f"PDF of {what}, s of CPU", cpu, PDF_SECONDS),
                Row(f"PDF of {what}, peak MB", peak, PDF_MEGABYTES),
                Row(f"PDF of {what}, MB", size, PDF_SIZE),
                Row(f"HTML of {what}, MB", page, HTML_SIZE),
            ]
    return show("report", rows)


if __name__ == "__main__":
    sys.exit(main())
