from __future__ import annotations

import tomllib
from typing import Literal

import attrs
import jsonschema
import pytest

import dpaudit
from dpaudit.schema import json_schema


@attrs.frozen(kw_only=True)
class Laplace(dpaudit.Mechanism):
    """Laplace noise."""

    name = "laplace"
    epsilon: float = attrs.field(validator=[attrs.validators.gt(0), attrs.validators.le(100)])
    weights: tuple[float, ...] = ()

    def release(self, counts, rng):
        return counts

    def privacy(self):
        return dpaudit.Guarantee(neighbours=self.neighbours)


@dpaudit.decision()
def share(counts, *, weight: dpaudit.Column | float = 1.0, way: Literal["near", "down"] = "near"):
    return counts


@dpaudit.postprocessor(name="round")
def round_(release, *, base: int = 1):
    return release


@dpaudit.audit()
def bias(subject, rng):
    return []


GOOD = """
[data]
file = "d.csv"
status = "public"
entity = "id"
count = "n"
groups = ["county", ["county", "size"]]
classes.size = { column = "n", bounds = [50] }
[[release]]
mechanism = { use = "laplace", epsilon = [0.1, 1], weights = [1, 2] }
neighbours = "add-remove"
postprocess = [{ use = "round", base = 5 }]
[[decision]]
use = "share"
weight = ["spending", 2.5]
way = "down"
output = [{ use = "round" }]
[[audit]]
use = "bias"
fail_if = { over = 10, for = "total" }
[report]
formats = ["html"]
"""


@pytest.fixture(scope="module")
def schema():
    registry = dpaudit.Registry()
    registry.add(Laplace, share, round_, bias)
    return json_schema(registry)


def is_valid(schema, text):
    return jsonschema.Draft202012Validator(schema).is_valid(tomllib.loads(text))


def test_the_schema_is_a_schema(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema")
    (only,) = schema["$defs"]["mechanism"]["allOf"]
    assert only["then"]["description"] == "Laplace noise."


def test_a_good_file_is_valid(schema):
    validator = jsonschema.Draft202012Validator(schema)
    assert list(validator.iter_errors(tomllib.loads(GOOD))) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"laplace"', '"laplac"'),
        ("[0.1, 1]", "0"),
        ("[0.1, 1]", "[0.1, 101]"),
        ("[0.1, 1]", "[]"),
        ("[0.1, 1]", "true"),
        ("epsilon = [0.1, 1], ", ""),
        ("weights", "weight"),
        ('neighbours = "add-remove"\n', ""),
        ('"add-remove"', '"add"'),
        ('"laplace", ', '"laplace", neighbours = "replace", '),
        ('status = "public"\n', ""),
        ("base = 5", "base = 5.5"),
        ('"down"', '"up"'),
        ("2.5]", "false]"),
        ("over = 10, ", ""),
        ("[report]", "[reports]"),
        ('["html"]', '["doc"]'),
        ("[[release]]", "[release]"),
    ],
)
def test_a_bad_file_is_not(schema, old, new):
    assert old in GOOD
    assert not is_valid(schema, GOOD.replace(old, new))
