from __future__ import annotations

import re
import tomllib
from pathlib import Path

import jsonschema
import pytest

from dpaudit import config, data
from dpaudit.registry import Registry
from dpaudit.schema import json_schema

README = Path(__file__).resolve().parents[2] / "README.md"
PLUGIN = 'plugins = ["plugin.py"]\n'
HEAD = """\
plugins = ["plugin.py"]
[data]
file = "p.csv"
status = "public"
"""
TABLE = (
    HEAD
    + """\
table = ["AREA", "AGE", "RACE"]
groups = ["RACE", ["AREA", "AGE"], "state", "size"]
levels = ["state", "AREA", "cell"]
where = { RAC1P = [1, "2"], AREA = "25-1" }
[data.domain]
AREA = ["25-1", "25-2"]
AGE = { column = "AGEP", bounds = [5, 18] }
RACE = { column = "RAC1P", values = { 1 = "White", 2 = "Other" }, other = "Other", missing = "?" }
[data.derived]
state = { column = "AREA", first = 2 }
[data.classes]
size = { column = "count", bounds = [10] }
"""
)
ROWS = (
    HEAD.replace("p.csv", "d.csv")
    + """\
entity = "id"
count = "children"
where = { county = ["X", "Y"], spending = 2 }
levels = ["state", "area", "id"]
groups = ["state", "sparse", "area"]
parents = { file = "q.csv", child = "unit", parent = "fips", level = "area", assign = "largest", \
weight = "homes", other = "elsewhere" }
derived.state = { column = "area", first = 2 }
classes.sparse = { column = "children", share_of = "area", bounds = [0.01, 1] }
"""
)


def test_a_table_over_a_public_domain_is_read(load, here):
    spec = load(TABLE).data
    assert (spec.entity, spec.count) == ("cell", "count")
    assert spec.table == ("AREA", "AGE", "RACE")
    assert spec.domain["AREA"].column == "AREA"
    assert spec.domain["AREA"].values == {"25-1": "25-1", "25-2": "25-2"}
    assert spec.domain["AGE"].labels == ("under 5", "5 to 17", "18 and over")
    assert spec.domain["AGE"].whole
    assert spec.domain["RACE"].labels == ("White", "Other", "?")
    assert (spec.domain["RACE"].other, spec.domain["RACE"].missing) == ("Other", "?")
    assert spec.where == {"RAC1P": ("1", "2"), "AREA": ("25-1",)}
    assert spec.ancestors == ("state", "AREA")
    found = data.read(spec, here, Registry())
    assert (len(found), found.total) == (18, 1)
    assert found.hierarchy.sizes == (1, 1, 2, 18)


@pytest.mark.parametrize(
    ("labels", "is_closed"), [('["child", "adult"]', True), ('["?", "child", "adult"]', False)]
)
def test_labels_say_whether_bins_begin_at_the_first_bound(load, labels, is_closed):
    read = load(TABLE.replace("bounds = [5, 18]", f"bounds = [5, 18], labels = {labels}")).data
    assert read.domain["AGE"].is_closed == is_closed
    assert read.domain["AGE"].bounds == (5.0, 18.0)


def test_a_tree_with_parents_is_read(load, here):
    spec = load(ROWS).data
    assert spec.parents.weight == "homes"
    assert spec.classes["sparse"].share_of == "area"
    assert spec.derived["state"].first == 2
    found = data.read(spec, here, Registry())
    assert found.entities == ("02",)
    assert found.groups["area"] == ("elsewhere",)


@pytest.mark.parametrize("text", [TABLE, ROWS])
def test_both_survive_json_and_fit_the_schema(load, text):
    spec = load(text)
    assert config.from_json(config.to_json(spec)) == spec
    registry = Registry()
    registry.load_file(spec.path.parent / "plugin.py")
    validator = jsonschema.Draft202012Validator(json_schema(registry))
    assert list(validator.iter_errors(tomllib.loads(spec.path.read_text()))) == []


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (TABLE, "table = [", "groups2 = ["),
        (TABLE, 'table = ["AREA", "AGE", "RACE"]', 'table = ["count"]'),
        (TABLE, 'status = "public"', 'status = "public"\nentity = "id"'),
        (TABLE, "[5, 18]", "[]"),
        (TABLE, "[5, 18]", '["5"]'),
        (TABLE, "bounds = [5, 18]", "values = [1], bounds = [5]"),
        (TABLE, '["25-1", "25-2"]', "[]"),
        (TABLE, '["25-1", "25-2"]', "{}"),
        (TABLE, "first = 2", "first = 0"),
        (TABLE, '"25-1" }', "1.5 }"),
        (ROWS, '"largest"', '"last"'),
        (ROWS, '"largest"', '"first"'),
        (ROWS, 'weight = "homes", ', ""),
        (ROWS, 'child = "unit", ', ""),
        (ROWS, "[0.01, 1]", "[0, 1]"),
        (ROWS, "[0.01, 1]", "[0.01, 2]"),
        (ROWS, '"state", "area", "id"', '"total", "id"'),
        (ROWS, 'entity = "id"\n', ""),
        (ROWS, 'entity = "id"\n', 'entity = "id"\ndomain.A = [1]\n'),
    ],
)
def test_what_the_schema_refuses_is_a_fault(faults, here, text, old, new):
    assert text.count(old) == 1
    assert faults(text.replace(old, new))
    registry = Registry()
    registry.load_file(here / "plugin.py")
    validator = jsonschema.Draft202012Validator(json_schema(registry))
    assert not validator.is_valid(tomllib.loads((here / "a.toml").read_text()))


def test_what_the_readme_shows_of_the_data_can_be_read(load, here):
    """Each example of the README, completed where it shows a part, loads and reads."""
    people = "AREA,AGEP,RAC1P\n25-00503,4,1\n25-00703,70,\n"
    (here / "people.csv").write_text(people)
    listed = "leaid,state,year,eligible_children\n4801,Texas,2019,5\n3901,Ohio,2019,6\n"
    (here / "districts.csv").write_text(listed)
    (here / "school_district_to_county.csv").write_text(
        "leaid,county_fips\n4801,48001\n4801,48003\n"
    )
    blocks = re.findall(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    whole, tree, where = (
        next(block for block in blocks if f"\n{key}" in block)
        for key in ("table = [", "[data.parents]", "where = {")
    )
    found = data.read(load(PLUGIN + whole).data, here, Registry())
    assert (len(found), found.total) == (2 * 4 * 4, 2)
    assert "25-00503 | 5 to 17 | White" in found.entities
    rows = (
        '[data]\nfile = "districts.csv"\nstatus = "public"\nentity = "leaid"\n'
        'count = "eligible_children"\n'
    )
    found = data.read(load(PLUGIN + where.replace("[data]\n", rows)).data, here, Registry())
    assert found.entities == ("4801",)
    (here / "districts.csv").write_text(listed.replace("state", "usps"))
    found = data.read(load(PLUGIN + tree.replace("[data]\n", rows)).data, here, Registry())
    assert found.hierarchy.sizes == (1, 2, 2, 2)
