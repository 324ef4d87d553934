"""How soon the command line answers and an audit has its first number: run by ``make bench``.

Bars: ``--help`` at most 12 times ``python -c pass`` in CPU, and without numpy; the first number of
an audit of decisions after 1 s of CPU in a fresh process, with nothing heavy imported. Both once
their modules are compiled to bytecode, as those of an installed package are after the first use.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

from harness import ROOT, Row, child_cpu, show

ROUNDS = 5
HEAVY = ("torch", "opacus", "cvxpy", "scipy.stats", "matplotlib", "weasyprint")
NUMPY = """
import sys
from dpaudit.cli.main import run
run(["--help"])
print("numpy" in sys.modules)
"""
FIRST = f"""
import sys, time
import attrs, dpaudit


class Stop(Exception):
    pass


class Watch:
    def started(self, total_draws): pass
    def said(self, message): pass
    def finished(self): pass
    def advanced(self, draws_done, width):
        width()
        print(time.process_time(), sum(name in sys.modules for name in {HEAVY!r}))
        raise Stop


spec = dpaudit.load({str(ROOT / "examples" / "title_i" / "audit.toml")!r})
try:
    dpaudit.run(spec, progress=Watch())
except Stop:
    pass
"""


def said(code: str) -> list[str]:
    """Return the words of the last line that a fresh process prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()


def keep_bytecode(folder: str) -> None:
    """Let the processes keep the bytecode of modules, as those of an installed package do."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = folder


def main() -> int:
    """Print each figure beside its bar; return 1 if one is broken."""
    shown, nothing = (
        [sys.executable, "-m", "dpaudit", "--help"],
        [sys.executable, "-c", "pass"],
    )
    with tempfile.TemporaryDirectory() as folder:
        keep_bytecode(folder)
        child_cpu(shown)
        ratio = statistics.median(child_cpu(shown) / child_cpu(nothing) for _ in range(ROUNDS))
        said(FIRST)
        first = [said(FIRST) for _ in range(ROUNDS)]
    rows = [
        Row("--help / python -c pass, CPU", ratio, 12.0),
        Row("--help: numpy imported", float(said(NUMPY) == ["True"]), 0.0),
        Row("first number, s", statistics.median(float(each[0]) for each in first), 1.0),
        Row("first number: heavy libraries imported", max(float(each[1]) for each in first), 0.0),
    ]
    return show("startup", rows)


if __name__ == "__main__":
    sys.exit(main())
