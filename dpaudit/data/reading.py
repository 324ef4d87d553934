"""From ``[data]`` to a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from dpaudit.data.counts import column_of, counts_of, entities_of
from dpaudit.data.digest import digest_of
from dpaudit.data.formats import open_frame, open_header
from dpaudit.data.frame import NUMBER, Frame, check_columns, is_missing
from dpaudit.data.groups import groups_of
from dpaudit.data.joined import with_joined
from dpaudit.data.locate import locate
from dpaudit.data.parents import assumptions, with_parents
from dpaudit.data.select import recorded, select, with_derived
from dpaudit.data.tabulate import cells_of, domain_of, tabulate
from dpaudit.data.tree import hierarchy_of
from dpaudit.errors import DataError
from dpaudit.model.arrays import FloatArray
from dpaudit.model.dataset import Dataset
from dpaudit.model.domain import Domain

if TYPE_CHECKING:
    from pathlib import Path

    from dpaudit.model.spec import DataSpec, JoinSpec, ParentsSpec
    from dpaudit.registry import Registry


def read(spec: DataSpec, base: Path, registry: Registry) -> Dataset:
    """Read the data of an audit.

    Parameters
    ----------
    spec
        ``[data]`` of the audit file.
    base
        The folder of the audit file.
    registry
        Where ``builtin:`` data are looked up.

    Returns
    -------
    Dataset
        Entities in the order of the file, or of the cells of a table. One entity, and counts
        that are all zero, are accepted: the audits say what they mean.

    Raises
    ------
    DataError
        If the file is missing, damaged, empty or ragged; if a column is missing; if an
        identifier is blank or stands twice; if a count is missing, negative, fractional, not
        finite or above 2^53; if no row passes the filter, a record is not in the domain of
        the table, or an entity has no place in the tree. The message names file, row, column
        and value.
    UnavailableError
        If the data, or the library that reads their format, are not on this machine.
    """
    rows, assumed = _rows(spec, base, registry)
    listed = _tabulated(rows, spec) if spec.table else _listed(rows, spec)
    as_text = _texts(spec)
    columns = {
        name: column_of(cells, as_text=name in as_text)
        for name, cells in listed.frame.columns.items()
    }
    also = {name: counts_of(listed.frame, name, noisy=spec.noisy) for name in spec.also_counted}
    columns |= {spec.count: listed.counts, **also}
    dataset = Dataset(
        source=spec.file,
        digest="",
        entities=listed.entities,
        names=_names(listed.frame, spec, listed.entities),
        counts=listed.counts,
        count=spec.count,
        also=also,
        columns=columns,
        groups=groups_of(listed.frame, columns, spec.groups, spec.classes),
        status=spec.status,
        domain=listed.domain,
        hierarchy=hierarchy_of(listed.frame, spec, listed.entities),
        assumptions=assumed,
    )
    return attrs.evolve(dataset, digest=digest_of(dataset))


def header(
    spec: DataSpec | JoinSpec | ParentsSpec, base: Path, registry: Registry
) -> tuple[str, ...]:
    """Return the column names of the data, without reading the rows of a large file.

    Raises
    ------
    DataError
        If the file is missing or damaged, or its header is.
    UnavailableError
        If the data, or the library that reads their format, are not on this machine.
    """
    return open_header(spec, locate(spec.file, base, registry))


def distinct(spec: DataSpec, base: Path, registry: Registry, column: str) -> tuple[str, ...]:
    """Return the values of a column, each once, numbers in their order and first.

    Raises
    ------
    DataError
        If the file is missing or damaged, or has no such column.
    UnavailableError
        If the data, or the library that reads their format, are not on this machine.
    """
    frame = open_frame(spec, locate(spec.file, base, registry), [column])
    return tuple(sorted(set(frame.columns[column]), key=_natural))


def _natural(cell: str) -> tuple[bool, float, str]:
    is_number = NUMBER.fullmatch(cell.strip()) is not None
    return (not is_number, float(cell) if is_number else 0.0, cell)


@attrs.frozen(kw_only=True)
class _Listed:
    """The entities of an audit: rows of the file, or cells of a table."""

    entities: tuple[str, ...]
    counts: FloatArray
    domain: Domain
    frame: Frame


def _rows(spec: DataSpec, base: Path, registry: Registry) -> tuple[Frame, tuple[str, ...]]:
    """Return the rows that are wanted, with derived columns and parents, and assumptions."""
    needed = _needed(spec)
    path = locate(spec.file, base, registry)
    frame = open_frame(spec, path, needed if spec.table else None)
    check_columns(needed, list(frame.columns), spec.file)
    if not len(frame):
        raise DataError(f"{spec.file}: a header and no rows", hint="the file needs one row or more")
    frame = select(frame, spec)
    if spec.joined:
        frame = select(with_joined(frame, spec, base, registry), spec)
    if spec.parents is None:
        return frame, ()
    frame, found = with_parents(frame, spec.entity, spec.parents, base, registry)
    frame = select(frame, spec)
    return frame, assumptions(spec.parents, found, frame.columns[spec.entity])


def _needed(spec: DataSpec) -> list[str]:
    """Return the columns that the file must have."""
    made = {*spec.derived, *spec.joined, *([spec.parents.level] if spec.parents else [])}
    if spec.table:
        return [name for name in sorted(recorded(spec)) if name not in made]
    label = [spec.label] if spec.label else []
    sources = [rule.column for rule in spec.derived.values()]
    sized = [one.column for one in spec.classes.values()]
    matched = [mine for join in spec.joined.values() for mine in join.match]
    named = [
        *matched,
        spec.entity,
        spec.count,
        *spec.also_counted,
        *label,
        *_analysed(spec),
        *sized,
        *spec.where,
        *sources,
    ]
    return [name for name in dict.fromkeys(named) if name not in made]


def _analysed(spec: DataSpec) -> tuple[str, ...]:
    """Return the columns whose values are labels: of groups, of levels, of shares."""
    parts = [part for parts in spec.groups for part in parts if part not in spec.classes]
    shared = [one.share_of for one in spec.classes.values() if one.share_of is not None]
    return tuple(dict.fromkeys([*parts, *spec.ancestors, *shared]))


def _texts(spec: DataSpec) -> set[str]:
    """Return the columns that stay text even where every cell is a number."""
    sources = {rule.column for rule in spec.derived.values()}
    level = [spec.parents.level] if spec.parents else []
    label = [spec.label] if spec.label else []
    return {spec.entity, *label, *_analysed(spec), *spec.derived, *sources, *level, *spec.table}


def _listed(frame: Frame, spec: DataSpec) -> _Listed:
    entities = entities_of(frame, spec.entity)
    return _Listed(
        entities=entities,
        counts=counts_of(frame, spec.count, noisy=spec.noisy),
        domain=Domain(names=(spec.entity,), values=(entities,)),
        frame=frame,
    )


def _tabulated(records: Frame, spec: DataSpec) -> _Listed:
    entities, frame = cells_of(spec)
    return _Listed(
        entities=entities,
        counts=tabulate(records, spec),
        domain=domain_of(spec),
        frame=with_derived(frame, spec.derived, _analysed(spec), _added(spec)),
    )


def _names(frame: Frame, spec: DataSpec, entities: tuple[str, ...]) -> tuple[str, ...]:
    if spec.label is None:
        return entities
    labels = frame.columns[spec.label]
    return tuple(
        entity if is_missing(label) else label.strip()
        for entity, label in zip(entities, labels, strict=True)
    )


def _added(spec: DataSpec) -> dict[str, str]:
    """Return the label that a parent table gives to entities that it does not list."""
    parents = spec.parents
    return {} if parents is None or parents.other is None else {parents.level: parents.other}
