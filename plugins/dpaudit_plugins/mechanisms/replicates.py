"""Releases that were made elsewhere."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray, is_file
from dpaudit_plugins.mechanisms._replicate_files import FORMATS, Layout, load
from dpaudit_plugins.mechanisms._stated import Stated


@attrs.frozen(kw_only=True)
class Replicates(Stated):
    """Audit releases that somebody else made, from files.

    Nothing is simulated: every replicate is one draw. They come as a folder of CSV or Parquet
    files, one for each; as one long file with a column that tells them apart; or as one wide
    file with a column for each. All list the entities of the data, in any order.

    Parameters
    ----------
    file, folder
        One of the two, relative to the audit file.
    entity
        The column of identifiers, or the columns of a table's attributes; as the data have it
        when left out.
    count
        The column of released counts.
    replicate
        The column of a long file that tells replicates apart.
    columns
        What the names of a wide file's columns begin with.
    epsilon, delta, rho
        What the producer of the replicates states, which nothing here checks: epsilon, with or
        without delta, or rho. Left out, nothing is promised.
    """

    name: ClassVar[str] = "replicates"

    file: Path | None = None
    folder: Path | None = None
    entity: str | tuple[str, ...] | None = None
    count: str = "count"
    replicate: str = "replicate"
    columns: str | None = None
    base: dpaudit.GivenFolder = None
    domain: dpaudit.GivenDomain = None

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if (self.file is None) == (self.folder is None):
            raise ValueError("replicates come from a file or from a folder: name one of them")
        if self.folder is not None and self.columns is not None:
            raise ValueError(f"columns {self.columns!r}: files of a folder hold one replicate each")

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return one of the replicates, each with the same chance, shape (n,), persons."""
        rows = self.replicates()
        if counts.shape != rows.shape[1:]:
            raise dpaudit.UsageError(
                f"replicates: counts of shape {counts.shape} for {rows.shape[1]} entities",
                hint="give the counts of the data that the replicates belong to",
            )
        chosen: FloatArray = rows[rng.integers(len(rows))].copy()
        return chosen

    def replicates(self) -> FloatArray:
        """Return all of them, shape (R, n), persons.

        Raises
        ------
        DataError
            If the files do not fit the data.
        """
        if self.domain is None:
            raise dpaudit.UsageError(
                "replicates: nothing says which entities the data have",
                hint="let an audit fill in the entities of its data",
            )
        own = (self.entity,) if isinstance(self.entity, str) else self.entity
        entity = own or self.domain.names
        if len(entity) != len(self.domain.names):
            raise dpaudit.UsageError(
                f"replicates: entity {', '.join(entity)!r} for a table over "
                f"{', '.join(self.domain.names)}",
                hint="name one column for each attribute of the table",
            )
        layout = Layout(
            entity=entity,
            count=self.count,
            replicate=self.replicate,
            columns=self.columns,
            entities=tuple(itertools.product(*self.domain.values)),
        )
        return load(self.sources(), layout, one_each=self.folder is not None)

    def sources(self) -> tuple[Path, ...]:
        """Return the files, those of a folder by name."""
        place = (self.base or Path()) / (self.file or self.folder or Path())
        if self.file is not None and is_file(place) and place.suffix.lower() in FORMATS:
            return (place,)
        found = sorted(p for p in place.glob("*") if p.suffix.lower() in FORMATS)
        if self.folder is None or not found:
            what = f"no file ({', '.join(FORMATS)})" if self.file else "no folder of such files"
            raise dpaudit.DataError(
                f"replicates: {self.file or self.folder} is {what}",
                hint="the path is relative to the audit file's folder",
            )
        return tuple(found)

    def caveats(self) -> tuple[str, ...]:
        """Return what the errors of replicates are, and whose word the guarantee is."""
        told = (
            "errors are differences between the replicates and the file that the audit names as "
            "data; they stand for the error of the published data only if that file plays the "
            "part of the truth (as the published release does among the Census Bureau's replicates)"
        )
        classes = (
            "groups made from the released counts themselves, such as size classes, show how a "
            "second release would be off, not this one: take groups from elsewhere"
        )
        return (told, classes, *super().caveats())

    def _whose(self) -> str:
        return "the replicates"


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (Replicates,)
