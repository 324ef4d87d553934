"""Charts as plain SVG: real text in the report's own font, and a title for screen readers.

A dot plot with intervals is the default chart; a curve shows a sweep. Text is at least nine
points at the width at which the report prints the chart. Nothing is told by colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from dpaudit.report.amounts import Amounts
from dpaudit.report.drawing import (
    BLUE,
    INK,
    LEFT,
    LETTER,
    MUTED,
    ORANGE,
    RULE,
    SERIES,
    WIDTH,
    Scale,
    circle,
    frame,
    names_at_ends,
    path,
    rule,
    series,
    svg,
    text,
    ticks,
    wrapped,
)
from dpaudit.report.prose import Prose

_STEP, _LINE = 23.0, 14.0
"""From row to row, and from line to line of a name."""


@attrs.frozen(kw_only=True)
class Dot:
    """One row of a dot plot: a name, a value and its interval; ``label`` is printed."""

    name: str
    value: float
    low: float
    high: float
    label: str


@attrs.frozen(kw_only=True)
class Line:
    """One line of a curve: points (x, value, low, high), ascending in x."""

    name: str
    points: tuple[tuple[float, float, float, float], ...]


def dot_plot(
    rows: Sequence[Dot], *, title: str, desc: str, axis: str, amounts: Amounts, width: float = WIDTH
) -> str:
    """Return a dot plot: hollow dots where the interval holds zero, values at the right.

    Parameters
    ----------
    rows
        In the order to draw.
    title, desc
        The conclusion with its numbers, and a reading of every row, for screen readers.
    axis
        What is measured, in words, printed above the axis.
    amounts
        How tick labels are written.
    width
        In drawing units, 0.758 point each as printed.
    """
    left = min(0.36 * width, 14 + LETTER * max(len(r.name) for r in rows))
    right = 20 + LETTER * max(len(r.label) for r in rows)
    names = [wrapped(r.name, left - 10) for r in rows]
    top, step = 46.0, _STEP if all(len(name) == 1 for name in names) else _STEP + _LINE
    finite = [v for r in rows for v in (r.low, r.high, r.value) if math.isfinite(v)]
    marks = ticks(min(0.0, *finite), max(0.0, *finite), about=4 if width >= WIDTH else 3)
    x = Scale(marks[0], marks[-1], left + 6, width - right)
    bottom = top + step * len(rows)
    out = [text(left + 6, 13, axis, fill=MUTED)]
    written = 0.0
    for mark in marks:
        dark = mark == 0
        out.append(rule(x(mark), top, x(mark), bottom, INK if dark else RULE, 1.2 if dark else 0.7))
        label = amounts.tick(mark)
        half = LETTER * len(label) / 2
        if x(mark) - half >= written:
            out.append(text(x(mark), 34, label, anchor="middle", fill=MUTED))
            written = x(mark) + half + 6
    for i, row in enumerate(rows):
        out += _dot(row, x, top + step * (i + 0.5), width)
        at = top + step * (i + 0.5) + 4 - _LINE * (len(names[i]) - 1) / 2
        out += [text(left - 6, at + _LINE * k, line, anchor="end")
                for k, line in enumerate(names[i])]  # fmt: skip
    return svg(width, bottom + 6, title, desc, out)


def _dot(row: Dot, x: Scale, y: float, width: float) -> list[str]:
    sure = row.low > 0 or row.high < 0
    colour = (BLUE if row.value > 0 else ORANGE) if sure else MUTED
    low, high = max(row.low, x.low), min(row.high, x.high)
    return [
        rule(x(low), y, x(high), y, colour, 2.4),
        circle(x(row.value), y, colour, filled=sure),
        text(width - 2, y + 4, row.label, anchor="end", fill=colour, weight=600),
    ]


def curve(
    lines: Sequence[Line],
    *,
    title: str,
    desc: str,
    axes: tuple[str, str],
    amounts: Amounts,
    prose: Prose,
    marked: tuple[float, str] | None = None,
    width: float = WIDTH,
) -> str:
    """Return lines over a swept parameter with their bands, labelled at their ends.

    Both axes are logarithmic where every value is positive and they span over a factor of 20;
    a low end at or below zero is drawn at the foot of a logarithmic axis.

    Parameters
    ----------
    lines
        At most four.
    title, desc
        For screen readers.
    axes
        What lies along x and y, in words.
    amounts, prose
        How labels are written.
    marked
        The operating point and its label.
    """
    xs = sorted({p[0] for line in lines for p in line.points})
    values = [v for line in lines for p in line.points for v in p[1:] if math.isfinite(v)]
    right = 24 + LETTER * max(len(line.name) for line in lines)
    top, bottom = 54.0, 284.0
    log_x = xs[0] > 0 and xs[-1] / xs[0] > 20  # noqa: PLR2004
    centres = [p[1] for line in lines for p in line.points]
    log_y = min(centres) > 0 and max(values) / min(centres) > 20  # noqa: PLR2004
    x = Scale(xs[0], xs[-1], LEFT + 16, width - right, log_x)
    marks = _decades(min(centres), max(values)) if log_y else ticks(min(0.0, *values), max(values))
    y = Scale(marks[0], marks[-1], bottom, top, log_y)
    out = frame(
        x,
        y,
        across=[(value, prose.plain(value)) for value in xs],
        up=[(mark, amounts.tick(mark)) for mark in marks],
        names=axes,
    )
    if marked is not None:
        out.append(rule(x(marked[0]), top - 8, x(marked[0]), bottom, INK, 1, dash="3 3"))
        out.append(text(x(marked[0]), top - 13, marked[1], anchor="middle", weight=600))
    for i, line in enumerate(lines):
        out += _line_of(line, x, y, i)
    last = [line.points[-1][1] for line in lines]
    out += names_at_ends(x, y, [line.name for line in lines], last)
    return svg(width, bottom + 48, title, desc, out)


def _line_of(line: Line, x: Scale, y: Scale, number: int) -> list[str]:
    def at(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(x(a), y(min(max(b, y.low), y.high))) for a, b in points]

    colour = SERIES[number % len(SERIES)]
    band = [(p[0], p[3]) for p in line.points] + [(p[0], p[2]) for p in reversed(line.points)]
    return [
        f'<polygon points="{path(at(band))}" fill="{colour}" fill-opacity="0.1"/>',
        series(at([p[:2] for p in line.points]), number),
        *(circle(x(p[0]), y(max(p[1], y.low)), colour, filled=p[2] > 0) for p in line.points),
    ]


def _decades(low: float, high: float) -> tuple[float, ...]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    step = max(1, math.ceil((last - first) / 6))
    return tuple(10.0**k for k in range(first, last + step, step))
