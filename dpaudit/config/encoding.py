"""What is wrong with how a data file is named."""

from __future__ import annotations

import codecs


def known_encoding(name: str) -> str | None:
    """Return a complaint where Python does not know a text encoding."""
    try:
        "".encode(codecs.lookup(name).name)
    except LookupError:
        return f"{name!r} is no text encoding that Python knows"
    return None


def not_blank(text: str) -> str | None:
    """Return a complaint where a file has no name."""
    return None if text.strip() else "the file's name is empty"
