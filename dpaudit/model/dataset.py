"""The data of an audit: entities, their true counts, columns and groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs
import numpy as np

from dpaudit.model.arrays import ColumnArray, FloatArray
from dpaudit.model.domain import Domain
from dpaudit.model.hierarchy import Hierarchy

Status = Literal["public", "confidential"]
CROSS = " × "


@attrs.frozen(kw_only=True, eq=False)
class Dataset:
    """Entities in the order of the file, with what is known of each.

    Parameters
    ----------
    source
        The file's name as the audit file says it (never an absolute path).
    digest
        SHA-256 of the parsed content, in hex.
    entities
        Identifiers (n of them, unique), text so that FIPS ``01`` survives.
    names
        What to call each entity in a report (n).
    counts
        True counts, shape (n,), persons; non-negative and whole.
    count
        What the counts are called.
    also
        Further true counts of each entity by name, shape (n,), released with the first.
    columns
        Every column of the file by name, shape (n,): float64 for numbers, text otherwise.
    groups
        By grouping (``county``, or ``county × size_class`` for an intersection) the group of
        each entity (n).
    status
        Whether the counts may be printed.
    domain
        The public table whose cells the entities are; a list of entities is a table over one
        attribute.
    hierarchy
        The tree over the entities, where the audit file names its levels.
    assumptions
        Sentences on what reading took for granted, for the report.
    """

    source: str
    digest: str
    entities: tuple[str, ...]
    names: tuple[str, ...]
    counts: FloatArray
    count: str = ""
    also: Mapping[str, FloatArray] = attrs.field(factory=dict)
    columns: Mapping[str, ColumnArray]
    groups: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    status: Status
    domain: Domain | None = None
    hierarchy: Hierarchy | None = None
    assumptions: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.entities)

    @property
    def count_names(self) -> tuple[str, ...]:
        """The names of the k counts of each entity."""
        return (self.count, *self.also)

    @property
    def rows(self) -> FloatArray:
        """All k counts of each entity, shape (n, k)."""
        return np.stack([self.counts, *self.also.values()], axis=1)

    @property
    def total(self) -> float:
        """The sum of the true counts."""
        return float(np.sum(self.counts))
