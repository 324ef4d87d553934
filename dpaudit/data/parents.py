"""Puts a level between the entities and the rest from a file of its own."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

from dpaudit.data.formats import open_frame
from dpaudit.data.frame import NUMBER, SHOWN, is_missing
from dpaudit.data.locate import locate
from dpaudit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dpaudit.data.frame import Frame
    from dpaudit.model.spec import ParentsSpec
    from dpaudit.registry import Registry

    Found = Mapping[str, Mapping[str, float]]


def with_parents(
    frame: Frame, entity: str, spec: ParentsSpec, base: Path, registry: Registry
) -> tuple[Frame, Found]:
    """Add the parent of every entity as the column ``spec.level``.

    Parameters
    ----------
    frame
        The data, with an identifier in the column ``entity`` of each row.
    spec
        Where the parents stand.
    base
        The folder of the audit file.
    registry
        Where ``builtin:`` data are looked up.

    Returns
    -------
    tuple
        The frame, and the parents of each entity that has any, for :func:`assumptions`.

    Raises
    ------
    DataError
        If the file cannot be read; if an entity is not in it, or has several parents, and the
        audit file does not say what to do then; if a parent or a weight is missing.
    """
    wanted = [spec.child, spec.parent, *([spec.weight] if spec.weight else [])]
    table = open_frame(spec, locate(spec.file, base, registry), wanted)
    entities = [cell for cell in frame.columns[entity] if not is_missing(cell)]
    found = _found(table, spec, set(entities))
    several = [entity for entity in entities if len(found.get(entity, ())) > 1]
    absent = [entity for entity in entities if entity not in found]
    _refuse_absent(spec, absent, len(entities))
    _refuse_several(spec, several, found, len(entities))
    chosen = {child: _choice(parents, spec) for child, parents in found.items()}
    # Rows without an identifier are refused later, with their place.
    cells = [chosen.get(cell, spec.other or "") for cell in frame.columns[entity]]
    return frame.add(spec.level, cells), found


def assumptions(spec: ParentsSpec, found: Found, entities: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence on each thing that was taken for granted about these entities."""
    several = sum(len(found.get(entity, ())) > 1 for entity in entities)
    absent = sum(entity not in found for entity in entities)
    rule = (
        f"the one with the largest {spec.weight!r} in {spec.file}"
        if spec.assign == "largest"
        else f"the first that {spec.file} lists"
    )
    made = []
    if several:
        told = f"{_of(several, len(entities))} entities {'lies' if several == 1 else 'lie'}"
        made.append(f"{told} in more than one {spec.level}; each was put into {rule}")
    if absent:
        told = f"{_of(absent, len(entities))} entities {'is' if absent == 1 else 'are'}"
        node = f"the {spec.level} {spec.other!r}"
        made.append(f"{told} not listed in {spec.file}; each was put into {node}")
    return tuple(made)


def _found(table: Frame, spec: ParentsSpec, entities: set[str]) -> Found:
    """Return the weight of each parent of each entity, in the order of the file."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    faults: list[str] = []
    weights = table.columns[spec.weight] if spec.weight else None
    pairs = zip(table.columns[spec.child], table.columns[spec.parent], strict=True)
    for i, (child, parent) in enumerate(pairs):
        if child not in entities:
            continue
        if is_missing(parent):
            faults.append(f"{table.place(i, spec.parent)}: no {spec.level} for {child!r}")
            continue
        weight = 0.0 if weights is None else _weight(weights[i])
        if math.isnan(weight):
            faults.append(f"{table.place(i, spec.weight)}: {weights and weights[i]!r} is no weight")
        found[child][parent] = found[child].get(parent, 0.0) + weight
    table.refuse(faults, "a parent needs a name, and a weight is a number, 0 or more")
    return found


def _weight(cell: str) -> float:
    """Return the number in a cell; NaN where there is none, or none that can weigh."""
    weight = float(cell) if NUMBER.fullmatch(cell.strip()) else math.nan
    return weight if 0 <= weight < math.inf else math.nan


def _choice(parents: Mapping[str, float], spec: ParentsSpec) -> str:
    """Return one parent: the first of the file, or the first of the heaviest."""
    return (
        max(parents, key=parents.__getitem__) if spec.assign == "largest" else next(iter(parents))
    )


def _refuse_absent(spec: ParentsSpec, absent: Sequence[str], count: int) -> None:
    if absent and spec.other is None:
        raise DataError(
            f"{spec.file}, column {spec.child!r}: {_of(len(absent), count)} entities are not "
            f"listed: {_listed([repr(entity) for entity in absent])}",
            hint='add other = "..." to [data.parents] to put them into a node of that name',
        )


def _refuse_several(spec: ParentsSpec, several: Sequence[str], found: Found, count: int) -> None:
    if several and spec.assign is None:
        pairs = [f"{entity!r} in {' and '.join(found[entity])}" for entity in several]
        raise DataError(
            f"{spec.file}: {_of(len(several), count)} entities lie in more than one "
            f"{spec.level}: {_listed(pairs)}",
            hint='add assign = "first", or assign = "largest" with weight = "COLUMN", to '
            "[data.parents]",
        )


def _of(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,}"


def _listed(items: Sequence[str]) -> str:
    more = len(items) - SHOWN
    listed = ", ".join(items[:SHOWN])
    return f"{listed}, and {more:,} more" if more > 0 else listed
