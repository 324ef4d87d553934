"""Asks for files whose names come out of an audit file, which may hold names no file can have."""

from __future__ import annotations

from pathlib import Path


def is_file(path: Path) -> bool:
    """Return whether a file stands there; a name that is too long or holds NUL is no file."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Return whether a folder stands there; a name that is too long or holds NUL is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
