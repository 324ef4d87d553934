"""The digest of a data set: of what was parsed, not of how the file was written."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dpaudit.model.dataset import Dataset
    from dpaudit.model.domain import Domain
    from dpaudit.model.hierarchy import Hierarchy


def digest_of(dataset: Dataset) -> str:
    """Return the SHA-256 of what was parsed: the order of rows counts, their format does not."""
    content = {
        "entities": dataset.entities,
        "counts": [int(count) for count in dataset.counts],
        "columns": {name: column.tolist() for name, column in dataset.columns.items()},
        "groups": dataset.groups,
        **({"also": list(dataset.also)} if dataset.also else {}),
        **_table(dataset.domain),
        **_tree(dataset.hierarchy),
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _table(domain: Domain | None) -> dict[str, Any]:
    """Return the attributes of a table; those of a plain list are its entities once more."""
    if domain is None or len(domain.names) == 1:
        return {}
    return {"domain": {"names": domain.names, "values": domain.values}}


def _tree(hierarchy: Hierarchy | None) -> dict[str, Any]:
    if hierarchy is None:
        return {}
    parents = [above.tolist() for above in hierarchy.parents]
    tree = {"levels": hierarchy.levels, "labels": hierarchy.labels, "parents": parents}
    return {"hierarchy": tree}
