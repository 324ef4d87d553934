"""Outlines of places: GeoJSON or TopoJSON, read without a library for maps."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from dpaudit.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from dpaudit.model.arrays import FloatArray

Shapes = Mapping[str, tuple["FloatArray", ...]]
"""By identifier the rings of a place, each of shape (m, 2): to the right, and downwards."""

_LONGITUDE, _LATITUDE = 180.0, 90.0
_RING = 4
_FLAT = 2
_FAULTS = (
    ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, RecursionError,
)  # fmt: skip
"""What a file that has not the shape of a map runs into."""


def read_shapes(path: Path, source: str, *, key: str | None = None) -> Shapes:
    """Return the places of a file by identifier.

    Parameters
    ----------
    path
        A GeoJSON ``FeatureCollection`` or a TopoJSON ``Topology``, of which the first object is
        read. Degrees are laid flat around their middle latitude; anything else is taken as it is
        (TopoJSON downwards, GeoJSON upwards).
    source
        What the audit file calls it.
    key
        The property that identifies a place; by default its ``id``.

    Raises
    ------
    DataError
        If the file is neither, or a place has no identifier.
    """
    try:
        with np.errstate(all="ignore"):  # what is not finite is refused below
            return _read(json.loads(path.read_text(encoding="utf-8")), source, key)
    except (*_FAULTS, OSError) as error:
        raise DataError(
            f"{source}: not a map that can be read ({type(error).__name__})",
            hint="give GeoJSON or TopoJSON",
        ) from error


def _read(tree: Any, source: str, key: str | None) -> Shapes:
    kind = tree.get("type")
    if kind == "Topology":
        places, downwards = _topology(tree), "transform" in tree
    elif kind == "FeatureCollection":
        places, downwards = _collection(tree), False
    else:
        raise DataError(f"{source}: a map of type {kind!r}", hint="give GeoJSON or TopoJSON")
    made: dict[str, tuple[FloatArray, ...]] = {}
    for place, rings in places:  # a place of several parts may be written as several places
        name = _identified(place, key, source)
        made[name] = made.get(name, ()) + rings
    if not any(made.values()):
        raise DataError(f"{source}: a map without outlines", hint="give polygons")
    return _flat(made, source, downwards=downwards)


def _identified(place: Mapping[str, Any], key: str | None, source: str) -> str:
    found = place.get("id") if key is None else (place.get("properties") or {}).get(key)
    if found is None:
        wanted = "an id" if key is None else f"the property {key!r}"
        raise DataError(
            f"{source}: a place without {wanted}",
            hint='name the property that identifies places: id = "..."',
        )
    return str(found)


def _collection(tree: Mapping[str, Any]) -> Iterable[tuple[Mapping[str, Any], Any]]:
    for feature in tree["features"]:
        shape = feature.get("geometry") or {"type": "Polygon", "coordinates": []}
        yield feature, _rings(shape["type"], shape["coordinates"], lambda ring: ring)


def _topology(tree: Mapping[str, Any]) -> Iterable[tuple[Mapping[str, Any], Any]]:
    arcs = [np.asarray(arc, dtype=np.float64)[:, :2] for arc in tree["arcs"]]
    if "transform" in tree:
        scale, shift = (np.array(tree["transform"][name]) for name in ("scale", "translate"))
        arcs = [np.cumsum(arc, axis=0) * scale + shift for arc in arcs]

    def joined(numbers: list[int]) -> FloatArray:
        parts = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in numbers]
        return np.concatenate([parts[0], *(part[1:] for part in parts[1:])])

    for place in list(tree["objects"].values())[0]["geometries"]:  # noqa: RUF015 - an IndexError
        yield place, _rings(place["type"], place.get("arcs", []), joined)


def _rings(kind: str | None, coordinates: Any, ring: Any) -> tuple[FloatArray, ...]:
    """Return the rings of a polygon or of several; of anything else there are none."""
    polygons = {"Polygon": [coordinates], "MultiPolygon": coordinates}.get(kind or "", [])
    made = [np.asarray(ring(one), dtype=np.float64) for polygon in polygons for one in polygon]
    if any(one.ndim != _FLAT or one.shape[1] < _FLAT for one in made if len(one)):
        raise ValueError("a point has two coordinates")
    return tuple(one[:, :2] for one in made if len(one) >= _RING)


def _flat(shapes: Shapes, source: str, *, downwards: bool) -> Shapes:
    every = np.concatenate([ring for rings in shapes.values() for ring in rings])
    if not np.isfinite(every).all():
        raise DataError(f"{source}: a coordinate is not finite", hint="mend the file")
    x, y = np.abs(every).max(axis=0)
    in_degrees = x <= _LONGITUDE and y <= _LATITUDE and not downwards
    middle = math.radians(float(np.median(every[:, 1])))
    factor = np.array([math.cos(middle) if in_degrees else 1.0, 1.0 if downwards else -1.0])
    return {name: tuple(ring * factor for ring in rings) for name, rings in shapes.items()}
