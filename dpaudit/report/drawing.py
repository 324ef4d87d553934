"""The pieces that every drawing is made of: scales, ticks, text, lines, circles."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from html import escape

import attrs

from dpaudit.model.text import visible

INK, MUTED, RULE, BLUE, ORANGE = "#1b1b1b", "#565c65", "#c6cace", "#005ea2", "#b8500a"
SERIES = (BLUE, ORANGE, INK, MUTED)
DASHES = ("", "7 4", "2 3", "9 3 2 3")
WIDTH = 640.0
SIZE = 12.5
LETTER = 6.4
LEFT = 96.0
"""Where the lines of a chart begin; amounts stand before."""


@attrs.frozen
class Scale:
    """A linear or logarithmic axis from data to drawing units."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return where ``value`` lies on the drawing."""
        low, high, at = (
            (math.log10(v) for v in (self.low, self.high, max(value, self.low)))
            if self.log
            else (self.low, self.high, value)
        )
        return self.start + (at - low) / (high - low) * (self.end - self.start)


def ticks(low: float, high: float, *, about: int = 4) -> tuple[float, ...]:
    """Return round positions that cover ``low`` to ``high``."""
    if not high > low:
        high = low + 1.0
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(i * step for i in range(first, last + 1))


def spread(places: Sequence[float], *, gap: float, last: float = math.inf) -> list[float]:
    """Move labels apart so that none overlaps or lies beyond ``last``, keeping their order."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = list(places)
    for before, after in itertools.pairwise(order):
        moved[after] = max(moved[after], moved[before] + gap)
    for i in reversed(order):
        moved[i] = min(moved[i], last)
        last = moved[i] - gap
    return moved


def clipped(name: str, room: float) -> str:
    """Return a name that fits into ``room`` drawing units, with an ellipsis if cut."""
    most = max(4, int(room / LETTER) + 1)
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"


def wrapped(name: str, room: float) -> tuple[str, ...]:
    """Return a name in one line, or in two where it is too long for one: the second may be cut."""
    most = max(4, int(room / LETTER) + 1)
    at = name.rfind(" ", 0, most + 1)
    if len(name) <= most or at <= 0:
        return (clipped(name, room),)
    return (name[:at], clipped(name[at + 1 :], room))


def svg(width: float, height: float, title: str, desc: str, body: Sequence[str]) -> str:
    """Return a drawing with its title and description for screen readers."""
    inner = "\n".join(body)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" '
        f"font-family=\"'Source Sans 3', 'Source Sans Greek', sans-serif\" "
        f'font-size="{SIZE:g}"><title>{escape(visible(title))}</title><desc>{escape(visible(desc))}</desc>'
        f"\n{inner}\n</svg>"
    )


def text(
    x: float, y: float, words: str, *, anchor: str = "start", fill: str = INK, weight: int = 400
) -> str:
    """Return a line of text."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}" '
        f'font-weight="{weight}">{escape(visible(words))}</text>'
    )


def circle(x: float, y: float, colour: str, *, filled: bool) -> str:
    """Return a dot, hollow unless ``filled``."""
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.3" fill="{colour if filled else "#fff"}" '
        f'stroke="{colour}" stroke-width="1.6"/>'
    )


def rule(  # noqa: PLR0917 - two points
    x1: float, y1: float, x2: float, y2: float, colour: str, width: float, *, dash: str = ""
) -> str:
    """Return a straight line between two points."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width:g}"{dashed}/>'
    )


def frame(
    x: Scale,
    y: Scale,
    *,
    across: Sequence[tuple[float, str]],
    up: Sequence[tuple[float, str]],
    names: tuple[str, str],
) -> list[str]:
    """Return the grid and the axes of a chart: marks with their labels, and what is measured."""
    foot = y.start
    out = [text(0, 13, names[1], fill=MUTED)]
    for mark, label in up:
        colour = INK if mark == 0 else RULE
        out += [
            rule(LEFT, y(mark), x.end + 8, y(mark), colour, 0.7),
            text(LEFT - 8, y(mark) + 4, label, anchor="end", fill=MUTED),
        ]
    for mark, label in across:
        out += [
            rule(x(mark), foot, x(mark), foot + 5, INK, 1),
            text(x(mark), foot + 20, label, anchor="middle", fill=MUTED),
        ]
    return [*out, text((LEFT + x.end) / 2, foot + 40, names[0], anchor="middle", fill=MUTED)]


def series(points: Sequence[tuple[float, float]], number: int) -> str:
    """Return a line through places on the drawing, in the colour and dashes of its number."""
    dash = DASHES[number % len(DASHES)]
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<polyline points="{path(points)}" fill="none" '
        f'stroke="{SERIES[number % len(SERIES)]}" stroke-width="2.2"{dashed}/>'
    )


def path(points: Sequence[tuple[float, float]]) -> str:
    """Return places on the drawing as an attribute."""
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in points)


def names_at_ends(x: Scale, y: Scale, names: Sequence[str], ends: Sequence[float]) -> list[str]:
    """Return the names of lines beside their last values, moved apart where they would overlap."""
    places = spread([y(end) for end in ends], gap=15, last=y.start)
    return [
        text(x.end + 14, at + 4, name, fill=SERIES[i % len(SERIES)], weight=600)
        for i, (name, at) in enumerate(zip(names, places, strict=True))
    ]
