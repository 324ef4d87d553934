"""Writes what ``make bench`` left in a folder into the README, between two marks.

python tests/benchmarks/table.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from harness import ROOT

START, END = "<!-- bench -->", "<!-- end of bench -->"


def table(folder: Path) -> str:
    """Return a Markdown table of all figures, with the machine and the day above it."""
    found = {path.stem: json.loads(path.read_text("utf-8")) for path in folder.glob("*.json")}
    if not found:
        raise SystemExit(f"{folder} holds no results: run make bench first")
    newest = max(found.values(), key=lambda each: each["machine"]["day"])["machine"]
    told = ", ".join(f"{name} {version}" for name, version in newest.items() if name != "day")
    lines = [
        f"Measured on {newest['day']} ({told}). The load of the machine is beside each part.",
        "",
        "| what | measured | bar | |",
        "|---|---|---|---|",
    ]
    for name, each in sorted(found.items()):
        lines.append(f"| **{name}** (load {each['load']:.1f}) | | | |")
        for row in each["rows"]:
            fine = row["measured"] >= row["bar"] if row["more"] else row["measured"] <= row["bar"]
            sign = "at least" if row["more"] else "at most"
            lines.append(
                f"| {row['what']} | {row['measured']:.3g} | {sign} {row['bar']:g} "
                f"| {'holds' if fine else 'does not hold'} |"
            )
    return "\n".join(lines)


def main() -> int:
    """Put the table into the README."""
    readme = ROOT / "README.md"
    before, rest = readme.read_text(encoding="utf-8").split(START)
    after = rest.split(END)[1]
    text = f"{before}{START}\n\n{table(Path(sys.argv[1]))}\n\n{END}{after}"
    readme.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
