"""Digests of code, files and parameters: what decides whether a cached number may be used."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from dpaudit.interfaces import Plugin
from dpaudit.registry import Registry


def digest_of(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of plain content, in hex."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def plugin_digest(
    registry: Registry, plugin: Plugin, parameters: Mapping[str, Any] | None = None
) -> str:
    """Return a digest of a plug-in's code, of the files that it reads and of ``parameters``."""
    source = registry.source(type(plugin))
    return digest_of(
        {
            "plugin": [source.kind, source.name, source.version, source.digest],
            "package": _package_digest(type(plugin).__module__.split(".", maxsplit=1)[0]),
            "files": [_file_digest(file) for file in plugin.sources()],
            "parameters": parameters,
        }
    )


def _file_digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def _package_digest(name: str) -> str:
    """Return a digest of all source of the package that a plug-in stands in."""
    package = sys.modules.get(name)
    folders = [Path(folder) for folder in getattr(package, "__path__", ())]
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


@cache
def engine_digest() -> str:
    """Return a digest of the framework's own source: a changed estimator is a changed number."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parents[1].rglob("*.py")):
        if not {"cli", "report"} & set(file.parts):
            digest.update(file.read_bytes())
    return digest.hexdigest()
