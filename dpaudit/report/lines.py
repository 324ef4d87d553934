"""Draws the lines that a plug-in brings as numbers."""

from __future__ import annotations

import attrs

from dpaudit.errors import PluginError
from dpaudit.model.report import Block, Curves, Figure, Section
from dpaudit.report.amounts import Amounts
from dpaudit.report.drawing import (
    INK,
    LEFT,
    LETTER,
    SERIES,
    WIDTH,
    Scale,
    circle,
    frame,
    names_at_ends,
    rule,
    series,
    svg,
    text,
    ticks,
)
from dpaudit.report.prose import Prose

_TOP, _BOTTOM = 34.0, 284.0


def drawn(section: Section, prose: Prose) -> Section:
    """Return a section with its curves drawn.

    Raises
    ------
    PluginError
        If curves have no line, more than four, or a line of fewer than two points.
    """
    return attrs.evolve(section, blocks=tuple(_drawn(b, prose) for b in section.blocks))


def _drawn(block: Block, prose: Prose) -> Block:
    return figure(block, prose) if isinstance(block, Curves) else block


def figure(curves: Curves, prose: Prose) -> Figure:
    """Return the drawing of curves, with a text that tells their ends and marks."""
    if not 0 < len(curves.series) <= len(SERIES) or any(len(s.points) < 2 for s in curves.series):  # noqa: PLR2004
        raise PluginError(
            f"the chart {curves.title!r} has {len(curves.series)} lines",
            hint="give one to four lines of two points or more",
        )
    amounts = Amounts(prose, curves.unit)
    alt = _alt(curves, prose, amounts)
    return Figure(
        title=curves.title,
        subtitle=curves.subtitle,
        svg=_svg(curves, alt, amounts, prose),
        alt=alt,
        source=curves.source,
        table=curves.table,
    )


def _alt(curves: Curves, _: Prose, amounts: Amounts) -> str:
    """Return the conclusion, both ends of every line, and every mark."""
    ends = (
        _("{name}: {first} at {low}, {last} at {high}", name=series.name,
          first=amounts.size(series.points[0][1]), low=_.plain(series.points[0][0]),
          last=amounts.size(series.points[-1][1]), high=_.plain(series.points[-1][0]))
        for series in curves.series
    )  # fmt: skip
    return ". ".join((curves.title, *ends, *(mark.text for mark in curves.marks))) + "."


def _svg(curves: Curves, alt: str, amounts: Amounts, prose: Prose) -> str:
    xs = [x for one in curves.series for x, _y in one.points]
    ys = [y for one in curves.series for _x, y in one.points]
    right = 24 + LETTER * max(len(one.name) for one in curves.series)
    along_x, along_y = ticks(min(xs), max(xs)), ticks(min(0.0, *ys), max(ys))
    x = Scale(along_x[0], along_x[-1], LEFT + 8, WIDTH - right)
    y = Scale(along_y[0], along_y[-1], _BOTTOM, _TOP)
    out = frame(
        x,
        y,
        across=[(at, prose.plain(float(f"{at:.12g}"))) for at in along_x],
        up=[(at, amounts.tick(at)) for at in along_y],
        names=(curves.across, curves.along),
    )
    out += [series([(x(a), y(b)) for a, b in one.points], i) for i, one in enumerate(curves.series)]
    last = [one.points[-1][1] for one in curves.series]
    out += names_at_ends(x, y, [one.name for one in curves.series], last)
    for i, mark in enumerate(curves.marks):
        out += [
            rule(x(mark.x), y(mark.y), x(mark.x), _BOTTOM, INK, 1, dash="3 3"),
            circle(x(mark.x), y(mark.y), INK, filled=False),
            text(x(mark.x) - 8, y(mark.y) - 9 - 15 * i, mark.text, anchor="end", weight=600),
        ]
    return svg(WIDTH, _BOTTOM + 48, alt, alt, out)
