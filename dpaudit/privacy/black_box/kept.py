"""Outputs of a mechanism on disk, so that an interrupted audit goes on where it was.

Runs of a slow mechanism are not made twice: an audit that is started again reads them, learns and
bets as before, and comes to the same state, bit for bit. A file is there whole or not at all, and
one that is damaged is made again.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray

_HEADER = "audit.json"


class Kept:
    """A folder with the outputs of one audit.

    Parameters
    ----------
    folder
        Made if it is not there.
    about
        What the audit is of: another audit must not go on with these outputs.

    Raises
    ------
    UsageError
        If the folder holds another audit, or cannot be written.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        self._folder = folder
        content = json.dumps(about, sort_keys=True, default=str, indent=2).encode()
        header = folder / _HEADER
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not header.exists():
                _write(header, content)
            if header.read_bytes() != content:
                raise UsageError(
                    f"{str(folder)!r} holds the outputs of another audit",
                    hint="name another folder, or repeat the command that made it",
                )
        except OSError as error:
            raise UsageError(
                f"cannot use the folder {str(folder)!r}: {error.strerror or error}",
                hint="name a folder that can be written",
            ) from error

    def read(self, name: Sequence[int], runs: int) -> FloatArray | None:
        """Return ``runs`` outputs that were kept under a name of numbers, if they are whole."""
        try:
            content = self._path(name).read_bytes()
        except OSError:
            return None
        if hashlib.sha256(content[32:]).digest() != content[:32]:
            return None
        outputs: FloatArray = np.load(io.BytesIO(content[32:]), allow_pickle=False)
        return outputs if len(outputs) == runs else None

    def write(self, name: Sequence[int], outputs: FloatArray) -> None:
        """Keep outputs, shape (n, k).

        Raises
        ------
        UsageError
            If they cannot be written.
        """
        buffer = io.BytesIO()
        np.save(buffer, outputs, allow_pickle=False)
        body = buffer.getvalue()
        try:
            _write(self._path(name), hashlib.sha256(body).digest() + body)
        except OSError as error:
            raise UsageError(
                f"cannot write to {str(self._folder)!r}: {error.strerror or error}",
                hint="free some space and repeat the command: what was run is kept",
            ) from error

    def _path(self, name: Sequence[int]) -> Path:
        return self._folder / ("-".join(map(str, name)) + ".npy")


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
