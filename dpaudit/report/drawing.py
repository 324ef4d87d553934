"""The pieces that every drawing is made of: scales, ticks, text, lines, circles."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from html import escape

import attrs

from dpaudit.report.prose import visible

INK, MUTED, RULE, BLUE, ORANGE = "#1b1b1b", "#565c65", "#c6cace", "#005ea2", "#b8500a"
SERIES = (BLUE, ORANGE, INK, MUTED)
DASHES = ("", "7 4", "2 3", "9 3 2 3")
WIDTH = 640.0
SIZE = 12.5
LETTER = 6.4


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


def spread(places: Sequence[float], *, gap: float) -> list[float]:
    """Move labels apart so that none overlaps, keeping their order."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = list(places)
    for before, after in itertools.pairwise(order):
        moved[after] = max(moved[after], moved[before] + gap)
    return moved


def clipped(name: str, room: float) -> str:
    """Return a name that fits into ``room`` drawing units, with an ellipsis if cut."""
    most = max(4, int(room / LETTER) + 1)
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"


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
