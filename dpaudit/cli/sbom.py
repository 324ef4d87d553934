"""A bill of materials of this installation in the format of CycloneDX, for scanners.

It is made from the metadata of what is installed: dpaudit, all that it needs and those of its
extras that are there, with versions, licences and who needs whom. The same installation gives
the same bytes; a date stands in it only where ``SOURCE_DATE_EPOCH`` names one.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
import uuid
from collections.abc import Iterator
from importlib import metadata, resources
from typing import Any
from urllib.parse import quote

SPEC = "1.5"
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)\s*(?:\[([^]]*)\])?")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")
_NAMESPACE = uuid.UUID("6f1c1c9e-6d0e-5a0e-9a55-1d8c5a7f3b10")
_CLASSIFIER = "License :: OSI Approved :: "


def bill() -> dict[str, Any]:
    """Return the bill of materials, as CycloneDX has it."""
    needs = _closure("dpaudit")
    parts = {name: _part(name) for name in sorted(needs)}
    main = parts.pop("dpaudit")
    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "version": 1,
        "metadata": {**_date(), "component": {**main, "type": "application"}},
        "components": [*parts.values(), *_fonts()],
        "dependencies": [
            {"ref": _purl(name), "dependsOn": sorted(map(_purl, needs[name]))}
            for name in sorted(needs)
        ],
    }
    serial = uuid.uuid5(_NAMESPACE, repr(document))
    return {**document, "serialNumber": f"urn:uuid:{serial}"}


def _date() -> dict[str, str]:
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not epoch.isdigit():
        return {}
    return {"timestamp": dt.datetime.fromtimestamp(int(epoch), tz=dt.UTC).isoformat()}


def _closure(root: str) -> dict[str, list[str]]:
    """Return by name what each installed distribution needs, from ``root`` on."""
    extras: dict[str, frozenset[str]] = {root: _extras_of_users(root)}
    found: dict[str, list[str]] = {}
    waiting = [root]
    while waiting:
        name = waiting.pop()
        needed = {other: asked for other, asked in _needed(name, extras[name]) if other != name}
        found[name] = sorted(needed)
        for other, asked in needed.items():
            known = extras.get(other)
            extras[other] = asked | (known or frozenset())
            if extras[other] != known:
                waiting.append(other)
    return found


def _needed(name: str, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield what a distribution needs and is installed, each with the extras asked of it."""
    found: dict[str, frozenset[str]] = {}
    for line in metadata.requires(name) or []:
        match = _REQUIREMENT.match(line)
        wanted = set(_EXTRA.findall(line.partition(";")[2]))
        if match is None or (wanted and not wanted & extras):
            continue
        other = _plain(match[1])
        try:
            metadata.version(other)
        except metadata.PackageNotFoundError:
            continue
        asked = frozenset(filter(None, re.split(r"[,\s]+", match[2] or "")))
        found[other] = found.get(other, frozenset()) | asked
    yield from found.items()


def _extras_of_users(name: str) -> frozenset[str]:
    named = metadata.metadata(name).get_all("Provides-Extra") or []
    return frozenset(named) - {"all", "docs", "test"}


def _part(name: str) -> dict[str, Any]:
    about = metadata.metadata(name)
    licence = _licence(about)
    return {
        "type": "library",
        "bom-ref": _purl(name),
        "name": name,
        "version": metadata.version(name),
        "purl": _purl(name),
        **({"licenses": [licence]} if licence else {}),
    }


def _licence(about: Any) -> dict[str, Any] | None:
    """Return the licence as the distribution states it: an expression, or its own words."""
    if stated := about.get("License-Expression"):
        return {"expression": stated}
    classified = [c for c in about.get_all("Classifier") or [] if c.startswith(_CLASSIFIER)]
    words = [c.removeprefix(_CLASSIFIER) for c in classified]
    name = " or ".join(words) or (about.get("License") or "").strip().split("\n")[0]
    return {"license": {"name": name[:200]}} if name else None


def _fonts() -> Iterator[dict[str, Any]]:
    """Yield the fonts that every report carries inside."""
    folder = resources.files("dpaudit_templates") / "report" / "fonts"
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".woff2"):
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            yield {
                "type": "file",
                "bom-ref": f"font:{file.name}",
                "name": file.name,
                "hashes": [{"alg": "SHA-256", "content": digest}],
                "licenses": [{"license": {"id": "OFL-1.1"}}],
            }


def _purl(name: str) -> str:
    return f"pkg:pypi/{name}@{quote(metadata.version(name), safe='')}"


def _plain(name: str) -> str:
    """Return a name as package indexes write it."""
    return re.sub(r"[-_.]+", "-", name).lower()
