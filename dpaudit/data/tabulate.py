"""From records of persons to a contingency table over a public domain."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from dpaudit.data.frame import NUMBER, SHOWN, Frame, is_missing
from dpaudit.model.arrays import frozen_floats
from dpaudit.model.domain import Domain

if TYPE_CHECKING:
    from dpaudit.model.arrays import FloatArray
    from dpaudit.model.spec import AttributeSpec, DataSpec

BETWEEN = " | "
"""Stands between the labels of a cell in its identifier."""


def domain_of(spec: DataSpec) -> Domain:
    """Return the public domain of a table, as the audit file states it."""
    return Domain(names=spec.table, values=tuple(spec.domain[name].labels for name in spec.table))


def tabulate(records: Frame, spec: DataSpec) -> FloatArray:
    """Count the persons in each cell of the domain.

    Parameters
    ----------
    records
        One person a row.
    spec
        ``[data]`` with ``table`` and ``domain``.

    Returns
    -------
    FloatArray
        Persons, shape (size of the domain,), the last attribute fastest.

    Raises
    ------
    DataError
        If a record has a value that is not in the domain: file, row, column and value.
    """
    codes = [_codes(records, spec.domain[name]) for name in spec.table]
    faults: list[str] = []
    count = 0
    for name, found in zip(spec.table, codes, strict=True):
        outside = np.flatnonzero(found < 0)
        count += len(outside)
        rule = spec.domain[name]
        for i in outside[: SHOWN - len(faults)]:
            cell = records.columns[rule.column][i]
            faults.append(f"{records.place(int(i), rule.column)}: {_why(cell, name, rule)}")
    records.refuse(faults, _hint(spec), count)
    domain = domain_of(spec)
    cells = np.ravel_multi_index(codes, domain.shape)
    return frozen_floats(np.bincount(cells, minlength=domain.size))


def cells_of(spec: DataSpec) -> tuple[tuple[str, ...], Frame]:
    """Return the identifiers of the cells of a domain, and a frame with their attributes."""
    domain = domain_of(spec)
    rows = list(itertools.product(*domain.values))
    columns = {
        name: list(cells) for name, cells in zip(domain.names, zip(*rows, strict=True), strict=True)
    }
    frame = Frame(source=spec.file, columns=columns, rows=range(1, len(rows) + 1), noun="cell")
    return tuple(BETWEEN.join(row) for row in rows), frame


def _codes(records: Frame, rule: AttributeSpec) -> np.ndarray:
    """Return the position of every record's label in the domain, shape (n,); -1 for none."""
    cells = records.columns[rule.column]
    known = {cell: _code(cell, rule) for cell in set(cells)}
    return np.fromiter((known[cell] for cell in cells), dtype=np.intp, count=len(cells))


def _code(cell: str, rule: AttributeSpec) -> int:
    """Return the position of a cell's label, or -1."""
    if cell in rule.values:
        return rule.labels.index(rule.values[cell])
    if is_missing(cell) and rule.missing is not None:
        return rule.labels.index(rule.missing)
    if rule.bounds and NUMBER.fullmatch(cell.strip()):
        value = float(cell)
        if rule.whole and not value.is_integer():
            return -1
        place = int(np.searchsorted(rule.bounds, value, side="right")) - rule.is_closed
        if place >= 0:
            return place
    # An empty cell is no value: only 'missing' takes it.
    return -1 if rule.other is None or is_missing(cell) else rule.labels.index(rule.other)


def _why(cell: str, name: str, rule: AttributeSpec) -> str:
    if is_missing(cell):
        return f"empty, and the domain of {name!r} has no label for that"
    if rule.bounds and NUMBER.fullmatch(cell.strip()):
        if rule.is_closed:
            return f"{cell!r} is below {rule.bounds[0]:g}, where the bins of {name!r} begin"
        return f"{cell!r} is not whole, as the bins of {name!r} are"
    return f"{cell!r} is not in the domain of {name!r}"


def _hint(spec: DataSpec) -> str:
    whole = any(spec.domain[name].whole for name in spec.table)
    bins = "; bins with labels = [...] of their own take fractions too" if whole else ""
    return (
        'list the value under [data.domain], or add other = "..." there, or missing = "..." '
        f"for empty cells{bins}"
    )
