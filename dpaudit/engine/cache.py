"""Measured chunks on disk: an interrupted audit goes on, and audits that run at once share them.

An entry is addressed by what it is made of (the key of its task, the blocks of its chunk), so
whoever writes it writes the same bytes. Each has one writer: the temporary file is made by the
first who comes, written, flushed to the disk and moved into place, and a second writer leaves the
entry to the first. A reader sees all of an entry or nothing; an entry carries a checksum, and one
that is damaged is said, and measured again.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs
import numpy as np

from dpaudit.engine.chunks import Chunk, Pieces
from dpaudit.engine.tally import Tally
from dpaudit.errors import UsageError
from dpaudit.stats.aligned import Node
from dpaudit.stats.moments import Moments

T = TypeVar("T")

_FIELDS = ("mean", "m2", "m4")
_PARTS = ("error", "bias", "square", "shortfall")

_LEFT_BEHIND = 60.0
"""Seconds after which a temporary file belongs to a run that was killed.

A wrong guess (the clock was moved, a writer was held up) costs work and no more: two writers then
write the same bytes, and what one of them moves into place half written has a wrong checksum.
"""


def _silent(_: str) -> None:
    """Say nothing."""


@attrs.frozen
class Cache:
    """A folder of measured chunks.

    Parameters
    ----------
    folder
        Where they lie. Several runs may use it at once.
    say
        What is told of an entry that is damaged.
    """

    folder: Path
    say: Callable[[str], None] = _silent

    def read(self, key: str, chunk: Chunk) -> Pieces | None:
        """Return what was measured of a chunk, or ``None`` if it is not there or damaged."""
        return self.read_as(key, chunk, _unpacked)

    def read_as(self, key: str, chunk: Chunk, unpack: Callable[[bytes], T]) -> T | None:
        """Return what ``unpack`` makes of an entry, or ``None`` if it is not there or damaged."""
        path = self._path(key, chunk)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        digest, body = content[:32], content[32:]
        fault = "its checksum does not match"
        if hashlib.sha256(body).digest() == digest:
            try:
                return unpack(body)
            except (KeyError, ValueError, TypeError, OSError, zipfile.BadZipFile) as error:
                fault = " ".join(f"{type(error).__name__}: {error}".split())
        self.say(f"the cache entry {str(path)!r} is damaged ({fault}): it is measured again")
        with contextlib.suppress(OSError):  # a folder that is only read cannot be mended
            path.unlink()
        return None

    def read_arrays(self, key: str, chunk: Chunk) -> dict[str, np.ndarray] | None:
        """Return the arrays that the runs of a chunk keep, or ``None`` as :meth:`read` does."""
        return self.read_as(key, chunk, _loaded)

    def write_arrays(self, key: str, chunk: Chunk, arrays: Mapping[str, np.ndarray]) -> None:
        """Store the arrays of a chunk, as :meth:`write` does."""
        self.write_as(key, chunk, lambda: _stored(arrays))

    def write(self, key: str, chunk: Chunk, pieces: Pieces) -> None:
        """Store what was measured of a chunk, unless another run does it or has done it.

        Raises
        ------
        UsageError
            If the folder cannot be written.
        """
        self.write_as(key, chunk, lambda: _packed(pieces))

    def write_as(self, key: str, chunk: Chunk, pack: Callable[[], bytes]) -> None:
        """Store the bytes that ``pack`` makes, unless they are there; raises as :meth:`write`."""
        path = self._path(key, chunk)
        if path.exists():
            return
        body = pack()
        try:
            _write_once(path, hashlib.sha256(body).digest() + body)
        except OSError as error:
            raise UsageError(
                f"cannot write the cache {str(self.folder)!r}: {error.strerror or error}",
                hint="free some space, choose another folder, or run with --no-cache",
            ) from error

    def _path(self, key: str, chunk: Chunk) -> Path:
        return self.folder / key[:2] / f"{key}-{chunk.first:06d}-{chunk.count}.npz"


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` so that a crash leaves the old file or the new one.

    Raises
    ------
    UsageError
        If the file cannot be written: the disk is full, the folder may only be read.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as file:
                _flushed(file, content)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(
            f"cannot write {str(path)!r}: {error.strerror or error}",
            hint="free some space or choose another folder; what stood there is untouched",
        ) from error


def _write_once(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` unless somebody else is about to; what is there is as good."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        file = temporary.open("xb")
    except FileExistsError:
        if not _is_left_behind(temporary):
            return
        # Its writer was killed. Whoever is first takes it away; the second finds it gone or new.
        temporary.unlink(missing_ok=True)
        try:
            file = temporary.open("xb")
        except FileExistsError:
            return
    try:
        with file:
            _flushed(file, content)
        temporary.replace(path)
    except FileNotFoundError:
        return  # held up for so long that another run took it for left behind: that run writes it
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _is_left_behind(file: Path) -> bool:
    try:
        # a clock that was set back leaves files of the future: nobody is writing those either
        return abs(time.time() - file.stat().st_mtime) > _LEFT_BEHIND
    except FileNotFoundError:
        return False


def _flushed(file: Any, content: bytes) -> None:
    file.write(content)
    file.flush()
    os.fsync(file.fileno())


def _packed(pieces: Pieces) -> bytes:
    """Return the bytes of pieces: the same for the same pieces."""
    arrays: dict[str, Any] = {}
    layout: list[tuple[int, int, int, str, int]] = []
    for half, nodes in enumerate(pieces):
        for node in nodes:
            for part in (*_PARTS, *node.part.extra):
                moments = node.part.part(part)
                for field in _FIELDS:
                    arrays[f"{len(layout)}_{field}"] = getattr(moments, field)
                layout.append((half, node.level, node.index, part, moments.count))
    arrays["layout"] = np.frombuffer(json.dumps(layout).encode(), dtype=np.uint8)
    return _stored(arrays)


def _stored(arrays: Mapping[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _loaded(body: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(body), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _unpacked(body: bytes) -> Pieces:
    halves: tuple[dict[tuple[int, int], dict[str, Moments]], ...] = ({}, {})
    with np.load(io.BytesIO(body), allow_pickle=False) as stored:
        for number, (half, level, index, part, count) in enumerate(
            json.loads(stored["layout"].tobytes())
        ):
            fields = {field: stored[f"{number}_{field}"] for field in _FIELDS}
            moments = Moments(count=count, **fields)
            halves[half].setdefault((level, index), {})[part] = moments
    even, odd = (
        tuple(Node(*place, _tally(parts)) for place, parts in half.items()) for half in halves
    )
    return even, odd


def _tally(parts: dict[str, Moments]) -> Tally:
    own = {part: parts.pop(part) for part in _PARTS}
    return Tally(**own, extra=parts)
