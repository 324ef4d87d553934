"""Groups of entities: by a column, by size classes, and their intersections."""

from __future__ import annotations

import itertools
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from dpaudit.data.frame import is_missing
from dpaudit.errors import DataError
from dpaudit.model.dataset import CROSS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dpaudit.data.frame import Frame
    from dpaudit.model.arrays import ColumnArray, FloatArray
    from dpaudit.model.dataset import Dataset
    from dpaudit.model.spec import ClassSpec

NOT_STATED = "(not stated)"
"""The group of an entity whose cell is empty."""

_NUMBER = r"(-?[\d,]+(?:\.\d+)?)"
_FIRST = re.compile(rf"under {_NUMBER}")
_MIDDLE = re.compile(rf"{_NUMBER}(?: to (?:under )?{_NUMBER})?")
_LAST = re.compile(rf"{_NUMBER} and over")


def groups_of(
    frame: Frame,
    columns: Mapping[str, ColumnArray],
    groups: Sequence[Sequence[str]],
    classes: Mapping[str, ClassSpec],
) -> dict[str, tuple[str, ...]]:
    """Return the group of every entity, by grouping.

    A grouping of several columns is named after them, with ``CROSS`` in between, and so are
    its groups.
    """
    single = {
        part: _classified(frame, columns, part, classes[part])
        if part in classes
        else tuple(NOT_STATED if is_missing(cell) else cell for cell in frame.columns[part])
        for part in dict.fromkeys(itertools.chain.from_iterable(groups))
    }
    return {
        CROSS.join(parts): tuple(
            CROSS.join(labels) for labels in zip(*(single[part] for part in parts), strict=True)
        )
        for parts in groups
    }


def group_order(dataset: Dataset, grouping: str) -> tuple[str, ...]:
    """Return the groups of ``grouping`` in the order that a table shows them.

    Size classes ascend, other groups are sorted by label, intersections vary their last part
    fastest, and entities without a group come last.

    Raises
    ------
    DataError
        If the data have no such grouping.
    """
    if grouping not in dataset.groups:
        known = ", ".join(dataset.groups) or "none"
        raise DataError(f"the data have no grouping {grouping!r}", hint=f"groupings: {known}")
    labels = list(dict.fromkeys(dataset.groups[grouping]))
    width = len(grouping.split(CROSS))
    parts = [tuple(label.split(CROSS)) for label in labels]
    if width == 1 or any(len(part) != width for part in parts):
        return tuple(sorted(labels, key=_ranks(labels)))
    ranks = [_ranks([part[i] for part in parts]) for i in range(width)]
    order = sorted(parts, key=lambda part: [ranks[i](label) for i, label in enumerate(part)])
    return tuple(CROSS.join(part) for part in order)


def class_labels(bounds: Sequence[float], *, whole: bool) -> tuple[str, ...]:
    """Return what the size classes are called, ascending.

    ``whole`` says that only whole numbers occur, so that ``50 to 199`` leaves no gap.
    """
    labels = [f"under {_figure(bounds[0])}"]
    for low, high in itertools.pairwise(bounds):
        if not whole:
            labels.append(f"{_figure(low)} to under {_figure(high)}")
        elif high - low == 1:
            labels.append(_figure(low))
        else:
            labels.append(f"{_figure(low)} to {_figure(high - 1)}")
    return (*labels, f"{_figure(bounds[-1])} and over")


def share_labels(bounds: Sequence[float], parent: str) -> tuple[str, ...]:
    """Return what classes by the share of a parent are called, ascending."""
    # 0.07 * 100 is not 7 in binary.
    percents = [float(Decimal(str(bound)) * 100) for bound in bounds]
    first, *middle, last = class_labels(percents, whole=False)
    marked = [
        f"{first}%",
        *(label.replace(" to", "% to") + "%" for label in middle),
        last.replace(" and", "% and"),
    ]
    return tuple(f"{label} of its {parent}" for label in marked)


def _classified(
    frame: Frame, columns: Mapping[str, ColumnArray], name: str, spec: ClassSpec
) -> tuple[str, ...]:
    values = columns[spec.column]
    if values.dtype.kind != "f":
        raise DataError(
            f"{frame.source}, column {spec.column!r}: the classes {name!r} need numbers",
            hint=_culprit(frame, spec.column),
        )
    if spec.share_of is None:
        labels = class_labels(spec.bounds, whole=_whole(spec.bounds, values))
    else:
        labels = share_labels(spec.bounds, spec.share_of)
        values = _shares(frame, values, spec.column, spec.share_of)
    positions = np.searchsorted(np.asarray(spec.bounds), values, side="right")
    return tuple(
        NOT_STATED if np.isnan(value) else labels[position]
        for value, position in zip(values, positions, strict=True)
    )


def _whole(bounds: Sequence[float], values: FloatArray) -> bool:
    stated: FloatArray = values[~np.isnan(values)]
    return all(float(b).is_integer() for b in bounds) and bool(np.all(stated == np.floor(stated)))


def _shares(frame: Frame, values: FloatArray, column: str, parent: str) -> FloatArray:
    """Return each value over the sum of its group, shape (n,).

    A share is 0 where the sum is, and NaN where the value or the group is not stated.
    """
    shared = (values >= 0) & np.isfinite(values)
    outside = np.flatnonzero(~shared & ~np.isnan(values))
    frame.refuse(
        [f"{frame.place(int(i), column)}: {values[i]:g} has no share" for i in outside],
        f"a share of {parent!r} needs finite numbers, 0 or more",
    )
    cells = frame.columns[parent]
    codes = np.unique(np.asarray(cells, dtype=np.str_), return_inverse=True)[1]
    sums = np.bincount(codes, weights=np.nan_to_num(values))[codes]
    shares: FloatArray = np.divide(values, sums, out=values * 0.0, where=sums > 0)
    shares[[is_missing(cell) for cell in cells]] = np.nan
    return shares


def _culprit(frame: Frame, column: str) -> str:
    for i, cell in enumerate(frame.columns[column]):
        try:
            float(cell or "0")
        except ValueError:
            return f"{frame.noun} {frame.rows[i]} has {cell!r}"
    return "the column is text: it is empty, or names entities, groups, levels or derived columns"


def _figure(value: float) -> str:
    return f"{int(value):,}" if float(value).is_integer() else f"{value:,}"


class _Rank:
    """A sort key: numbers first where all labels are size classes, the unstated last."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.sized = all(_size(label) is not None for label in labels if label != NOT_STATED)

    def __call__(self, label: str) -> tuple[bool, tuple[float, int], str]:
        size = _size(label) if self.sized else None
        return (label == NOT_STATED, size or (0.0, 0), label)


def _ranks(labels: Sequence[str]) -> _Rank:
    return _Rank(labels)


def _size(label: str) -> tuple[float, int] | None:
    size, of, _ = label.partition(" of its ")
    label = size.replace("%", "") if of else label
    for place, pattern in enumerate((_FIRST, _MIDDLE, _LAST)):
        found = pattern.fullmatch(label)
        if found:
            low = float(found[1].replace(",", ""))
            return (float("-inf") if place == 0 else low, place)
    return None
