"""What a report is made of, for plug-ins that write sections or a format.

A hook ``dpaudit_sections`` returns these by the title of the section; a hook ``dpaudit_render`` is
given a :class:`Report` of them. Text in a block is plain text and never markup.
"""

from __future__ import annotations

from dpaudit.model.report import (
    Block,
    Column,
    Curves,
    DefinitionList,
    Figure,
    Findings,
    Heading,
    List,
    Lookup,
    Mark,
    Paragraph,
    Report,
    Section,
    Series,
    Table,
)

__all__ = [
    "Block",
    "Column",
    "Curves",
    "DefinitionList",
    "Figure",
    "Findings",
    "Heading",
    "List",
    "Lookup",
    "Mark",
    "Paragraph",
    "Report",
    "Section",
    "Series",
    "Table",
]
