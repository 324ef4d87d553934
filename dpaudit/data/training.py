"""From ``[training]`` to training data: columns become inputs, rows become people in groups."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np

from dpaudit.data.formats import open_frame
from dpaudit.data.frame import NUMBER, Frame, is_missing
from dpaudit.data.groups import NOT_STATED, class_labels
from dpaudit.data.locate import locate
from dpaudit.errors import DataError
from dpaudit.model.arrays import FloatArray
from dpaudit.model.dataset import CROSS
from dpaudit.model.spec import DataSpec
from dpaudit.model.training import RangeSpec, TrainingSpec
from dpaudit.training.data import CONSTANT, TrainingData
from dpaudit.training.records import IntArray, Records

if TYPE_CHECKING:
    from dpaudit.registry import Registry

_SPLIT = 2**42
"""The stream that says who is held out."""

_MOST_VALUES = 200
_TOO_LARGE = 1e15


@attrs.frozen(kw_only=True)
class _Block:
    """The columns that one feature becomes, its share of the bound of ||x||^2, and a caution."""

    names: tuple[str, ...]
    values: FloatArray
    public: bool = True
    said: str = ""


def read_training(
    spec: TrainingSpec, base: Path, registry: Registry, *, seed: int = 0
) -> TrainingData:
    """Read the people of an audit of learners.

    Parameters
    ----------
    spec
        ``[training]`` of the audit file.
    base
        The folder of the audit file.
    registry
        Where ``builtin:`` data are looked up.
    seed
        Decides, with the number of rows, who is held out and who is left out.

    Returns
    -------
    TrainingData
        Numbers scaled to [0, 1] by their public ranges, one column for each public value of the
        others, and the constant column; then every row divided as ``norm`` says.

    Raises
    ------
    DataError
        If the file cannot be read, a cell is missing or no number where one is wanted, a label is
        none of the listed, there are fewer than two groups, or a group has nobody to learn from.
    UnavailableError
        If the data, or the library that reads their format, are not on this machine.
    """
    wanted = dict.fromkeys([*spec.features, spec.label, *spec.group])
    file = DataSpec(file=spec.file, status=spec.status, entity="", count="",
                    encoding=spec.encoding, sheet=spec.sheet)  # fmt: skip
    frame = open_frame(file, locate(spec.file, base, registry), list(wanted))
    if not len(frame):
        raise DataError(f"{spec.file}: a header and no rows", hint="the file needs one row or more")
    blocks = [_block(frame, spec, name) for name in spec.features]
    inputs, bound = _scaled(spec, blocks, len(frame))
    labels, classes = _labels(frame, spec)
    groups, names = _groups(frame, spec)
    every = (inputs, labels, groups, names)
    train, held_out = _parts(len(frame), spec, seed, groups, names)
    data = TrainingData(
        train=_records(every, train, spec, "learnt from"),
        held_out=_records(every, held_out, spec, "held out") if held_out.size else None,
        rows=train,
        held_out_rows=held_out,
        columns=(*(name for block in blocks for name in block.names), CONSTANT),
        classes=classes,
        norm_bound=bound,
        public_scaling=all(block.public for block in blocks),
        group=CROSS.join(spec.group),
        source=spec.file,
        status=spec.status,
        assumptions=_assumptions(spec, blocks, inputs[train]),
    )
    return attrs.evolve(data, digest=_digest(data))


def _block(frame: Frame, spec: TrainingSpec, name: str) -> _Block:
    cells = frame.columns[name]
    _refuse_missing(frame, name)
    if name in spec.ranges:
        return _Block(names=(name,), values=_in_range(_numbers(frame, name), spec.ranges[name]))
    if name in spec.values:
        return _indicators(cells, name, spec.values[name], said="")
    if all(NUMBER.fullmatch(cell.strip()) for cell in cells):
        values = _numbers(frame, name)
        low, high = float(values.min()), float(values.max())
        scaled = np.zeros((len(values), 1)) if low == high else _in_range(
            values, RangeSpec(low=low, high=high)
        )  # fmt: skip
        return _Block(
            names=(name,), values=scaled, public=False,
            said=f"{name!r} is scaled by the range of the data, {low:g} to {high:g}, which is not "
            f"public: name one in [training.ranges] for learners that promise privacy",
        )  # fmt: skip
    found = tuple(sorted(set(cells)))
    if len(found) > _MOST_VALUES:
        raise DataError(
            f"{spec.file}, column {name!r}: {len(found):,} values that are no numbers",
            hint="leave the column out, or name those that count in [training.values]",
        )
    said = f"the values of {name!r} are taken from the data and treated as public"
    return _indicators(cells, name, found, said=said)


def _indicators(cells: Sequence[str], name: str, values: tuple[str, ...], said: str) -> _Block:
    array = np.asarray(cells, dtype=np.str_)
    columns = np.stack([(array == value).astype(np.float64) for value in values], axis=1)
    others = int((columns.sum(axis=1) == 0).sum())
    if others:
        said = f"{others:,} records have a value of {name!r} that is not listed, and no column"
    return _Block(names=tuple(f"{name}={value}" for value in values), values=columns, said=said)


def _in_range(values: FloatArray, wanted: RangeSpec) -> FloatArray:
    inside = np.clip(values, wanted.low, wanted.high) - wanted.low
    width = wanted.high - wanted.low
    scaled = np.log1p(inside) / math.log1p(width) if wanted.log else inside / width
    return np.asarray(scaled)[:, None]


def _scaled(spec: TrainingSpec, blocks: list[_Block], n: int) -> tuple[FloatArray, float]:
    """Return the inputs with the constant column, and a public bound of their norm."""
    raw = np.concatenate([*(block.values for block in blocks), np.ones((n, 1))], axis=1)
    bound = math.sqrt(len(blocks) + 1)
    if spec.norm == "none":
        return raw, bound
    if spec.norm == "ball":
        return raw / bound, 1.0
    return raw / np.linalg.norm(raw, axis=1, keepdims=True), 1.0


def _labels(frame: Frame, spec: TrainingSpec) -> tuple[FloatArray, tuple[str, ...]]:
    _refuse_missing(frame, spec.label)
    cells = frame.columns[spec.label]
    if spec.label_range is not None:
        return _in_range(_numbers(frame, spec.label), spec.label_range)[:, 0], ()
    classes = spec.labels or tuple(sorted(set(cells), key=_natural))
    place = {label: i for i, label in enumerate(classes)}
    bad = [i for i, cell in enumerate(cells) if cell not in place]
    frame.refuse(
        [f"{frame.place(i, spec.label)}: {cells[i]!r} is none of the labels" for i in bad[:5]],
        f"[training] labels are {', '.join(classes)}",
        len(bad),
    )
    if len(classes) < 2:  # noqa: PLR2004 (one class says nothing)
        raise DataError(
            f"{spec.file}, column {spec.label!r}: every label is {classes[0]!r}",
            hint="a model of one class learns nothing: take another label",
        )
    if len(classes) > _MOST_VALUES:
        raise DataError(
            f"{spec.file}, column {spec.label!r}: {len(classes):,} classes",
            hint="of a label that is a number, say label_range = [low, high] in [training]",
        )
    return np.array([place[cell] for cell in cells], dtype=np.float64), classes


def _groups(frame: Frame, spec: TrainingSpec) -> tuple[IntArray, tuple[str, ...]]:
    """Return the group of every record, and the names in order; the last part varies fastest."""
    parts = [_part(frame, spec, name) for name in spec.group]
    orders = [order for _, order in parts]
    members = list(zip(*(labels for labels, _ in parts), strict=True))
    rank = [{label: i for i, label in enumerate(order)} for order in orders]
    found = sorted(
        set(members), key=lambda one: [r[label] for r, label in zip(rank, one, strict=True)]
    )
    if len(found) < 2:  # noqa: PLR2004 (a gap needs two)
        raise DataError(
            f"{spec.file}: every record is in the group {CROSS.join(found[0])!r}",
            hint="take a group column with two values or more",
        )
    number = {member: i for i, member in enumerate(found)}
    codes = np.array([number[member] for member in members], dtype=np.int64)
    return codes, tuple(CROSS.join(member) for member in found)


def _part(frame: Frame, spec: TrainingSpec, name: str) -> tuple[list[str], list[str]]:
    cells = frame.columns[name]
    if name in spec.classes:
        bounds = spec.classes[name]
        _refuse_missing(frame, name)
        values = _numbers(frame, name)
        whole = bool(np.all(values == np.floor(values))) and all(b == int(b) for b in bounds)
        order = list(class_labels(bounds, whole=whole))
        where = np.searchsorted(np.asarray(bounds), values, side="right")
        return [order[i] for i in where], order
    labels = [NOT_STATED if is_missing(cell) else cell for cell in cells]
    stated = sorted({label for label in labels if label != NOT_STATED}, key=_natural)
    if len(stated) > _MOST_VALUES:
        raise DataError(
            f"{spec.file}, column {name!r}: {len(stated):,} groups",
            hint=f"make classes of a number: classes = {{ {name} = [...] }} in [training]",
        )
    return labels, [*stated, NOT_STATED]


def _parts(
    n: int, spec: TrainingSpec, seed: int, groups: IntArray, names: tuple[str, ...]
) -> tuple[IntArray, IntArray]:
    """Return who is learnt from and who is held out, each in the order of the file."""
    rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence((seed, n, _SPLIT))))
    order = rng.permutation(n).astype(np.int64)
    held_out, rest = np.split(order, [round(spec.test * n)])
    rest = _thinned(rest, spec, seed, groups, names)
    if spec.records is not None:
        if spec.records > len(rest):
            raise DataError(
                f"[training] records = {spec.records:,}, and there are {len(rest):,} to learn from",
                hint="take fewer, or hold fewer out",
            )
        rest = rest[: spec.records]
    return np.sort(rest), np.sort(held_out)


def _thinned(
    rest: IntArray, spec: TrainingSpec, seed: int, groups: IntArray, names: tuple[str, ...]
) -> IntArray:
    """Return the rows that are left where a share of some groups is kept, drawn at random."""
    kept = np.ones(len(rest), dtype=bool)
    for name, share in spec.thin.items():
        if name not in names:
            raise DataError(
                f"[training] thin names {name!r}, and the groups are {', '.join(names)}",
                hint="name a group as the report does",
            )
        number = names.index(name)
        members = np.flatnonzero(groups[rest] == number)
        stream = np.random.SeedSequence((seed, len(groups), _SPLIT), spawn_key=(number,))
        members = np.random.Generator(np.random.SFC64(stream)).permutation(members)
        kept[members[round(share * len(members)) :]] = False
    return rest[kept]


def _records(
    every: tuple[FloatArray, FloatArray, IntArray, tuple[str, ...]],
    rows: IntArray,
    spec: TrainingSpec,
    what: str,
) -> Records:
    inputs, labels, groups, names = every
    empty = np.flatnonzero(np.bincount(groups[rows], minlength=len(names)) == 0)
    if empty.size:
        raise DataError(
            f"{spec.file}: nobody of the group {names[int(empty[0])]!r} is {what}",
            hint="merge small groups, change the split or take another seed",
        )
    return Records(inputs=inputs[rows], labels=labels[rows], groups=groups[rows], names=names)


def _assumptions(spec: TrainingSpec, blocks: list[_Block], inputs: FloatArray) -> tuple[str, ...]:
    said = [block.said for block in blocks if block.said]
    said += [f"the group column {name!r} is also a feature: a model may treat groups differently"
             for name in spec.group if name in spec.features]  # fmt: skip
    columns = [name for block in blocks for name in block.names]
    constant = [name for name, column in zip(columns, inputs.T, strict=False)
                if spec.norm != "unit" and float(np.ptp(column)) == 0.0]  # fmt: skip
    if constant:
        said.append(f"constant among those learnt from, and so of no use: {', '.join(constant)}")
    return tuple(dict.fromkeys(said))


def _numbers(frame: Frame, name: str) -> FloatArray:
    cells = frame.columns[name]
    bad = [i for i, cell in enumerate(cells) if not NUMBER.fullmatch(cell.strip())]
    frame.refuse(
        [f"{frame.place(i, name)}: {cells[i]!r} is no number" for i in bad[:5]],
        "mend the cells, or leave those rows out",
        len(bad),
    )
    values = np.array([float(cell) for cell in cells])
    large = np.flatnonzero(~(np.abs(values) < _TOO_LARGE))
    frame.refuse(
        [f"{frame.place(int(i), name)}: {cells[i]} is too large" for i in large[:5]],
        "mend the cells, or leave those rows out",
        large.size,
    )
    return values


def _refuse_missing(frame: Frame, name: str) -> None:
    blank = [i for i, cell in enumerate(frame.columns[name]) if is_missing(cell)]
    frame.refuse(
        [f"{frame.place(i, name)}: the cell is empty" for i in blank[:5]],
        "fill the cells, or leave those rows out",
        len(blank),
    )


def _natural(cell: str) -> tuple[bool, float, str]:
    is_number = NUMBER.fullmatch(cell.strip()) is not None
    return (not is_number, float(cell) if is_number else 0.0, cell)


def _digest(data: TrainingData) -> str:
    """Return the SHA-256 of what learners and audits are given."""
    found = hashlib.sha256()
    for records in data.splits.values():
        for array in (records.inputs, records.labels, records.groups):
            found.update(np.ascontiguousarray(array).tobytes())
    names = (data.columns, data.classes, data.names, data.norm_bound, data.public_scaling)
    found.update(repr(names).encode())
    return found.hexdigest()
