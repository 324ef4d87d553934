"""What a report was made from: digests, versions and the plug-ins that took part."""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
from collections.abc import Iterable, Mapping

from dpaudit.engine.work import Ready
from dpaudit.interfaces import Plugin
from dpaudit.model.results import PluginSource, Provenance


def provenance_of(
    prepared: Ready,
    plugins: Iterable[Plugin],
    *,
    draws: int,
    libraries: Mapping[str, str] | None = None,
) -> Provenance:
    """Return the provenance of a run; ``libraries`` are versions beyond the usual ones."""
    used = {(plugin.kind, plugin.name): plugin for plugin in plugins}
    sources: list[PluginSource] = [
        prepared.registry.source(type(plugin)) for _, plugin in sorted(used.items())
    ]
    names = _materials() | {s.distribution for s in sources if s.distribution}
    return Provenance(
        versions={**{name: version(name) for name in sorted(names)}, **(libraries or {})},
        audit_digest=hashlib.sha256(prepared.spec.text.encode()).hexdigest(),
        data_digest=prepared.data.digest,
        seed=prepared.spec.run.seed,
        draws=draws,
        confidence=prepared.spec.run.confidence,
        plugins=tuple(sources),
    )


def _materials() -> set[str]:
    """Return dpaudit and every distribution that it needs: they make the numbers and the report."""
    try:
        needed = importlib.metadata.requires("dpaudit") or []
    except importlib.metadata.PackageNotFoundError:
        needed = ["numpy", "scipy"]
    plain = (line for line in needed if "extra ==" not in line)
    return {"dpaudit", *(re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in plain)}


def version(distribution: str) -> str:
    """Return the installed version of a distribution."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
