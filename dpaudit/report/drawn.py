"""Draws the charts that a plug-in brings as numbers, in the style of the report."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dpaudit.data.geometry import read_shapes
from dpaudit.model.charts import Chart, Cloud, Diagram, Dots, Places, Rates, Sweep
from dpaudit.model.report import Curves, Figure
from dpaudit.report import charts, lines
from dpaudit.report.amounts import Amounts, percent
from dpaudit.report.drawing import (
    INK,
    LEFT,
    LETTER,
    MUTED,
    RULE,
    SERIES,
    WIDTH,
    Scale,
    frame,
    rule,
    svg,
    text,
    ticks,
)
from dpaudit.report.maps import UNCERTAIN, Classes, choropleth
from dpaudit.report.prose import Prose
from dpaudit.report.roc import RocLine, roc_plot

_TOP, _BOTTOM, _LINE = 54.0, 294.0, 15.0
_BOX, _GAP, _ROW = 150.0, 45.0, 76.0


def figure_of(chart: Chart | Curves, prose: Prose) -> Figure:
    """Return the drawing of a chart, with its numbers as text for people who do not see it."""
    if isinstance(chart, Curves):
        return lines.figure(chart, prose)
    makers: dict[type[Any], Callable[[Any, Prose], tuple[str, str]]] = {
        Sweep: _sweep,
        Dots: _dots,
        Cloud: _cloud,
        Rates: _rates,
        Diagram: _diagram,
        Places: _places,
    }
    drawn, alt = makers[type(chart)](chart, prose)
    return Figure(
        title=chart.title,
        subtitle=chart.subtitle,
        svg=drawn,
        alt=alt,
        source=chart.source,
        table=chart.table,
    )


def _sweep(chart: Sweep, prose: Prose) -> tuple[str, str]:
    amounts = Amounts(prose, chart.unit, bare=True)
    readings = "; ".join(
        f"{line.name}: "
        + ", ".join(f"{prose.plain(x)} {amounts.signed(y)}" for x, y, _l, _h in line.points)
        for line in chart.lines
    )
    alt = f"{chart.title}. {readings}."
    drawn = charts.curve(
        [charts.Line(name=line.name, points=line.points) for line in chart.lines],
        title=alt,
        desc=readings,
        axes=(chart.across, chart.along),
        amounts=amounts,
        prose=prose,
    )
    return drawn, alt


def _dots(chart: Dots, prose: Prose) -> tuple[str, str]:
    amounts = Amounts(prose, chart.unit, bare=True)
    rows = [
        charts.Dot(name=row.name, value=row.value, low=row.low, high=row.high,
                   label=amounts.signed(row.value))
        for row in chart.rows
    ]  # fmt: skip
    readings = "; ".join(f"{row.name}: {row.label}" for row in rows)
    alt = f"{chart.title}. {readings}."
    drawn = charts.dot_plot(rows, title=alt, desc=readings, axis=chart.along, amounts=amounts)
    return drawn, alt


def _cloud(chart: Cloud, prose: Prose) -> tuple[str, str]:
    amounts = Amounts(prose, chart.unit, bare=True)
    xs, ys = (np.array([p[i] for c in chart.clusters for p in c.points]) for i in (0, 1))
    along = ticks(min(0.0, float(ys.min())), max(0.0, float(ys.max())))
    y = Scale(along[0], along[-1], _BOTTOM, _TOP)
    if chart.log:
        first, last = math.floor(math.log10(xs.min())), math.ceil(math.log10(xs.max()))
        across = tuple(10.0**k for k in range(first, max(first + 1, last) + 1))
    else:
        across = ticks(min(0.0, float(xs.min())), float(xs.max()))
    x = Scale(across[0], across[-1], LEFT + 10, WIDTH - 34, log=chart.log)
    out = frame(
        x,
        y,
        across=[(at, prose.plain(float(f"{at:.12g}"))) for at in across],
        up=[(at, amounts.tick(at)) for at in along],
        names=(chart.across, chart.along),
    )
    at = LEFT
    for i, cluster in enumerate(chart.clusters):
        colour = SERIES[i % len(SERIES)]
        spots = sorted({(round(x(a), 1), round(y(b), 1)) for a, b in cluster.points})
        path = "".join(f"M{a:g} {b:g}h0.1" for a, b in spots)
        out.append(
            f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="5" '
            'stroke-linecap="round" stroke-opacity="0.6"/>'
        )
        if len(chart.clusters) > 1:
            out.append(text(at, 34, cluster.name, fill=colour, weight=600))
            at += LETTER * len(cluster.name) + 24
    said = "; ".join(
        prose(
            "{name}: {count}, {low} to {high}",
            name=c.name,
            count=prose.whole(len(c.points)),
            low=amounts.signed(min(p[1] for p in c.points)),
            high=amounts.signed(max(p[1] for p in c.points)),
        )
        for c in chart.clusters
    )
    alt = f"{chart.title}. {said}."
    return svg(WIDTH, _BOTTOM + 48, alt, said, out), alt


def _rates(chart: Rates, prose: Prose) -> tuple[str, str]:
    made = [
        RocLine(name=line.name, fpr=np.array([p[0] for p in line.points]),
                tpr=np.array([p[1] for p in line.points]))
        for line in chart.lines
    ]  # fmt: skip
    said = "; ".join(
        prose(
            "{name}: {found} in 100 found at 1 false alarm in 100",
            name=line.name,
            found=prose.decimal(100 * float(np.interp(0.01, line.fpr, line.tpr)), places=1),
        )
        for line in made
    )
    alt = f"{chart.title}. {said}."
    return roc_plot(made, ceiling=None, title=alt, desc=said, prose=prose), alt


def _diagram(chart: Diagram, prose: Prose) -> tuple[str, str]:
    columns = 1 + max(box.column for box in chart.boxes)
    wide = min(_BOX, (WIDTH - _GAP * (columns - 1)) / columns)
    step = (WIDTH - wide) / max(columns - 1, 1)
    places = {box.key: (step * box.column, 12 + _ROW * box.row) for box in chart.boxes}
    high = {box.key: 14 + _LINE * len(box.lines) for box in chart.boxes}
    out: list[str] = []
    for start, stop in chart.arrows:
        (x1, y1), (x2, y2) = places[start], places[stop]
        out += _arrow(x1 + wide, y1 + high[start] / 2, x2, y2 + high[stop] / 2)
    for box in chart.boxes:
        x, y = places[box.key]
        out.append(f'<rect x="{x + 0.6:.1f}" y="{y:.1f}" width="{wide - 1.2:.1f}" '
                   f'height="{high[box.key]:.1f}" fill="#eef3f8" stroke="{RULE}"/>')  # fmt: skip
        out += [
            text(
                x + wide / 2,
                y + 18 + _LINE * i,
                line,
                anchor="middle",
                weight=600 if i == 0 else 400,
            )
            for i, line in enumerate(box.lines)
        ]
    names = {box.key: " ".join(box.lines) for box in chart.boxes}
    said = "; ".join(
        prose("{cause} leads to {effect}", cause=names[a], effect=names[b]) for a, b in chart.arrows
    )
    alt = f"{chart.title}. {said}."
    foot = max(places[key][1] + high[key] for key in places) + 8
    return svg(WIDTH, foot, alt, said, out), alt


def _places(chart: Places, _: Prose) -> tuple[str, str]:
    value = np.array([place.value for place in chart.places])
    certain = np.array([place.low > 0 or place.high < 0 for place in chart.places])
    classes = Classes.of(value)
    kinds = classes.of_each(value, certain | (value == 0))
    inner, outer = percent(_, classes.inner), percent(_, classes.outer)
    meant = [
        _("\u2212{outer} or less", outer=outer),
        _("\u2212{outer} to \u2212{inner}", outer=outer, inner=inner),
        _("within {inner}", inner=inner),
        _("+{inner} to +{outer}", outer=outer, inner=inner),
        _("+{outer} or more", outer=outer),
        _("not certain"),
        _("no data"),
    ]
    said = "; ".join(
        f"{meant[k]}: {_.whole(int(np.sum(kinds == k)))}" for k in range(UNCERTAIN + 1)
    )
    alt = f"{chart.title}. {said}."
    shapes = read_shapes(chart.outlines, chart.outlines.name)
    named = {place.key: int(kind) for place, kind in zip(chart.places, kinds, strict=True)}
    return choropleth(shapes, named, meant, title=alt, desc=said), alt


def _arrow(x1: float, y1: float, x2: float, y2: float) -> Sequence[str]:
    angle = math.atan2(y2 - y1, x2 - x1)
    ends = [
        (x2 - 8 * math.cos(angle + turn), y2 - 8 * math.sin(angle + turn)) for turn in (-0.4, 0.4)
    ]
    head = " ".join(f"{a:.1f},{b:.1f}" for a, b in ((x2, y2), *ends))
    return (rule(x1, y1, x2, y2, MUTED, 1.3), f'<polygon points="{head}" fill="{INK}"/>')
