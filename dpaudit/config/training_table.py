"""Reads ``[training]`` and ``[[learner]]``."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpaudit.config.cells import ascending, readable
from dpaudit.config.encoding import known_encoding, not_blank
from dpaudit.config.table import Table, given
from dpaudit.config.tables import Names
from dpaudit.data import header
from dpaudit.errors import DpauditError
from dpaudit.model.dataset import Status
from dpaudit.model.spec import DataSpec
from dpaudit.model.training import REFERENCES, Norm
from dpaudit.values import name_of, suggest

if TYPE_CHECKING:
    from dpaudit.config.uses import Uses
    from dpaudit.values import Steps

_STATUS = (
    'status = "public" (a report may print what it finds out about the records) or '
    'status = "confidential" (it may not)'
)
_RANGE = "write [low, high] with public ends, or {{ log = [low, high] }}"
_MOST_REPLICATES = 100_000
_ENDS = 2
PLACE: Steps = ("training",)


def read_training(
    root: Table, uses: Uses, base: Path, learners: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return the plain form of ``[training]``; faults of columns are kept too.

    ``learners`` are those that ``reference`` may name.
    """
    table = Table(root.faults, PLACE, root.raw("training", {}))
    columns: list[tuple[Steps, str, str]] = []
    made = given(
        file=table.take("file", str, required='file = "..."', check=not_blank),
        status=table.take("status", Status, required=_STATUS),
        encoding=table.take("encoding", str, check=known_encoding),
        sheet=table.take("sheet", str),
        label=table.take("label", str, required='label = "..." (the column to predict)'),
        labels=table.take("labels", tuple[str, ...], check=_distinct),
        label_range=_range(table, (*PLACE, "label_range"), table.raw("label_range")),
        norm=table.take("norm", Norm),
        records=table.take("records", int, check=_positive),
        reference=table.take("reference", str),
    )
    made["features"] = table.take(
        "features", tuple[str, ...], required='features = ["...", ...]', check=_distinct
    ) or ()  # fmt: skip
    made["group"] = _group(table)
    made["classes"] = _classes(table)
    made["ranges"] = _ranges(table)
    made["values"] = _values(table)
    made["thin"] = _thin(table)
    made |= given(test=_split(table))
    table.finish()
    if "label" in made:
        columns.append(((*PLACE, "label"), made["label"], "the label"))
    for key in ("features", "group"):
        for i, name in enumerate(made[key]):
            columns.append(((*PLACE, key, i), name, f"{key!r}"))
    _check_uses(table, made)
    _check_reference(table, made, [each["name"] for each in learners])
    _check_columns(uses, made, columns, base)
    return made


def data_of(training: dict[str, Any]) -> dict[str, Any]:
    """Return the plain form of the ``[data]`` that an audit of learners stands for."""
    made: dict[str, Any] = {"entity": "record", "count": "records"}
    for key in ("file", "status", "encoding", "sheet"):
        if key in training:
            made[key] = training[key]
    return made


def read_learners(root: Table, uses: Uses) -> list[dict[str, Any]]:
    """Return the plain form of every ``[[learner]]``."""
    names = Names(root.faults, "learners")
    made: list[dict[str, Any]] = []
    places: list[tuple[Steps, str]] = []
    tables = [Table(root.faults, path, values) for path, values in root.tables("learner")]
    for table in tables:
        name = table.take("name", str, check=readable)
        replicates = table.take("replicates", int, check=_replicates)
        against = table.take("against", str)
        use = uses.read("learner", table.path, table.rest()) if table.is_table else None
        if against is not None:
            places.append(((*table.path, "against"), against))
        if use is not None:
            called = names.claim(table.path, name, use["use"])
            made.append(
                {"name": called, "plugin": use, **given(replicates=replicates, against=against)}
            )
    known = [each["name"] for each in made]
    for path, against in places:
        if against not in known:
            hint = suggest(against, known, noun="learners")
            root.faults.add(path, f"no learner is named {against!r}", hint)
    for each in made:
        if each.get("against") == each["name"]:
            root.faults.add(("learner",), f"the learner {each['name']!r} is against itself")
    return made


def _group(table: Table) -> tuple[str, ...]:
    value = table.raw("group")
    if value is None:
        if table.is_table:
            table.faults.add(
                PLACE, "the key 'group' is missing", 'add group = "..." (the column of the groups)'
            )
        return ()
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, list) or not parts or not all(isinstance(p, str) for p in parts):
        table.fault(
            "group", f"expected a column or a list of them, not {name_of(value)}",
            'write group = "sex", or group = ["sex", "age"] for their intersections',
        )  # fmt: skip
        return ()
    if len(set(parts)) < len(parts):
        table.fault("group", f"the intersection {parts!r} names a column twice")
    return tuple(parts)


def _inner(table: Table, key: str) -> Iterator[tuple[str, Steps, Any]]:
    """Yield the keys of a table of columns with their places."""
    value = table.raw(key, {})
    inner = Table(table.faults, (*PLACE, key), value)
    for name, one in inner.rest().items():
        yield name, (*PLACE, key, name), one


