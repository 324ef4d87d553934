"""Builds the tree over the entities from the columns of its levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpaudit.data.frame import SHOWN, is_missing
from dpaudit.model.hierarchy import Hierarchy

if TYPE_CHECKING:
    from dpaudit.data.frame import Frame
    from dpaudit.model.spec import DataSpec


def hierarchy_of(frame: Frame, spec: DataSpec, entities: tuple[str, ...]) -> Hierarchy | None:
    """Return the tree that the levels make, if the audit file names any.

    Raises
    ------
    DataError
        If an entity has an empty cell in the column of a level.
    """
    if not spec.levels and spec.parents is None:
        return None
    for level in spec.ancestors:
        empty = [i for i, cell in enumerate(frame.columns[level]) if is_missing(cell)]
        frame.refuse(
            [
                f"{frame.place(i, level)}: the level is empty for {entities[i]!r}"
                for i in empty[:SHOWN]
            ],
            "every entity needs a place in every level of the tree",
            len(empty),
        )
    paths = [frame.columns[level] for level in spec.ancestors]
    return Hierarchy.of((*spec.ancestors, spec.entity), [*paths, entities])
