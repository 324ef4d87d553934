"""Writes a document that a plug-in put together: its blocks, its charts drawn, HTML and PDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import attrs

from dpaudit.engine.cache import write_atomically
from dpaudit.errors import UnavailableError, UsageError
from dpaudit.model.charts import Chart
from dpaudit.model.report import Curves, Report, Section
from dpaudit.report.drawn import figure_of
from dpaudit.report.html import moment, render_html
from dpaudit.report.pdf import Attached, render_pdf
from dpaudit.report.prose import Prose

FORMATS = ("html", "pdf")
_DRAWN = (*get_args(Chart), Curves)


@attrs.frozen(kw_only=True)
class WrittenDocument:
    """What was written: files by format, and by format why one could not be."""

    files: Mapping[str, Path]
    missing: Mapping[str, str]


def write_document(
    report: Report,
    folder: Path | str,
    name: str,
    *,
    formats: Sequence[str] = FORMATS,
    attached: Mapping[str, bytes] | None = None,
) -> WrittenDocument:
    """Write sections of blocks as ``NAME.html`` and ``NAME.pdf`` in the style of all reports.

    Parameters
    ----------
    report
        Its sections may hold the charts of :mod:`dpaudit.model.charts`, which are drawn here.
    folder
        Where to write, made if need be.
    name
        Of the files, without a suffix.
    formats
        Of ``html`` and ``pdf``.
    attached
        Files to put into the PDF, by name.

    Raises
    ------
    UsageError
        If a format is unknown or a file cannot be written.
    """
    unknown = [each for each in formats if each not in FORMATS]
    if unknown:
        raise UsageError(f"no format {unknown[0]!r} of a document", hint="use html or pdf")
    drawn = attrs.evolve(report, sections=drawn_sections(report))
    page = render_html(drawn)
    target, files, missing = Path(folder), {}, {}
    for each in dict.fromkeys(formats):
        try:
            content = page.encode() if each == "html" else _pdf(page, drawn, attached or {})
        except UnavailableError as error:
            missing[each] = str(error)
            continue
        files[each] = _saved(target / f"{name}.{each}", content)
    return WrittenDocument(files=files, missing=missing)


def drawn_sections(report: Report) -> tuple[Section, ...]:
    """Return the sections of a report with every chart drawn."""
    prose = Prose(report.language)

    def drawn(blocks: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(figure_of(b, prose) if isinstance(b, _DRAWN) else b for b in blocks)

    return tuple(
        attrs.evolve(section, blocks=drawn(section.blocks), aside=drawn(section.aside))
        for section in report.sections
    )


def _pdf(page: str, report: Report, attached: Mapping[str, bytes]) -> bytes:
    files = {
        name: Attached(content=content, relationship="Data", description=name)
        for name, content in attached.items()
    }
    return render_pdf(page, when=moment(report), files=files)


def _saved(path: Path, content: bytes) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise UsageError(
            f"cannot write {str(path)!r}: {error.strerror or error}",
            hint="free some space or choose another folder; what stood there is untouched",
        ) from error
    return path