def _classes(table: Table) -> dict[str, tuple[float, ...]]:
    made = {}
    for name, path, value in _inner(table, "classes"):
        one = Table(table.faults, path[:-1], {name: value})
        bounds = one.take(name, tuple[float, ...], check=ascending)
        if bounds is not None:
            made[name] = bounds
    return made


def _ranges(table: Table) -> dict[str, Any]:
    found = {name: _range(table, path, value) for name, path, value in _inner(table, "ranges")}
    return {name: one for name, one in found.items() if one is not None}


def _range(table: Table, path: Steps, value: Any) -> dict[str, Any] | None:
    """Return a public range as its plain form."""
    if value is None:
        return None
    log = isinstance(value, Mapping)
    ends = value.get("log") if isinstance(value, Mapping) and list(value) == ["log"] else value
    if not isinstance(ends, list) or len(ends) != _ENDS or not all(map(_is_number, ends)):
        table.faults.add(path, f"{value!r} is not a range", _RANGE.format())
        return None
    low, high = (float(end) for end in ends)
    if not low < high:
        table.faults.add(path, f"the range from {low:g} to {high:g} is empty", _RANGE.format())
        return None
    return {"low": low, "high": high, "log": log}


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value)


def _values(table: Table) -> dict[str, tuple[str, ...]]:
    made = {}
    for name, path, value in _inner(table, "values"):
        one = Table(table.faults, path[:-1], {name: value})
        listed = one.take(name, tuple[str, ...], check=_distinct)
        if listed is not None:
            made[name] = listed
    return made


def _thin(table: Table) -> dict[str, float]:
    made = {}
    for name, path, value in _inner(table, "thin"):
        share = Table(table.faults, path[:-1], {name: value}).take(name, float, check=_kept)
        if share is not None:
            made[name] = share
    return made


def _split(table: Table) -> float | None:
    value = table.raw("split")
    if value is None:
        return None
    inner = Table(table.faults, (*PLACE, "split"), value)
    share = inner.take("test", float, required="test = 0.2", check=_share)
    inner.finish()
    return share


def _check_uses(table: Table, made: dict[str, Any]) -> None:
    """Keep a fault for what contradicts itself."""
    features = made["features"]
    if made.get("label") in features:
        i = features.index(made["label"])
        table.faults.add(
            (*PLACE, "features", i), f"{made['label']!r} is the label: no model may see it",
            "take it out of the features",
        )  # fmt: skip
    if "labels" in made and "label_range" in made:
        table.fault("label_range", "'labels' says that the label has classes", "keep one of them")
    for key, known, noun in (("ranges", features, "features"), ("values", features, "features"),
                             ("classes", made["group"], "group columns")):  # fmt: skip
        for name in made[key]:
            if name not in known:
                hint = suggest(name, known, noun=noun)
                table.faults.add((*PLACE, key, name), f"{name!r} is none of the {noun}", hint)
    for name in made["values"]:
        if name in made["ranges"]:
            table.faults.add(
                (*PLACE, "values", name), f"{name!r} has a range already", "keep one of them"
            )


def _check_reference(table: Table, made: dict[str, Any], learners: list[str]) -> None:
    known = [*REFERENCES, *learners]
    named = made.get("reference", known[0])
    if named not in known:
        hint = suggest(named, known, noun="references")
        table.fault("reference", f"{named!r} is no reference and no learner", hint)


def _check_columns(
    uses: Uses, made: dict[str, Any], columns: list[tuple[Steps, str, str]], base: Path
) -> None:
    if "file" not in made:
        return
    kept = given(encoding=made.get("encoding"), sheet=made.get("sheet"))
    try:
        known = header(
            DataSpec(file=made["file"], status="public", entity="", count="", **kept),
            base,
            uses.registry,
        )
    except DpauditError as error:
        uses.faults.add((*PLACE, "file"), error.message, error.hint)
        return
    for path, name, purpose in itertools.chain(columns, uses.columns):
        if name not in known:
            hint = suggest(name, known, noun="columns")
            uses.faults.add(path, f"the data have no column {name!r} (for {purpose})", hint)


def _positive(value: int) -> str | None:
    return None if value > 0 else f"{value} is not a number of records"


def _replicates(value: int) -> str | None:
    inside = 1 <= value <= _MOST_REPLICATES
    return None if inside else f"'replicates' must be from 1 to {_MOST_REPLICATES:,}: {value}"


def _share(value: float) -> str | None:
    return None if 0 <= value < 1 else f"'test' must be a share from 0 to below 1: {value}"


def _kept(value: float) -> str | None:
    return None if 0 < value <= 1 else f"a share above 0, up to 1, is kept: {value}"


def _distinct(values: tuple[str, ...]) -> str | None:
    if not values:
        return "the list is empty"
    twice = [value for i, value in enumerate(values) if value in values[:i]]
    return f"{twice[0]!r} stands twice" if twice else None
