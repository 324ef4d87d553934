"""Writes the table of certificates: how often intervals and verdicts are wrong.

    python tests/certify/table.py docs/reference/certificates.md

Ends with 1 if a row does not hold. The same code, on fewer nulls, is what the tests run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import intervals
import verdicts
from certificate import Certificate, Counted, faults

NULLS = 1_000
HEAD = """# Certificates

How often dpaudit's own intervals and verdicts are wrong, counted over {nulls:,} seeded audits whose
truth is known. Made by `make certify` from `tests/certify`; the tests count again, and compare.

- **errors**: of the nulls, how many intervals missed the truth or how many verdicts were false.
  `of at most` is the number that the promised rate gives on average, and beyond the number in
  brackets a row fails (the binomial law's quantile at 1e-6: a false alarm in a million).
- **control**: the same count for a method that is known to be wrong. It must be beyond that number
  too, or the test would notice nothing.
- **power**: how many of {nulls:,} planted effects were found; half of them must be.
"""
COLUMNS = ("what", "nulls", "seed", "errors", "of at most", "control", "errors of the control",
           "planted", "power")  # fmt: skip


def rows() -> tuple[Certificate, ...]:
    """Return every row."""
    return (*intervals.made(), *verdicts.made())


def page(counted: Iterable[tuple[Certificate, Counted]], nulls: int) -> str:
    """Return the page."""
    done = list(counted)
    parts = [HEAD.format(nulls=nulls)]
    for kind, title in (("interval", "Intervals"), ("verdict", "Verdicts")):
        parts.append(f"## {title}\n")
        lines = [COLUMNS, ("---",) * len(COLUMNS)]
        lines += [_cells(row, found, nulls) for row, found in done if row.kind == kind]
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n")
    return "\n".join(parts)


def _cells(row: Certificate, found: Counted, nulls: int) -> tuple[str, ...]:
    return (
        row.name,
        row.null,
        str(row.seed),
        f"{found.wrong} ({found.wrong / nulls:.1%})",
        f"{row.nominal * nulls:.0f} ({row.allowed(nulls)})",
        row.control,
        f"{found.control} ({found.control / nulls:.0%})",
        row.planted,
        f"{found.found / found.tried:.0%}",
    )


def main() -> None:
    """Count, and write the page."""
    counted, told = [], []
    for row in rows():
        found = row.count(row.seed, NULLS)
        counted.append((row, found))
        told += faults(row, found, NULLS)
        sys.stderr.write(f"{row.name}: {found}\n")
    Path(sys.argv[1]).write_text(page(counted, NULLS), encoding="utf-8")
    sys.exit("\n".join(told) or 0)


if __name__ == "__main__":
    main()
