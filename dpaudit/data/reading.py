"""From ``[data]`` to a dataset."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import attrs

from dpaudit.data.counts import column_of, counts_of, entities_of
from dpaudit.data.formats import open_frame, open_header
from dpaudit.data.frame import check_columns, is_missing
from dpaudit.data.groups import groups_of
from dpaudit.data.locate import locate
from dpaudit.errors import DataError
from dpaudit.model.dataset import Dataset

if TYPE_CHECKING:
    from pathlib import Path

    from dpaudit.data.frame import Frame
    from dpaudit.model.spec import DataSpec
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
        Entities in the order of the file. One entity, and counts that are all zero, are
        accepted: the audits say what they mean.

    Raises
    ------
    DataError
        If the file is missing, damaged, empty or ragged; if a column is missing; if an
        identifier is blank or stands twice; if a count is missing, negative, fractional, not
        finite or above 2^53. The message names file, row, column and value.
    UnavailableError
        If the data, or the library that reads their format, are not on this machine.
    """
    frame = open_frame(spec, locate(spec.file, base, registry))
    parts = tuple(dict.fromkeys(part for parts in spec.groups for part in parts))
    grouped = [part for part in parts if part not in spec.classes]
    labels = [spec.label] if spec.label else []
    sized = [spec.classes[part].column for part in spec.classes]
    check_columns(
        [spec.entity, spec.count, *labels, *grouped, *sized], list(frame.columns), spec.file
    )
    if not len(frame):
        raise DataError(f"{spec.file}: a header and no rows", hint="the file needs one row or more")
    entities = entities_of(frame, spec.entity)
    counts = counts_of(frame, spec.count)
    as_text = {spec.entity, *labels, *grouped}
    columns = {
        name: column_of(cells, as_text=name in as_text) for name, cells in frame.columns.items()
    }
    columns[spec.count] = counts
    dataset = Dataset(
        source=spec.file,
        digest="",
        entities=entities,
        names=_names(frame, spec, entities),
        counts=counts,
        columns=columns,
        groups=groups_of(frame, columns, spec.groups, spec.classes),
        status=spec.status,
    )
    return attrs.evolve(dataset, digest=_digest(dataset))


def header(spec: DataSpec, base: Path, registry: Registry) -> tuple[str, ...]:
    """Return the column names of the data, without reading the rows of a large file.

    Raises
    ------
    DataError
        If the file is missing or damaged, or its header is.
    UnavailableError
        If the data, or the library that reads their format, are not on this machine.
    """
    return open_header(spec, locate(spec.file, base, registry))


def _names(frame: Frame, spec: DataSpec, entities: tuple[str, ...]) -> tuple[str, ...]:
    if spec.label is None:
        return entities
    labels = frame.columns[spec.label]
    return tuple(
        entity if is_missing(label) else label.strip()
        for entity, label in zip(entities, labels, strict=True)
    )


def _digest(dataset: Dataset) -> str:
    """Return the SHA-256 of what was parsed: the order of rows counts, their format does not."""
    content = {
        "entities": dataset.entities,
        "counts": [int(count) for count in dataset.counts],
        "columns": {name: column.tolist() for name, column in dataset.columns.items()},
        "groups": dataset.groups,
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()
