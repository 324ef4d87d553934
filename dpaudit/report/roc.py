"""ROC curves on two logarithmic axes: what counts is what happens at few false alarms."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.report.drawing import (
    LEFT,
    LETTER,
    MUTED,
    WIDTH,
    Scale,
    frame,
    names_at_ends,
    path,
    series,
    svg,
)
from dpaudit.report.prose import Prose

_TOP, _BOTTOM = 34.0, 314.0
_DECADES = (-3, -2, -1, 0)
_FLOOR = 10.0 ** _DECADES[0]


@attrs.frozen(kw_only=True, eq=False)
class RocLine:
    """One curve: its name, and rates of true alarms at rates of false ones, shape (k,)."""

    name: str
    fpr: FloatArray
    tpr: FloatArray


def roc_plot(
    lines: Sequence[RocLine],
    *,
    ceiling: RocLine | None,
    title: str,
    desc: str,
    prose: Prose,
    axes: tuple[str, str] | None = None,
) -> str:
    """Return at most four curves with the diagonal of guessing and, if given, a ceiling.

    Both axes run from 1 in 1,000 to all; ``axes`` are their names, where it is no release that is
    attacked. The diagonal of guessing is thin, the ceiling dotted; a curve below 1 in 1,000 runs
    along the foot.
    """
    _ = prose
    right = 24 + LETTER * max(len(line.name) for line in lines)
    x = Scale(_FLOOR, 1.0, LEFT + 8, WIDTH - right, log=True)
    y = Scale(_FLOOR, 1.0, _BOTTOM, _TOP, log=True)
    marks = [(10.0**k, _percent(_, k)) for k in _DECADES]
    counted = (_("False alarms: share of people not counted who are taken for counted"),
               _("Share of counted people who are found"))  # fmt: skip
    out = frame(x, y, across=marks, up=marks, names=axes or counted)
    guess = [(x(_FLOOR), y(_FLOOR)), (x(1.0), y(1.0))]
    out.append(f'<polyline points="{path(guess)}" fill="none" stroke="{MUTED}" stroke-width="1"/>')
    if ceiling is not None:
        out.append(
            f'<polyline points="{path(_points(ceiling, x, y))}" fill="none" stroke="{MUTED}" '
            'stroke-width="1.2" stroke-dasharray="1 3"/>'
        )
    ordered = sorted(lines, key=lambda line: -float(np.interp(0.01, line.fpr, line.tpr)))
    out += [series(_points(line, x, y), i) for i, line in enumerate(ordered)]
    # All lines end in the corner: their names stand below it in the order of the lines at 1%.
    out += names_at_ends(x, y, [line.name for line in ordered], [1.0] * len(ordered))
    return svg(WIDTH, _BOTTOM + 48, title, desc, out)


def _percent(_: Prose, power: int) -> str:
    return _("{number}%", number=_.plain(100.0 * 10.0**power))


def _points(line: RocLine, x: Scale, y: Scale) -> list[tuple[float, float]]:
    shown = line.fpr >= _FLOOR * (1.0 - 1e-9)
    pairs = zip(line.fpr[shown], line.tpr[shown], strict=True)
    return [(x(float(a)), y(max(float(b), _FLOOR))) for a, b in pairs if math.isfinite(float(b))]
