"""Files of outlines: shapes, or a :class:`DataError`, whatever the file holds."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dpaudit.data.geometry import read_shapes
from dpaudit.errors import DataError

FUZZ = settings.get_profile("fuzz")
SQUARE = [[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]]
GEOJSON = {
    "type": "FeatureCollection",
    "features": [
        {"type": "Feature", "id": "a", "properties": {"k": "A"},
         "geometry": {"type": "Polygon", "coordinates": [SQUARE]}},
        {"type": "Feature", "id": 2, "properties": None, "geometry": None},
        {"type": "Feature", "id": "m", "properties": {"k": 3},
         "geometry": {"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE]]}},
    ],
}  # fmt: skip
TOPOJSON = {
    "type": "Topology",
    "transform": {"scale": [1, 2.5], "translate": [0, 0]},
    "objects": {"places": {"type": "GeometryCollection", "geometries": [
        {"type": "Polygon", "id": "a", "properties": {"k": "A"}, "arcs": [[0, -2]]},
        {"type": "MultiPolygon", "id": "b", "properties": {"k": "B"}, "arcs": [[[1]], [[~0, 1]]]},
        {"type": None, "id": "c", "properties": {"k": "C"}},
    ]}},
    "arcs": [SQUARE, SQUARE[::-1]],
}  # fmt: skip
ODD = st.sampled_from(
    [None, True, -1, 0, 10**400, 1e308, -1e308, 5e-324, "", "x", [], {}, [[]], [[[]]], [None],
     [0], [0, 1], [[1, 2]], [[1, 2, 3]], ["NaN"], {"type": "Polygon"}, 2**63, -(2**63), 181, 1e200]
)  # fmt: skip
ANY = st.recursive(
    ODD | st.floats() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
        ["type", "features", "geometry", "coordinates", "arcs", "objects", "id", "transform"]
    ), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@st.composite
def harmed(draw):
    """One of the two files with some of its values replaced, taken out or put twice."""
    tree = json.loads(json.dumps(draw(st.sampled_from([GEOJSON, TOPOJSON]))))
    for _ in range(draw(st.integers(0, 3))):
        place, key = tree, None
        while isinstance(place, dict | list) and len(place):
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            holder, key = place, draw(st.sampled_from(keys))
            place = holder[key]
            if draw(st.integers(0, 3)) == 0:
                break
        if key is None:
            break
        what = draw(st.sampled_from(["odd", "any", "out", "twice"]))
        if what == "out":
            del holder[key]
        elif what == "twice" and isinstance(holder, list):
            holder.append(copy.deepcopy(place))
        else:
            holder[key] = copy.deepcopy(draw(ODD if what == "odd" else ANY))
    return json.dumps(tree)


def of(tree):
    return json.dumps(tree).encode()


def geometry(ring):
    return of({"type": "FeatureCollection", "features": [
        {"id": "a", "geometry": {"type": "Polygon", "coordinates": [ring]}}]})  # fmt: skip


TEXTS = harmed().map(str.encode) | ANY.map(of) | st.binary(max_size=60)


@settings(FUZZ, max_examples=4 * FUZZ.max_examples)
@given(content=TEXTS, key=st.sampled_from([None, "k"]))
@example(content=b"[" * 100_000, key=None)
@example(content=of({"type": "Topology", "arcs": [], "objects": {}}), key=None)
@example(content=of({**TOPOJSON, "arcs": [[[0], [1], [2], [3]]] * 2}), key=None)
@example(content=geometry([[10**400, 0]] * 4), key=None)
@example(content=geometry([[1], [2], [3], [4]]), key=None)
@example(
    content=of({**TOPOJSON, "transform": {"scale": [1e308, 1], "translate": [1e308, 0]}}), key=None
)
@example(content=of({**TOPOJSON, "arcs": [[[1e308, 0]] * 5] * 2}), key=None)
@example(content=b'{"type": "Topology", "a": ' + b"9" * 5_000 + b"}", key=None)
def test_only_data_errors_come_out(content, key, tmp_path):
    file = tmp_path / "map.json"
    file.write_bytes(content)
    try:
        shapes = read_shapes(file, "map.json", key=key)
    except DataError as error:
        assert "\n" not in error.message
        return
    for name, rings in shapes.items():
        assert isinstance(name, str)
        for ring in rings:
            assert ring.ndim == 2
            assert ring.shape[1] == 2
            assert np.isfinite(ring).all()


@pytest.mark.parametrize("tree", [GEOJSON, TOPOJSON], ids=["GeoJSON", "TopoJSON"])
def test_what_is_harmed_is_right_before(tree, tmp_path):
    """Else every example would end at the first key."""
    file = tmp_path / "map.json"
    file.write_bytes(of(tree))
    assert len(read_shapes(file, "map.json")) == 3
