"""Maps as plain SVG: classes of a relative change, places that are not certain grey, none hatched.

All places of a class are one path, so that thousands of them stay a small drawing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import attrs
import numpy as np

from dpaudit.data.geometry import Shapes
from dpaudit.model.arrays import FloatArray
from dpaudit.report.drawing import INK, MUTED, WIDTH, svg, text

COLOURS = ("#a2420a", "#f2a86b", "#f0f0f0", "#6fa8d6", "#0b4778")
"""From loss to gain (the measured palette, losses in orange)."""

GREY = "#b9bdc3"
UNCERTAIN, NO_DATA = 5, 6
_TILE, _KEY = 46.0, 44.0
_DARK = frozenset({0, 4})
_HATCH = (
    '<defs><pattern id="none" width="5" height="5" patternUnits="userSpaceOnUse">'
    '<path d="M0 5L5 0" stroke="#565c65" stroke-width="0.8"/></pattern></defs>'
)


@attrs.frozen(kw_only=True)
class Classes:
    """Five classes around zero with round bounds: ``-outer``, ``-inner``, ``inner``, ``outer``."""

    inner: float
    outer: float

    @classmethod
    def of(cls, values: FloatArray) -> Classes:
        """Return classes for relative changes: about one place in ten lies beyond ``outer``."""
        size = float(np.quantile(np.abs(values), 0.9)) if values.size else 0.0
        if not size > 0:
            size = float(np.abs(values).max(initial=0.0)) or 0.01
        power = 10.0 ** math.floor(math.log10(size))
        m = max(m for m in (1, 2, 5) if m == 1 or m * power <= size * (1 + 1e-12))
        return cls(inner=m * power / (4 if m == 2 else 5), outer=m * power)  # noqa: PLR2004

    def of_each(self, values: FloatArray, certain: np.ndarray) -> np.ndarray:
        """Return the class of each value, shape (n,): 0 (largest losses) to 4, or uncertain."""
        size, sign = np.abs(values), np.sign(values).astype(np.int64)
        steps = sum((size >= b * (1 - 1e-9)).astype(np.int64) for b in (self.inner, self.outer))
        found = 2 + sign * steps
        return np.where(certain, found, UNCERTAIN)


def choropleth(
    shapes: Shapes, classes: Mapping[str, int], labels: Sequence[str], *, title: str, desc: str
) -> str:
    """Return a map of places, each in the colour of its class.

    Parameters
    ----------
    shapes
        Outlines by identifier.
    classes
        The class of each place that has one; others are hatched.
    labels
        What each of the seven classes means.
    title, desc
        For screen readers.
    """
    every = np.concatenate([ring for rings in shapes.values() for ring in rings])
    low, high = every.min(axis=0), every.max(axis=0)
    scale = WIDTH / float(max(high[0] - low[0], (high[1] - low[1]) * 1.2, 1e-9))
    height = scale * float(high[1] - low[1])
    paths: dict[int, list[str]] = {}
    for name, rings in shapes.items():
        kind = classes.get(name, NO_DATA)
        paths.setdefault(kind, []).extend(_outline((ring - low) * scale) for ring in rings)
    out = [_HATCH, *_key(labels, sorted(paths))]
    out += [
        f'<path transform="translate(0 {_KEY:g})" d="{"".join(paths[kind])}" '
        f'fill="{_fill(kind)}" fill-rule="evenodd" stroke="#ffffff" stroke-width="0.4"/>'
        for kind in sorted(paths)
    ]
    return svg(WIDTH, height + _KEY + 4, title, desc, out)


def tiles(
    places: Mapping[str, tuple[int, int]],
    classes: Mapping[str, int],
    labels: Sequence[str],
    *,
    title: str,
    desc: str,
) -> str:
    """Return a grid with one tile for each place, by column and row, named in its tile."""
    shown = {name: classes.get(name, NO_DATA) for name in places}
    out = [_HATCH, *_key(labels, sorted(set(shown.values())))]
    for name, (column, row) in places.items():
        x, y, kind = column * _TILE, row * _TILE + _KEY, shown[name]
        out.append(f'<rect x="{x:g}" y="{y:g}" width="{_TILE - 3:g}" height="{_TILE - 3:g}" '
                   f'fill="{_fill(kind)}"/>')  # fmt: skip
        if kind == NO_DATA:
            out.append(f'<rect x="{x + 8:g}" y="{y + 13:g}" width="{_TILE - 19:g}" height="18" '
                       'fill="#ffffff"/>')  # fmt: skip
        ink = "#ffffff" if kind in _DARK else INK
        out.append(text(x + (_TILE - 3) / 2, y + 27, name, anchor="middle", fill=ink, weight=600))
    foot = _KEY + _TILE * (1 + max(row for _, row in places.values()))
    return svg(WIDTH, foot, title, desc, out)


def _fill(kind: int) -> str:
    if kind == NO_DATA:
        return "url(#none)"
    return GREY if kind == UNCERTAIN else COLOURS[kind]


def _key(labels: Sequence[str], kinds: Sequence[int]) -> list[str]:
    """Return the key above a map, for the classes that it shows, in two lines if need be."""
    out, x, y = [], 0.0, 4.0
    for kind in kinds:
        wide = 22 + 6.2 * len(labels[kind])
        if x + wide > WIDTH:
            x, y = 0.0, y + 19
        out.append(f'<rect x="{x + 0.5:g}" y="{y:g}" width="13" height="13" fill="{_fill(kind)}" '
                   f'stroke="{MUTED}" stroke-width="0.5"/>')  # fmt: skip
        out.append(text(x + 18, y + 11, labels[kind]))
        x += wide + 10
    return out


def _outline(ring: FloatArray) -> str:
    """Return a closed ring as path steps of a tenth of a unit."""
    grid = np.round(ring * 10).astype(np.int64)
    steps = np.diff(grid, axis=0)
    steps = steps[np.any(steps != 0, axis=1)]
    if len(steps) < 2:  # noqa: PLR2004 - smaller than can be drawn
        return ""
    first = f"M{grid[0, 0] / 10:g} {grid[0, 1] / 10:g}l"
    return first + " ".join(f"{dx / 10:g} {dy / 10:g}" for dx, dy in steps[:-1].tolist()) + "z"
