"""The figures of a family: where their numbers are, as charts that the report draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.blocks import Curves
from dpaudit.charts import (
    Box,
    Chart,
    Cloud,
    Cluster,
    Diagram,
    Dots,
    Place,
    Places,
    Rate,
    Rates,
    Row,
    Sweep,
    Swept,
)
from dpaudit_plugins.commands._claims import Drawing
from dpaudit_plugins.commands._numbers import at, sweep

_MOST_ROWS = 24
_CHOICE = frozenset(["pick", "largest"])


def chart_of(drawing: Drawing, results: Mapping[str, Any]) -> Chart | Curves:
    """Return the chart that a family asks for.

    Raises
    ------
    DataError
        If its numbers are not there.
    """
    makers = {
        "sweep": _sweep,
        "dots": _dots,
        "cloud": _cloud,
        "rates": _rates,
        "diagram": _diagram,
        "places": _places,
        "section": _section,
    }
    return makers[drawing.kind](drawing, results)


def _words(drawing: Drawing) -> dict[str, Any]:
    return {"title": drawing.title, "subtitle": drawing.subtitle, "source": drawing.source}


def _sweep(drawing: Drawing, results: Mapping[str, Any]) -> Chart:
    lines = []
    for line in drawing.lines:
        points = [
            (x, n.value, float(n.estimate.low), float(n.estimate.high))
            for x, n in sweep(_plain(line), results)
        ]
        lines.append(Swept(name=line["name"], points=tuple(points)))
    return Sweep(across=drawing.across, along=drawing.along, unit=drawing.unit,
                 lines=tuple(lines), **_words(drawing))  # fmt: skip


def _dots(drawing: Drawing, results: Mapping[str, Any]) -> Chart:
    """Draw every entry of each address, the largest ones, or the one that it picks."""
    rows = []
    for line in drawing.lines:
        name = line.get("name", "")
        found = at({k: v for k, v in _plain(line).items() if k not in _CHOICE}, results)
        value, low, high = (
            np.atleast_1d(end)
            for end in (found.estimate.value, found.estimate.low, found.estimate.high)
        )
        labels = found.labels or ("",)
        rows += [
            Row(
                name=" ".join(filter(None, (labels[i], name))),
                value=float(value[i]),
                low=float(low[i]),
                high=float(high[i]),
            )
            for i in _chosen(line, labels, value)
        ]
    return Dots(
        along=drawing.along, unit=drawing.unit, rows=tuple(rows[:_MOST_ROWS]), **_words(drawing)
    )


def _chosen(line: Mapping[str, Any], labels: Sequence[str], value: FloatArray) -> Sequence[int]:
    """Return which entries of an address are drawn, in the order to draw."""
    if "pick" in line:
        return [labels.index(line["pick"])]
    order = range(len(labels))
    if "largest" in line:
        return sorted(order, key=lambda i: -abs(float(value[i])))[: line["largest"]]
    return order


def _cloud(drawing: Drawing, results: Mapping[str, Any]) -> Chart:
    """Draw ``y`` over ``x`` for every label that both have."""
    clusters = []
    for line in drawing.lines:
        x, y = at(line["x"], results), at(line["y"], results)
        across = dict(zip(x.labels, x.estimate.value.tolist(), strict=True))
        points = [
            (across[label], value)
            for label, value in zip(y.labels, y.estimate.value.tolist(), strict=True)
            if label in across and (across[label] > 0 or not drawing.log) and np.isfinite(value)
        ]
        if not points:
            raise dpaudit.DataError(
                f"figure {drawing.title!r}: no label is on both axes",
                hint="draw two numbers of the same groups",
            )
        clusters.append(Cluster(name=line["name"], points=tuple(points)))
    return Cloud(across=drawing.across, along=drawing.along, unit=drawing.unit, log=drawing.log,
                 clusters=tuple(clusters), **_words(drawing))  # fmt: skip


def _rates(drawing: Drawing, results: Mapping[str, Any]) -> Chart:
    lines = []
    for line in drawing.lines:
        result = next(
            r for r in results[line["audit"]].attacks
            if r.attack == line["attack"] and r.release == line["release"]
            and all(r.point.get(k) == v for k, v in line.get("at", {}).items())
        )  # fmt: skip
        if result.curve is None:
            raise dpaudit.DataError(
                f"figure {drawing.title!r}: no curve of {line['name']!r}",
                hint="name an attack that has one",
            )
        pairs = zip(result.curve.fpr.tolist(), result.curve.tpr.tolist(), strict=True)
        lines.append(Rate(name=line["name"], points=tuple(pairs)))
    return Rates(lines=tuple(lines), **_words(drawing))


def _diagram(drawing: Drawing, _: Mapping[str, Any]) -> Chart:
    boxes = tuple(
        Box(key=box["key"], lines=tuple(box["lines"]), column=box["column"], row=box["row"])
        for box in drawing.boxes
    )
    return Diagram(boxes=boxes, arrows=drawing.arrows, **_words(drawing))


def _places(drawing: Drawing, results: Mapping[str, Any]) -> Chart:
    """Draw the bias of the groups of the first line over what is due to them."""
    line = _plain(drawing.lines[0])
    found, audit = at(line, results), results[line["audit"]]
    due = dict.fromkeys(found.labels, 0.0)
    truth = at({**{k: v for k, v in line.items() if k != "over"}, "quantity": "truth"}, results)
    groups = audit.data.groups[line["over"]]
    for group, share in zip(groups, truth.estimate.value.tolist(), strict=True):
        due[group] += share
    ends = zip(found.estimate.value, found.estimate.low, found.estimate.high, strict=True)
    places = tuple(
        Place(key=key, value=value / due[key], low=low / due[key], high=high / due[key])
        for key, (value, low, high) in zip(found.labels, ends, strict=True)
        if due[key] > 0
    )
    source = dpaudit.Registry.discover().datasets()[drawing.outlines]
    if not isinstance(source, dpaudit.EmbeddedData):
        raise dpaudit.DataError(f"no outlines {drawing.outlines!r}", hint="name embedded data")
    return Places(outlines=source.path, places=places, **_words(drawing))


def _section(drawing: Drawing, results: Mapping[str, Any]) -> Curves:
    """Return the first chart of a section that a plug-in makes of the results."""
    hook = dpaudit.Registry.discover().manager.hook
    for made in hook.dpaudit_sections(results=results[drawing.audit]):
        for name, blocks in (made or {}).items():
            curves = [block for block in blocks if isinstance(block, Curves)]
            if name.startswith(drawing.section) and curves:
                return curves[0]
    raise dpaudit.DataError(
        f"no section {drawing.section!r} with a chart in {drawing.audit!r}",
        hint="name a section of that report which has one",
    )


def _plain(line: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key != "name"}
