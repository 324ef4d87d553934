"""Maps: read from two formats, in classes with round bounds, with hatching and grey."""

from __future__ import annotations

import json
import re

import attrs
import numpy as np
import pytest

from dpaudit.data.geometry import read_shapes
from dpaudit.errors import DataError
from dpaudit.model.spec import MapSpec
from dpaudit.registry import Registry
from dpaudit.report.assemble import build_report
from dpaudit.report.html import render_html
from dpaudit.report.maps import NO_DATA, UNCERTAIN, Classes, choropleth, tiles
from dpaudit.report.states import STATES, tile_of

SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]


def geojson(*places):
    features = [
        {"type": "Feature", "properties": {"code": name},
         "geometry": {"type": "Polygon", "coordinates": [[[x + i, y] for x, y in SQUARE]]}}
        for i, name in enumerate(places)
    ]  # fmt: skip
    return json.dumps({"type": "FeatureCollection", "features": features})


def area(rings):
    """Return the area of rings by the shoelace formula."""
    total = 0.0
    for ring in rings:
        x, y = ring.T
        total += abs(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2
    return total


def test_geojson_and_topojson_give_the_same_outline(tmp_path):
    (tmp_path / "a.geojson").write_text(geojson("one", "two"))
    topology = {
        "type": "Topology", "arcs": [[[1, 0], [1, 1]], [[1, 1], [0, 1], [0, 0], [1, 0]],
                                     [[1, 0], [2, 0], [2, 1], [1, 1]]],
        "objects": {"places": {"type": "GeometryCollection", "geometries": [
            {"type": "Polygon", "id": "one", "arcs": [[0, 1]]},
            {"type": "Polygon", "id": "two", "arcs": [[2, -1]]}]}},
    }  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps(topology))
    one = read_shapes(tmp_path / "a.geojson", "a", key="code")
    other = read_shapes(tmp_path / "a.json", "a")
    assert set(one) == set(other) == {"one", "two"}
    for name, rings in one.items():
        assert area(rings) == pytest.approx(area(other[name]))
        low, high = np.min(rings[0], axis=0), np.max(rings[0], axis=0)
        np.testing.assert_allclose(low, np.min(other[name][0], axis=0))
        np.testing.assert_allclose(high, np.max(other[name][0], axis=0))


def test_the_embedded_counties_are_whole():
    path = Registry.discover().datasets()["us-counties"].path
    shapes = read_shapes(path, "builtin:us-counties")
    assert len(shapes) == 3142
    assert all(len(name) == 5 and name.isdigit() for name in shapes)
    texas = sum(area(rings) for name, rings in shapes.items() if name.startswith("48"))
    every = sum(area(rings) for rings in shapes.values())
    assert texas / every == pytest.approx(0.087, abs=0.02)  # 268,596 of 3.09 million square miles


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "not a map"), ('{"type": "Point"}', "of type 'Point'"), ("[]", "not a map"),
     ('{"type": "FeatureCollection", "features": []}', "without outlines"),
     ('{"type": "FeatureCollection", "features": [{"geometry": null}]}', "without an id")],
)  # fmt: skip
def test_a_file_that_is_no_map_is_named(tmp_path, content, message):
    (tmp_path / "m.json").write_text(content)
    with pytest.raises(DataError, match=message):
        read_shapes(tmp_path / "m.json", "m.json")


@pytest.mark.parametrize("size", [1e-9, 0.003, 0.04, 0.5, 7.0, 1e6])
def test_classes_have_round_bounds_and_are_symmetric(size):
    values = np.linspace(-size, size, 101)
    classes = Classes.of(values)
    for bound in (classes.inner, classes.outer):
        mantissa = bound / 10.0 ** np.floor(np.log10(bound) + 1e-9)
        assert min(abs(mantissa - m) for m in (1, 2, 5)) < 1e-6
    kinds = classes.of_each(values, np.ones(101, dtype=bool))
    np.testing.assert_array_equal(kinds, 4 - kinds[::-1])
    assert set(kinds) == {0, 1, 2, 3, 4}
    assert classes.of_each(np.zeros(1), np.array([False]))[0] == UNCERTAIN


def test_a_place_without_a_number_is_hatched_and_a_class_is_one_path(tmp_path):
    (tmp_path / "a.geojson").write_text(geojson("a", "b", "c", "d"))
    shapes = read_shapes(tmp_path / "a.geojson", "a", key="code")
    drawn = choropleth(
        shapes, {"a": 0, "b": 0, "c": UNCERTAIN}, list("0123456"), title="T", desc="d"
    )
    assert drawn.count('fill-rule="evenodd"') == 3
    assert drawn.count("url(#none)") == 2  # the place and its key
    assert "<title>T</title>" in drawn


def test_the_tiles_are_51_and_none_covers_another():
    tile = tile_of()
    places = {postal: (column, row) for postal, column, row in tile.values()}
    assert len(places) == len(set(places.values())) == len(STATES) == 51
    assert tile["06"] == tile["CA"] == tile["california"] == tile["6"]
    drawn = tiles(places, {"CA": 4}, list("0123456"), title="T", desc="d")
    assert drawn.count('fill="url(#none)"') == 50 + 1
    assert NO_DATA == 6


def test_a_report_has_the_map_that_its_audit_file_asks_for(results, tmp_path):
    data = results.data
    (tmp_path / "map.geojson").write_text(geojson(*sorted(set(data.groups["county"]))))
    asked = MapSpec(file="map.geojson", over="county", id="code")
    report = attrs.evolve(results.spec.report, map=asked)
    spec = attrs.evolve(results.spec, report=report, path=tmp_path / "audit.toml")
    html = render_html(build_report(attrs.evolve(results, spec=spec)))
    table = re.search(r"each class of the map holds</caption>(.*?)</table>", html, re.DOTALL)
    cells = re.findall(r'<td class="n">([\d,]+)</td>', table[1])
    places = sum(int(cell.replace(",", "")) for cell in cells[::2])
    people = sum(int(cell.replace(",", "")) for cell in cells[1::2])
    assert places == len(set(data.groups["county"]))
    assert people == data.total
    assert "what they are due on average" in html
