"""Charts that a plug-in brings as numbers are drawn in the style of the report, with their text."""

from __future__ import annotations

import json
import re

import pytest

import dpaudit
from dpaudit.model.charts import (
    Box,
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
from dpaudit.model.report import Paragraph, Report, Section
from dpaudit.report.drawn import figure_of
from dpaudit.report.prose import Prose
from dpaudit.report.svg import clean

WORDS = {"title": "A conclusion", "subtitle": "A measure"}
SQUARE = [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]]


@pytest.fixture
def outlines(tmp_path):
    features = [
        {"type": "Feature", "id": key, "properties": {}, "geometry": {
            "type": "Polygon", "coordinates": [[[x + 10 * i, y] for x, y in SQUARE[0]]]}}
        for i, key in enumerate("abcd")
    ]  # fmt: skip
    path = tmp_path / "map.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def charts(outlines):
    return {
        "sweep": Sweep(
            **WORDS, across="x", along="y", unit="dollars",
            lines=(Swept(name="one", points=((0.1, 5.0, 4.0, 6.0), (1.0, 2.0, 1.0, 3.0))),),
        ),
        "dots": Dots(**WORDS, along="y", unit="persons",
                     rows=(Row(name="here", value=3.0, low=1.0, high=5.0),)),
        "cloud": Cloud(
            **WORDS, across="x", along="y", unit="dollars", log=True,
            clusters=(Cluster(name="one", points=((10.0, 1.0), (1e6, -4.0))),
                      Cluster(name="two", points=((100.0, 2.0),))),
        ),
        "rates": Rates(
            **WORDS, lines=(Rate(name="one", points=((0.0, 0.0), (0.02, 0.5), (1.0, 1.0))),)
        ),
        "diagram": Diagram(
            **WORDS, arrows=(("a", "b"),),
            boxes=(Box(key="a", lines=("cause",), column=0, row=0),
                   Box(key="b", lines=("an", "effect"), column=1, row=1)),
        ),
        "places": Places(
            **WORDS, outlines=outlines,
            places=(Place(key="a", value=-0.3, low=-0.4, high=-0.2),
                    Place(key="b", value=0.3, low=0.2, high=0.4),
                    Place(key="c", value=0.1, low=-0.1, high=0.3)),
        ),
    }  # fmt: skip


SAID = {
    "sweep": "one: 0.1 +$5.00, 1 +$2.00",
    "dots": "here: +3",
    "cloud": "one: 2, \u2212$4.00 to +$1.00; two: 1, +$2.00 to +$2.00",
    "rates": "one: 25.0 in 100 found at 1 false alarm in 100",
    "diagram": "cause leads to an effect",
    "places": "not certain: 1",
}


@pytest.mark.parametrize("kind", SAID)
def test_a_chart_tells_its_numbers(kind, outlines):
    made = figure_of(charts(outlines)[kind], Prose("en"))
    assert made.alt.startswith("A conclusion. ")
    assert SAID[kind] in made.alt
    assert made.title == "A conclusion"
    assert made.subtitle == "A measure"
    drawn = clean(made.svg)
    assert SAID[kind].split(";")[0] in drawn
    assert "<script" not in drawn


def test_labels_along_a_sweep_do_not_overlap(outlines):
    near = charts(outlines)["sweep"]
    points = (
        (0.001, 1.0, 1.0, 1.0),
        (0.03, 2.0, 2.0, 2.0),
        (0.035, 2.0, 2.0, 2.0),
        (1.0, 3.0, 3.0, 3.0),
    )
    made = figure_of(
        Sweep(**WORDS, across="x", along="y", unit="dollars",
              lines=(Swept(name=near.lines[0].name, points=points),)), Prose("en"))  # fmt: skip
    shown = re.findall(r">([\d.]+)</text>", made.svg)
    assert "0.03" in shown
    assert "0.035" not in shown


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Swept(name="one", points=((0.1, 5.0, 4.0, 6.0),)),
        lambda: Dots(**WORDS, along="y", unit="", rows=()),
        lambda: Rates(**WORDS, lines=tuple(Rate(name=str(i), points=()) for i in range(5))),
    ],
)
def test_a_chart_without_enough_or_with_too_much_is_refused(wrong):
    with pytest.raises(ValueError, match="Length"):
        wrong()


def test_a_document_is_written_with_its_charts(outlines, tmp_path):
    blocks = (Paragraph(text="Said <b>plainly</b>."), charts(outlines)["places"])
    report = Report(
        title="A document", summary="Of a plug-in", organisation=None, language="en", date=None,
        banner="", sections=(Section(name="one", title="One", blocks=blocks),), findings=(),
        generator="test",
    )  # fmt: skip
    written = dpaudit.write_document(report, tmp_path / "out", "paper", formats=("html",))
    page = written.files["html"].read_text()
    assert written.files["html"].name == "paper.html"
    assert "A conclusion" in page
    assert "&lt;b&gt;plainly" in page
    with pytest.raises(dpaudit.UsageError, match="no format 'doc'"):
        dpaudit.write_document(report, tmp_path, "paper", formats=("doc",))
