"""Findings as lines of text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from dpaudit.cli.output import coloured, echo

if TYPE_CHECKING:
    from dpaudit.model.finding import Finding


def as_json(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """Return what the headlines say, for ``--json``; ``findings.json`` has the numbers."""
    fields = ("id", "verdict", "statement", "detail", "confidence")
    return [{name: str(getattr(finding, name)) for name in fields} for finding in findings]


def print_findings(findings: Iterable[Mapping[str, Any]], *, heading: str) -> None:
    """Print each finding with its verdict, number and confidence."""
    shown = list(findings)
    if not shown:
        return
    echo(f"{heading}:")
    for finding in shown:
        echo(f"- {finding['statement']} [{coloured(finding['verdict'])}]")
        if finding.get("detail"):
            echo(f"  {finding['detail']} (confidence: {finding['confidence']})")
    echo()
