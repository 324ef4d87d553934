"""Reads ``[run]`` and ``[report]``."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Literal

from dpaudit.config.encoding import not_blank
from dpaudit.config.table import Table, given
from dpaudit.data.geometry import read_shapes
from dpaudit.data.locate import locate
from dpaudit.errors import DpauditError
from dpaudit.model.spec import DEFAULT_SECTIONS, FORMATS, Format
from dpaudit.values import suggest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dpaudit.registry import Registry

LARGEST_SEED = 2**63 - 1
MOST_ROWS = 500


def read_run(root: Table) -> dict[str, Any]:
    """Return the plain form of ``[run]``."""
    table = Table(root.faults, ("run",), root.raw("run", {}))
    made = given(
        seed=table.take("seed", int, check=_within("seed", 0, LARGEST_SEED)),
        draws=table.take("draws", int, check=_within("draws", 2, 10**9)),
        confidence=table.take("confidence", float, check=_probability),
        time_limit=table.take("time_limit", float, check=_positive),
    )
    table.finish()
    return made


def read_report(root: Table, registry: Registry, base: Path) -> dict[str, Any]:
    """Return the plain form of ``[report]``."""
    table = Table(root.faults, ("report",), root.raw("report", {}))
    made = given(
        organisation=table.take("organisation", str),
        formats=table.take("formats", tuple[Format, ...], check=_distinct("formats")),
        language=table.take("language", Literal["en", "es"]),
        sections=table.take("sections", tuple[str, ...], check=_distinct("sections")),
        rows_per_table=table.take(
            "rows_per_table", int, check=_within("rows_per_table", 1, MOST_ROWS)
        ),
        date=_date(table),
        map=_map(table, registry, base),
    )
    _formats(table, made.get("formats", ()), registry)
    _sections(table, made.get("sections", ()), registry)
    table.finish()
    return made


def _formats(table: Table, formats: tuple[str, ...], registry: Registry) -> None:
    foreign = registry.formats()
    if foreign is None:
        return  # which formats a plug-in writes, it alone knows
    known = (*FORMATS, *sorted(foreign))
    for i, name in enumerate(formats):
        if name not in known:
            hint = suggest(name, known, noun="formats")
            table.faults.add(("report", "formats", i), f"no report format {name!r}", hint)


def _sections(table: Table, sections: tuple[str, ...], registry: Registry) -> None:
    if registry.manager.hook.dpaudit_sections.get_hookimpls():
        return  # a plug-in brings sections of its own, whose names only the results decide
    for i, name in enumerate(sections):
        if name not in DEFAULT_SECTIONS:
            table.faults.add(
                ("report", "sections", i),
                f"no section is named {name!r}",
                suggest(name, DEFAULT_SECTIONS, noun="sections"),
            )


def _map(table: Table, registry: Registry, base: Path) -> dict[str, Any] | None:
    found = table.raw("map")
    if found is None:
        return None
    one = Table(table.faults, (*table.path, "map"), found)
    made = given(
        file=one.take("file", str, check=not_blank),
        tiles=one.take("tiles", Literal["us-states"]),
        over=one.take("over", str),
        id=one.take("id", str),
    )
    one.finish()
    if ("file" in made) == ("tiles" in made):
        hint = 'file = "outlines.geojson" or tiles = "us-states"'
        table.fault("map", "a map needs outlines or tiles, and not both", hint)
    elif "file" in made:
        try:
            read_shapes(locate(made["file"], base, registry), made["file"], key=made.get("id"))
        except DpauditError as error:
            one.fault("file", error.message, error.hint)
    return made


def _date(table: Table) -> str | None:
    value = table.raw("date")
    if value is None:
        return None
    if type(value) is dt.date:
        return value.isoformat()
    try:
        if isinstance(value, str):
            return dt.date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    table.fault("date", f"{value!s} is not a date", "write date = 2024-04-01")
    return None


def _within(name: str, low: int, high: int) -> Callable[[int], str | None]:
    def check(value: int) -> str | None:
        inside = low <= value <= high
        return None if inside else f"{name!r} must be from {low:,} to {high:,}: {value}"

    return check


def _probability(value: float) -> str | None:
    if 0 < value < 1:
        return None
    return f"'confidence' must be between 0 and 1: {value}"


def _positive(value: float) -> str | None:
    return None if value > 0 else f"'time_limit' must be > 0 seconds: {value}"


def _distinct(name: str) -> Callable[[tuple[str, ...]], str | None]:
    def check(values: tuple[str, ...]) -> str | None:
        if not values:
            return f"{name!r} is empty"
        twice = next((v for i, v in enumerate(values) if v in values[:i]), None)
        return None if twice is None else f"{twice!r} stands twice in {name!r}"

    return check
