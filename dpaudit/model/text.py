"""Takes out of a text what hides, reorders or breaks what is printed.

Names come out of data and audit files that nobody may have looked at; they reach pages, tables,
terminals and logs through :func:`visible`.
"""

from __future__ import annotations

import re

# Control characters of both sets, bidirectional marks and overrides, and what no XML document
# may hold. Tab and line feed stay: they are white space.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e"
    "\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def visible(text: str) -> str:
    """Return ``text`` without characters that hide, reorder or break what is printed."""
    return _HIDDEN.sub("", text)


def spelt(document: str) -> str:
    """Return a JSON document in which such characters are written as their escapes.

    The values stay the same; a terminal or an editor that shows the document obeys none of them.
    A line feed between values stays as it is (within text JSON escapes it already).
    """
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", document)
