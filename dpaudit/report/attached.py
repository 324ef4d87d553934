"""Reads back what a report of ours carries: the files inside its PDF, each held to its digest."""

from __future__ import annotations

import hashlib
import re
import zlib
from pathlib import Path

import attrs

from dpaudit.errors import UsageError

_EMBEDDED = re.compile(
    rb"<<[^<>]*/Type /EmbeddedFile(?:[^<>]|<<|>>(?!\s*stream)|<[0-9a-f]+>)*>>\s*stream\r?\n"
)
_CHECKSUM = re.compile(rb"/CheckSum <([0-9a-f]{32})>")
_LENGTH = re.compile(rb"/Length (\d+)")


@attrs.frozen(kw_only=True)
class Carried:
    """A file inside a PDF: its content, and whether that has the digest beside it."""

    name: str
    content: bytes
    is_whole: bool


def carried(path: Path) -> dict[str, Carried]:
    """Return the files inside a report in PDF, by the name that they have beside it.

    Raises
    ------
    UsageError
        If the file cannot be read, or is no report of dpaudit.
    """
    try:
        document = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read {str(path)!r}: {error.strerror}", hint="name a report.pdf"
        ) from error
    found = [_one(document, match) for match in _EMBEDDED.finditer(document)]
    if not document.startswith(b"%PDF") or "findings.json" not in {each.name for each in found}:
        raise UsageError(
            f"{str(path)!r} is no report of dpaudit: no findings are inside",
            hint="name the report.pdf that 'dpaudit report' wrote, or its folder",
        )
    return {each.name: each for each in found}


def _one(document: bytes, match: re.Match[bytes]) -> Carried:
    length, digest = _LENGTH.search(match[0]), _CHECKSUM.search(match[0])
    raw = document[match.end() : match.end() + (int(length[1]) if length else 0)]
    try:
        content = zlib.decompress(raw) if b"/FlateDecode" in match[0] else raw
    except zlib.error:
        content = b""
    # The PDF format has MD5 here: it finds damage; the SHA-256 digests find changes.
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest().encode()
    whole = digest is not None and digest[1] == md5
    return Carried(name=_name(content), content=content, is_whole=whole)


def _name(content: bytes) -> str:
    if content.startswith(b"PAR1"):
        return "measurements.parquet"
    if content.startswith(b"task,quantity,"):
        return "measurements.csv"
    if content.startswith(b"{") and b'"schema_version"' in content[:200]:
        return "findings.json"
    return "audit.toml"
