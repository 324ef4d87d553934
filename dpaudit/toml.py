"""Where each key of a TOML file stands, so that an error can point at it.

``tomllib`` gives values without positions. After it has accepted a file, the scanner here
walks the same text once more and notes the line and column of every key, every table header
and every element of an array, inside inline tables too.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import attrs

from dpaudit.toml_scanner import Place, Steps, places_of

_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
BOM = b"\xef\xbb\xbf"


@attrs.frozen(kw_only=True)
class Problem:
    """One fault of a file, at its place.

    ``line`` and ``column`` count from 1; ``line`` 0 is the file as a whole. ``text`` is the
    line itself, ``width`` the length of what is underlined. ``plugin`` says that a plug-in is
    at fault, not the author of the file.
    """

    file: str
    line: int
    column: int
    message: str
    hint: str | None = None
    text: str = ""
    width: int = 1
    plugin: bool = False

    def __str__(self) -> str:
        if not self.line:
            return f"{self.file}: {self.message}" + (f"\n  help: {self.hint}" if self.hint else "")
        gutter = " " * len(str(self.line))
        before = "".join("\t" if c == "\t" else " " for c in self.text[: self.column - 1])
        rows = [
            f"{self.file}:{self.line}:{self.column}: {self.message}",
            f" {gutter} |",
            f" {self.line} | {self.text}".rstrip(),
            f" {gutter} | {before}{'^' * max(1, self.width)}",
        ]
        return "\n".join([*rows, f" {gutter} = help: {self.hint}"] if self.hint else rows)


@attrs.frozen(kw_only=True)
class Source:
    """One TOML file: its values, its text and the place of each key.

    ``problems`` is not empty when the file cannot be read at all; ``values`` is empty then.
    """

    file: str
    text: str = attrs.field(default="", repr=False)
    values: dict[str, Any] = attrs.field(factory=dict, repr=False)
    places: dict[Steps, Place] = attrs.field(factory=dict, repr=False)
    problems: tuple[Problem, ...] = ()

    @classmethod
    def read(cls, path: str | Path) -> Source:
        """Read a file; what is wrong with it as TOML is in ``problems``."""
        file = Path(path)
        try:
            content = file.read_bytes().removeprefix(BOM)
        except FileNotFoundError:
            return _unreadable(file, "no such file", _beside(file))
        except IsADirectoryError:
            return _unreadable(file, "a folder, not a file", _beside(file / "audit.toml"))
        except OSError as error:
            return _unreadable(file, f"cannot be read: {error.strerror}", None)
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            return _undecodable(file, content, error)
        return cls.parse(text, file=str(path))

    @classmethod
    def parse(cls, text: str, *, file: str) -> Source:
        """Read TOML from text."""
        try:
            values = tomllib.loads(text)
        except RecursionError:
            return _broken(text, file, "arrays or tables are nested too deeply", 1, 1)
        except ValueError as error:
            return _broken(text, file, *_located(str(error), text))
        return cls(file=file, text=text, values=values, places=places_of(text))

    def problem(
        self, path: Steps, message: str, *, hint: str | None = None, plugin: bool = False
    ) -> Problem:
        """Return a problem at ``path``, or at the nearest table around it that has a place."""
        nearest = next((path[:n] for n in range(len(path), 0, -1) if path[:n] in self.places), ())
        if not nearest:
            return Problem(
                file=self.file, line=0, column=0, message=message, hint=hint, plugin=plugin
            )
        place = self.places[nearest]
        return Problem(
            file=self.file,
            line=place.line,
            column=place.column,
            message=message,
            hint=hint,
            text=_line(self.text, place.line),
            width=place.width,
            plugin=plugin,
        )


def _located(message: str, text: str) -> tuple[str, int, int]:
    """Split what ``tomllib`` says into the fault, its line and its column."""
    found = _AT.search(message)
    if found is None:
        return message, 1, 1
    fault = message[: found.start()]
    if found[1]:
        return fault, int(found[1]), int(found[2])
    lines = text.rstrip("\r\n").split("\n")
    return f"{fault} (the file ends here)", len(lines), len(lines[-1].rstrip("\r")) + 1


def _broken(text: str, file: str, message: str, line: int, column: int) -> Source:
    problem = Problem(
        file=file,
        line=line,
        column=column,
        message=f"not valid TOML: {message[:1].lower()}{message[1:]}",
        hint="see https://toml.io for how TOML is written",
        text=_line(text, line),
    )
    return Source(file=file, text=text, problems=(problem,))


def _undecodable(file: Path, content: bytes, error: UnicodeDecodeError) -> Source:
    before = content[: error.start]
    start = before.rfind(b"\n") + 1
    problem = Problem(
        file=str(file),
        line=before.count(b"\n") + 1,
        column=len(before[start:].decode("utf-8")) + 1,
        message=f"byte 0x{content[error.start]:02x} is not UTF-8",
        hint="save the file as UTF-8",
        text=content[start:].split(b"\n")[0].decode("utf-8", "replace").rstrip("\r"),
    )
    return Source(file=str(file), problems=(problem,))


def _unreadable(file: Path, message: str, hint: str | None) -> Source:
    problem = Problem(file=str(file), line=0, column=0, message=message, hint=hint)
    return Source(file=str(file), problems=(problem,))


def _beside(file: Path) -> str:
    found = sorted(str(p) for p in file.parent.glob("*.toml"))[:3]
    return f"found: {', '.join(found)}" if found else "write one with: dpaudit init"


def _line(text: str, number: int) -> str:
    lines = text.split("\n")
    return lines[number - 1].rstrip("\r") if number <= len(lines) else ""
