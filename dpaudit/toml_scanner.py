"""Finds the places of keys in TOML text that ``tomllib`` has accepted.

Because the text is known to be valid, the scanner reads only its shape: keys, brackets,
strings and comments. It never has to decide what a number or a date is.
"""

from __future__ import annotations

import re
import tomllib
from typing import TypeAlias

import attrs

Steps: TypeAlias = tuple[str | int, ...]

_KEY = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|[A-Za-z0-9_-]+')
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2}(?!"))|\'\'\'.*?\'\'\'(?:\'{0,2}(?!\'))'
    r'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'',
    re.DOTALL,
)
_SPACE = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[^,\]}#\n]*[^,\]}#\s]")


@attrs.frozen
class Place:
    """Line and column, counted from 1 in characters, and how many characters it covers."""

    line: int
    column: int
    width: int


def places_of(text: str) -> dict[Steps, Place]:
    """Return the place of every key, table and array element of valid TOML.

    A key's path is a tuple of keys and positions in arrays. A table or key that several lines
    extend has the place of its first mention; an element of an array of tables has the place
    of its header.
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.places


class _Scanner:
    """One pass over the text; ``at`` is the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.places: dict[Steps, Place] = {}
        self.sizes: dict[Steps, int] = {}
        self.line = 1
        self.line_start = 0
        self.counted = 0

    def document(self) -> None:
        """Read the whole file."""
        base: Steps = ()
        while self.skip(_GAP) < len(self.text):
            if self.text[self.at] == "[":
                base = self.header()
            else:
                self.pair(base)

    def header(self) -> Steps:
        """Read ``[a.b]`` or ``[[a.b]]`` and return the path that its keys belong to."""
        is_array = self.text.startswith("[[", self.at)
        self.at += 2 if is_array else 1
        path: Steps = ()
        parts = self.dotted()
        for i, (part, place) in enumerate(parts):
            path += (part,)
            self.note(path, place)
            if is_array and i == len(parts) - 1:
                self.sizes[path] = self.sizes.get(path, 0) + 1
            if path in self.sizes:
                path += (self.sizes[path] - 1,)
                self.note(path, place)
        self.at += 2 if is_array else 1
        return path

    def pair(self, base: Steps) -> None:
        """Read ``key = value``."""
        path = base
        for part, place in self.dotted():
            path += (part,)
            self.note(path, place)
        self.at += 1
        self.skip(_SPACE)
        self.value(path)

    def dotted(self) -> list[tuple[str, Place]]:
        """Read ``a . "b" . c`` with the place of each part."""
        parts: list[tuple[str, Place]] = []
        while True:
            self.skip(_SPACE)
            start = self.at
            raw = self.take(_KEY)
            parts.append((_unquoted(raw), self.place(start, len(raw))))
            self.skip(_SPACE)
            if not self.text.startswith(".", self.at):
                return parts
            self.at += 1

    def value(self, path: Steps) -> None:
        """Read any value."""
        start = self.text[self.at]
        if start == "[":
            self.array(path)
        elif start == "{":
            self.inline_table(path)
        elif start in "\"'":
            self.take(_STRING)
        else:
            self.take(_BARE)

    def array(self, path: Steps) -> None:
        """Read ``[value, value]``."""
        self.at += 1
        index = 0
        while self.skip(_GAP) < len(self.text) and self.text[self.at] != "]":
            start = self.at
            inner = (*path, index)
            place = self.place(start, 1)
            self.value(inner)
            self.note(inner, attrs.evolve(place, width=self.width(start)))
            index += 1
            self.skip(_GAP)
            if self.text[self.at] == ",":
                self.at += 1
        self.at += 1

    def inline_table(self, path: Steps) -> None:
        """Read ``{ key = value, key = value }``."""
        self.at += 1
        while self.skip(_GAP) < len(self.text) and self.text[self.at] != "}":
            self.pair(path)
            self.skip(_GAP)
            if self.text[self.at] == ",":
                self.at += 1
        self.at += 1

    def skip(self, pattern: re.Pattern[str]) -> int:
        """Move over what ``pattern`` matches and return where that ends."""
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.at

    def take(self, pattern: re.Pattern[str]) -> str:
        """Return what ``pattern`` matches here, and move over it."""
        start = self.at
        end = self.skip(pattern)
        if end == start:
            raise ValueError(f"the TOML scanner is lost at character {start}")
        return self.text[start:end]

    def note(self, path: Steps, place: Place) -> None:
        """Remember the first place of a path."""
        self.places.setdefault(path, place)

    def place(self, start: int, width: int) -> Place:
        """Return line and column of a character at or after the last one asked for."""
        newlines = self.text.count("\n", self.counted, start)
        if newlines:
            self.line += newlines
            self.line_start = self.text.rfind("\n", self.counted, start) + 1
        self.counted = start
        return Place(self.line, start - self.line_start + 1, width)

    def width(self, start: int) -> int:
        """Return the length of what was just read, as far as its first line goes."""
        end = self.text.find("\n", start, self.at)
        return (self.at if end < 0 else end) - start


def _unquoted(raw: str) -> str:
    if raw[0] == "'":
        return raw[1:-1]
    if raw[0] == '"':
        return str(tomllib.loads(f"k = {raw}")["k"])
    return raw
