"""Measured chunks on disk, so that an interrupted audit goes on where it stopped.

An entry is addressed by the key of its task and the number of its chunk, written to a
temporary file, flushed and moved into place, and carries a checksum. An entry that is
damaged, or written by another version, is measured again.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from dpaudit.engine.tally import Tally
from dpaudit.errors import UsageError
from dpaudit.stats.moments import Moments

_FIELDS = ("mean", "m2", "m4")
_PARTS = ("error", "bias", "square", "shortfall")


@attrs.frozen
class Cache:
    """A folder of measured chunks."""

    folder: Path

    def read(self, key: str, chunk: int) -> tuple[Tally, Tally] | None:
        """Return the even and odd tallies of a chunk, or ``None`` if they are not there."""
        try:
            content = self._path(key, chunk).read_bytes()
        except OSError:
            return None
        digest, body = content[:32], content[32:]
        if hashlib.sha256(body).digest() != digest:
            return None
        try:
            with np.load(io.BytesIO(body), allow_pickle=False) as stored:
                return _tally(stored, "even"), _tally(stored, "odd")
        except (KeyError, ValueError, OSError, zipfile.BadZipFile):
            return None

    def write(self, key: str, chunk: int, halves: tuple[Tally, Tally]) -> None:
        """Store the tallies of a chunk; a reader sees all of it or nothing."""
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {}
        for half, tally in zip(("even", "odd"), halves, strict=True):
            for part in (*_PARTS, *tally.extra):
                moments = tally.part(part)
                arrays[f"{half}_{part}_count"] = np.int64(moments.count)
                arrays |= {f"{half}_{part}_{f}": getattr(moments, f) for f in _FIELDS}
        np.savez(buffer, **arrays)
        body = buffer.getvalue()
        path = self._path(key, chunk)
        try:
            write_atomically(path, hashlib.sha256(body).digest() + body)
        except OSError as error:
            raise UsageError(
                f"cannot write the cache {str(self.folder)!r}: {error.strerror or error}",
                hint="free some space, choose another folder, or run with --no-cache",
            ) from error

    def _path(self, key: str, chunk: int) -> Path:
        return self.folder / key[:2] / f"{key}-{chunk:06d}.npz"


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` so that a crash leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _tally(stored: np.lib.npyio.NpzFile, half: str) -> Tally:
    ending = "_count"
    names = [
        key[len(half) + 1 : -len(ending)]
        for key in stored.files
        if key.endswith(ending) and key.startswith(f"{half}_")
    ]
    parts = {
        part: Moments(
            count=int(stored[f"{half}_{part}_count"]),
            **{field: stored[f"{half}_{part}_{field}"] for field in _FIELDS},
        )
        for part in names
    }
    extra = {part: parts.pop(part) for part in names if part not in _PARTS}
    return Tally(**{part: parts[part] for part in _PARTS}, extra=extra)
