"""Charts as numbers: what a plug-in brings, and the report draws in its own style.

Titles state the conclusion; a reader who does not see the drawing gets its numbers as text.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import attrs

from dpaudit.model.report import Table

MOST_LINES = 4


@attrs.frozen(kw_only=True)
class _Chart:
    title: str
    subtitle: str
    source: str = ""
    table: Table | None = None


@attrs.frozen(kw_only=True)
class Swept:
    """One line of :class:`Sweep`: its name and points (x, value, low, high), ascending in x."""

    name: str
    points: tuple[tuple[float, float, float, float], ...] = attrs.field(
        validator=attrs.validators.min_len(2)
    )


@attrs.frozen(kw_only=True)
class Sweep(_Chart):
    """Numbers with their intervals over a parameter; axes are logarithmic where they span much.

    Parameters
    ----------
    across, along
        What lies along the horizontal and the vertical axis, in words.
    unit
        The unit of the values.
    lines
        One to four.
    """

    across: str
    along: str
    unit: str
    lines: tuple[Swept, ...] = attrs.field(
        validator=[attrs.validators.min_len(1), attrs.validators.max_len(MOST_LINES)]
    )


@attrs.frozen(kw_only=True)
class Row:
    """One row of :class:`Dots`: a name, a value and its interval."""

    name: str
    value: float
    low: float
    high: float


@attrs.frozen(kw_only=True)
class Dots(_Chart):
    """A dot with its interval for each row, in the order to draw."""

    along: str
    unit: str
    rows: tuple[Row, ...] = attrs.field(validator=attrs.validators.min_len(1))


@attrs.frozen(kw_only=True)
class Cluster:
    """Points (x, y) of one kind: its name is printed in its colour."""

    name: str
    points: tuple[tuple[float, float], ...] = attrs.field(validator=attrs.validators.min_len(1))


@attrs.frozen(kw_only=True)
class Cloud(_Chart):
    """Many things at once, a dot for each; ``log`` makes the horizontal axis logarithmic."""

    across: str
    along: str
    unit: str
    clusters: tuple[Cluster, ...] = attrs.field(
        validator=[attrs.validators.min_len(1), attrs.validators.max_len(MOST_LINES)]
    )
    log: bool = False


@attrs.frozen(kw_only=True)
class Rate:
    """One line of :class:`Rates`: rates of true alarms at rates of false ones."""

    name: str
    points: tuple[tuple[float, float], ...]


@attrs.frozen(kw_only=True)
class Rates(_Chart):
    """Receiver operating characteristics on two logarithmic axes, with the line of guessing."""

    lines: tuple[Rate, ...] = attrs.field(
        validator=[attrs.validators.min_len(1), attrs.validators.max_len(MOST_LINES)]
    )


@attrs.frozen(kw_only=True)
class Box:
    """One box of :class:`Diagram`, by column and row, in lines of text."""

    key: str
    lines: tuple[str, ...]
    column: int
    row: int


@attrs.frozen(kw_only=True)
class Diagram(_Chart):
    """Boxes and arrows between them, from one key to another, each with its own words."""

    boxes: tuple[Box, ...]
    arrows: tuple[tuple[str, str], ...]


@attrs.frozen(kw_only=True)
class Place:
    """A place of :class:`Places`, by its identifier in the outlines, and its relative change."""

    key: str
    value: float
    low: float
    high: float


@attrs.frozen(kw_only=True)
class Places(_Chart):
    """A map of relative changes in five classes; what is not certain is grey, others are hatched.

    Parameters
    ----------
    outlines
        A file of GeoJSON or TopoJSON.
    places
        Those that have a number.
    """

    outlines: Path
    places: tuple[Place, ...] = attrs.field(validator=attrs.validators.min_len(1))


Chart: TypeAlias = Sweep | Dots | Cloud | Rates | Diagram | Places
