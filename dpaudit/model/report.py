"""The report as data: sections of blocks, from which HTML, PDF and JSON are written.

Text is plain text: nothing in a block is markup, so that a name out of the data can never
become a tag. Only :attr:`Figure.svg` is markup, and it is cleaned before it is written.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

from dpaudit.model.finding import Finding

ParagraphKind = Literal["body", "lead", "note", "kicker"]


@attrs.frozen(kw_only=True)
class Heading:
    """A heading inside a section: level 3 or 4 (the section's own title is level 2)."""

    text: str
    level: Literal[3, 4] = 3
    anchor: str = ""


@attrs.frozen(kw_only=True)
class Paragraph:
    """A paragraph of plain text."""

    text: str
    kind: ParagraphKind = "body"


@attrs.frozen(kw_only=True)
class List:
    """Items of plain text, numbered or not."""

    items: tuple[str, ...]
    ordered: bool = False


@attrs.frozen(kw_only=True)
class DefinitionList:
    """Terms and what they mean."""

    items: tuple[tuple[str, str], ...]


@attrs.frozen(kw_only=True)
class Column:
    """A column of a table; ``numeric`` columns are right-aligned."""

    label: str
    numeric: bool = False


@attrs.frozen(kw_only=True)
class Table:
    """A table of text cells; the first cell of every row is its header.

    Raises
    ------
    ValueError
        If a row has another number of cells than there are columns.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def __attrs_post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{len(row)} cells in a table of {len(self.columns)} columns")


@attrs.frozen(kw_only=True)
class Figure:
    """A chart: the conclusion as its title, the measure and unit as its subtitle.

    Parameters
    ----------
    svg
        The drawing; scripts, styles and links to elsewhere are taken out before writing.
    alt
        What the drawing shows, with its numbers, for people who do not see it.
    table
        The same numbers as a table; every chart has one near.
    """

    title: str
    subtitle: str
    svg: str
    alt: str
    source: str = ""
    table: Table | None = None


@attrs.frozen(kw_only=True)
class Series:
    """One line of :class:`Curves`: its name and its points (x, y), ascending in x."""

    name: str
    points: tuple[tuple[float, float], ...]


@attrs.frozen(kw_only=True)
class Mark:
    """A point of :class:`Curves` that is told by its text."""

    x: float
    y: float
    text: str


@attrs.frozen(kw_only=True)
class Curves:
    """Lines over a number, which the report draws in its own style: a plug-in brings numbers.

    Parameters
    ----------
    title
        The conclusion, as a sentence without a full stop.
    subtitle
        The measure and its unit.
    across, along
        What lies along the horizontal and the vertical axis, in words.
    unit
        The unit of y (``persons``, ``dollars``, ``share`` or another word).
    series
        At most four lines.
    marks
        Points to point out.
    table
        The numbers behind the chart.
    """

    title: str
    subtitle: str
    across: str
    along: str
    unit: str
    series: tuple[Series, ...]
    marks: tuple[Mark, ...] = ()
    source: str = ""
    table: Table | None = None


@attrs.frozen(kw_only=True, eq=False)
class Findings:
    """Findings as on page one: statement, number with interval, confidence."""

    findings: tuple[Finding, ...]


@attrs.frozen(kw_only=True)
class Lookup:
    """Every entity with its numbers, to be asked for by name: on a page, not on paper.

    Parameters
    ----------
    title
        What may be looked up.
    label
        What stands before the field.
    caption
        Above the rows that are found: the measure and its unit.
    columns
        The first holds names, the others numbers.
    rows
        A name and its numbers; ``None`` prints as *exact*.
    most
        The most rows that are shown at once.
    """

    title: str
    label: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str | float | None, ...], ...]
    note: str = ""
    most: int = 50


Block: TypeAlias = (
    Heading | Paragraph | List | DefinitionList | Table | Figure | Curves | Findings | Lookup
)


@attrs.frozen(kw_only=True, eq=False)
class Section:
    """A part of a report with a title; ``aside`` stands beside ``blocks`` on page one."""

    name: str
    title: str
    blocks: tuple[Block, ...]
    aside: tuple[Block, ...] = ()


@attrs.frozen(kw_only=True, eq=False)
class Report:
    """Everything that a report says, in order.

    Parameters
    ----------
    title, summary
        The audit's title and one sentence below it.
    organisation
        Who reports, if the audit file says so.
    language
        The language of every sentence (``en``).
    date
        The date to print (ISO 8601), or ``None`` to print none.
    banner
        What every page must say (``Confidential ...``), or nothing.
    sections
        In the order in which they are printed; the first stands alone on page one when it is
        the highlights.
    findings
        Every finding, also those that no section prints.
    generator
        Name and version of the program.
    confidential
        Whether every page and file is marked as not for release.
    """

    title: str
    summary: str
    organisation: str | None
    language: str
    date: str | None
    banner: str
    sections: tuple[Section, ...]
    findings: tuple[Finding, ...]
    generator: str
    confidential: bool = False
