"""The report as Markdown: for a wiki, an issue or a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dpaudit
from dpaudit import visible

FORMATS = ("markdown",)
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$&])")
_AT_START = re.compile(r"^(\s*)([-+=]|\d+[.)])", re.MULTILINE)


@dpaudit.hookimpl
def dpaudit_render(report: Any, format: str, folder: Path) -> Path | None:  # noqa: A002
    """Write ``report.md``: text and tables, and what a chart shows in words."""
    if format not in FORMATS:
        return None
    file = folder / "report.md"
    file.unlink(missing_ok=True)  # a link that leads elsewhere is replaced, not followed
    with file.open("x", encoding="utf-8", newline="\n") as target:
        target.write(markdown(report))
    return file


def markdown(report: Any) -> str:
    """Return a report as Markdown (CommonMark with the tables of GitHub).

    Parameters
    ----------
    report
        A :class:`dpaudit.model.report.Report`.
    """
    parts = [f"# {plain(report.title)}", plain(report.summary)]
    by = " · ".join(p for p in (report.organisation, report.date, report.generator) if p)
    parts += [plain(by)] if by else []
    parts[0:0] = [f"**{plain(report.banner)}**"] if report.banner else []
    for section in report.sections:
        parts.append(f"## {plain(section.title)}")
        for block in (*section.blocks, *section.aside):
            parts += _block(block)
    return "\n\n".join(part for part in parts if part) + "\n"


def plain(text: str) -> str:
    """Return a text in which no character of a name is read as Markdown or HTML."""
    one_line = " ".join(visible(text).split())
    return _AT_START.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", one_line))


def _block(block: Any) -> Iterator[str]:
    """Yield what a block says, by its kind; what is looked up by name is left out."""
    kind = type(block).__name__
    if kind == "Heading":
        yield f"{'#' * block.level} {plain(block.text)}"
    elif kind == "Paragraph":
        yield plain(block.text)
    elif kind == "List":
        marks = (f"{i}." if block.ordered else "-" for i in range(1, len(block.items) + 1))
        pairs = zip(marks, block.items, strict=True)
        yield "\n".join(f"{mark} {plain(item)}" for mark, item in pairs)
    elif kind == "DefinitionList":
        yield "\n".join(f"- **{plain(term)}**: {plain(text)}" for term, text in block.items)
    elif kind == "Findings":
        for finding in block.findings:
            yield f"### {plain(finding.statement)}"
            yield plain(finding.detail)
            yield f"*{plain(finding.reason)}*"
    elif kind == "Table":
        yield from _table(block)
    elif kind == "Figure":
        yield f"**{plain(block.title)}** ({plain(block.subtitle)})"
        yield plain(block.alt)
        if block.table is not None:
            yield from _table(block.table)


def _table(table: Any) -> Iterator[str]:
    yield f"**{plain(table.caption)}**"
    lines = ["| " + " | ".join(plain(column.label) for column in table.columns) + " |"]
    lines.append("|" + "|".join(" ---: " if c.numeric else " --- " for c in table.columns) + "|")
    lines += ["| " + " | ".join(plain(cell) for cell in row) + " |" for row in table.rows]
    yield "\n".join(lines)
    if table.note:
        yield plain(table.note)
