"""The report as a Word document, through python-docx."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import dpaudit
from dpaudit import blocks

if TYPE_CHECKING:
    from docx.document import Document

DPAUDIT_API = 1
FORMATS = ("docx",)
_LONG_AGO = dt.datetime(1980, 1, 1)  # noqa: DTZ001 - a document without a date of its own


@dpaudit.hookimpl
def dpaudit_render(report: blocks.Report, format: str, folder: Path) -> Path | None:  # noqa: A002
    """Write ``report.docx``, the same bytes for the same report."""
    if format not in FORMATS:
        return None
    try:
        import docx
    except ImportError:
        raise dpaudit.UnavailableError(
            "a Word document needs python-docx", hint="pip install python-docx"
        ) from None
    document = docx.Document()
    _head(document, report)
    for section in report.sections:
        document.add_heading(section.title, 1)
        for block in (*section.blocks, *section.aside):
            _block(document, block)
    made = io.BytesIO()
    document.save(made)
    file = folder / "report.docx"
    file.write_bytes(_without_time(made.getvalue()))
    return file


def _head(document: Document, report: blocks.Report) -> None:
    """Say what the document is, on its first page, in its properties and above every page."""
    properties = document.core_properties
    properties.title, properties.language = report.title, report.language
    properties.author, properties.comments = report.organisation or "", report.generator
    properties.last_modified_by = ""
    properties.created = properties.modified = _LONG_AGO
    above = " · ".join(part for part in (report.banner, report.title) if part)
    document.sections[0].header.paragraphs[0].text = above
    document.add_heading(report.title, 0)
    document.add_paragraph(report.summary, style="Subtitle")
    by = " · ".join(part for part in (report.organisation, report.date) if part)
    if by:
        document.add_paragraph(by)


def _block(document: Document, block: blocks.Block) -> None:  # noqa: C901 - one case for each kind
    match block:
        case blocks.Heading():
            document.add_heading(block.text, block.level - 1)
        case blocks.Paragraph():
            document.add_paragraph(block.text)
        case blocks.List():
            style = "List Number" if block.ordered else "List Bullet"
            for item in block.items:
                document.add_paragraph(item, style=style)
        case blocks.DefinitionList():
            for term, text in block.items:
                paragraph = document.add_paragraph()
                paragraph.add_run(f"{term}. ").bold = True
                paragraph.add_run(text)
        case blocks.Findings():
            for finding in block.findings:
                document.add_heading(finding.statement, 2)
                document.add_paragraph(finding.detail)
                document.add_paragraph().add_run(finding.reason).italic = True
        case blocks.Table():
            _table(document, block)
        case blocks.Figure():
            paragraph = document.add_paragraph()
            paragraph.add_run(f"{block.title}. ").bold = True
            paragraph.add_run(f"{block.subtitle}. {block.alt}")
            if block.table is not None:
                _table(document, block.table)


def _table(document: Document, table: blocks.Table) -> None:
    """Add a table under its caption: numbers to the right, the first row a header on each page."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement

    document.add_paragraph(table.caption, style="Caption")
    made = document.add_table(rows=1, cols=len(table.columns), style="Light List")
    repeated = OxmlElement("w:tblHeader")
    made.rows[0]._tr.get_or_add_trPr().append(repeated)  # noqa: SLF001 - python-docx has no other way
    labels = tuple(column.label for column in table.columns)
    for cells in (labels, *table.rows):
        row = made.rows[0] if cells is labels else made.add_row()
        for cell, text, column in zip(row.cells, cells, table.columns, strict=True):
            cell.text = text
            if column.numeric:
                cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT
    if table.note:
        document.add_paragraph(table.note)


def _without_time(document: bytes) -> bytes:
    """Return a document whose parts carry no time of day: python-docx writes the present one."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(document)) as parts,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as kept,
    ):
        for name in parts.namelist():
            kept.writestr(zipfile.ZipInfo(name), parts.read(name), zipfile.ZIP_DEFLATED)
    return target.getvalue()
