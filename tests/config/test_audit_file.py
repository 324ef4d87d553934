from __future__ import annotations

import re

import pytest

import dpaudit
from dpaudit import config
from dpaudit.registry import Registry

HEAD = """\
plugins = ["plugin.py"]
[data]
file = "d.csv"
status = "public"
entity = "id"
count = "children"
"""
RELEASE = """\
[[release]]
mechanism = { use = "laplace", epsilon = 1 }
neighbours = "add-remove"
"""
FULL = """\
title = "Everything"
plugins = ["plugin.py"]

[data]
file = "d.csv"
status = "confidential"
entity = "id"
count = "children"
label = "name"
groups = ["county", ["county", "size"], "size"]
classes.size = { column = "children", bounds = [50, 200] }

[run]
seed = 7
draws = 640
confidence = 0.9

[[release]]
mechanism = { use = "laplace", epsilon = [0.1, 1], delta = [0.0, 1e-6], weights = [1, 2] }
neighbours = "add-remove"
postprocess = [{ use = "round", way = "down" }]

[[release]]
mechanism = { use = "laplace", epsilon = 1 }
neighbours = "replace"

[[decision]]
use = "share"
weight = ["spending", 2]
output = [{ use = "round" }]

[[decision]]
use = "share"
name = "public share"
public = true

[[mitigation]]
use = "shrink"

[[audit]]
use = "bias"
fail_if = { over = 1000, for = "any group" }

[report]
organisation = "Office of Example Statistics"
formats = ["html"]
rows_per_table = 20
date = 2024-04-01
"""


def load(folder, text, registry=None):
    (folder / "a.toml").write_text(text)
    return dpaudit.load(folder / "a.toml", registry=registry or Registry())


def test_everything_is_read(folder):
    spec = load(folder, FULL)
    assert spec.title == "Everything"
    assert spec.text == FULL
    assert [release.name for release in spec.releases] == ["laplace", "laplace-2"]
    assert spec.releases[0].mechanism.parameters["epsilon"] == (0.1, 1.0)
    assert spec.releases[0].postprocess[0].parameters == {"way": "down"}
    assert [decision.name for decision in spec.decisions] == ["share", "public share"]
    assert spec.decisions[0].output[0].use == "round"
    assert spec.decisions[0].decision.parameters == {"weight": ("spending", 2.0)}
    assert spec.audits[0].fail_if.over == 1000.0
    assert spec.audits[0].fail_if.for_ == "any group"
    assert spec.data.groups == (("county",), ("county", "size"), ("size",))
    assert spec.data.classes["size"].bounds == (50.0, 200.0)
    assert spec.report.date == "2024-04-01"
    assert (spec.run.seed, spec.run.draws, spec.run.time_limit) == (7, 640, 600.0)


def test_defaults_fill_what_is_not_said(folder):
    spec = load(folder, HEAD + RELEASE)
    assert spec.title == "a"
    assert [decision.decision.use for decision in spec.decisions] == ["counts"]
    assert [audit.audit.use for audit in spec.audits] == ["bias"]
    assert spec.run.seed == 0


def test_a_spec_survives_json(folder):
    spec = load(folder, FULL)
    assert config.from_json(config.to_json(spec)) == spec
    with pytest.raises(dpaudit.SpecError, match="not a spec"):
        config.from_json("{}")
    with pytest.raises(dpaudit.SpecError, match="not a spec"):
        config.from_json("{")


def test_sweeps_expand_with_the_first_key_slowest(folder):
    registry = Registry()
    spec = load(folder, FULL, registry)
    use, cls = spec.releases[0].mechanism, registry.get("mechanism", "laplace")
    assert config.swept(use, cls) == ("epsilon", "delta")
    pairs = [(point["epsilon"], point["delta"]) for point in config.points(use, cls)]
    assert pairs == [(0.1, 0.0), (0.1, 1e-6), (1.0, 0.0), (1.0, 1e-6)]
    point = {**config.points(use, cls)[1], "neighbours": "replace"}
    made = config.make(registry, "mechanism", "laplace", point)
    assert (made.epsilon, made.weights, made.neighbours) == (0.1, (1.0, 2.0), "replace")
    way = config.make(registry, "postprocessor", "round", {"way": "down"}).way
    assert way.value == "down"


def test_all_faults_come_in_one_error_in_the_order_of_the_file(folder):
    text = HEAD.replace('"id"', '"idd"') + "encodng = 1\n" + RELEASE.replace("= 1 ", "= -1 ")
    with pytest.raises(dpaudit.SpecError) as caught:
        load(folder, text)
    places = re.findall(r"a\.toml:(\d+):(\d+): ", str(caught.value))
    assert places == [("5", "1"), ("7", "1"), ("9", "32")]
    assert str(caught.value).count("^") > 3


def test_a_missing_audit_file_is_a_spec_error(folder):
    with pytest.raises(dpaudit.SpecError, match="no such file"):
        dpaudit.load(folder / "b.toml", registry=Registry())


def test_a_broken_plug_in_stops_only_the_audit_that_names_it(folder, monkeypatch):
    info = folder / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dpaudit]\ngrants = acme_broken\n")
    (folder / "acme_broken.py").write_text("import nowhere_at_all\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("DPAUDIT_LOAD_PLUGINS", "grants")
    registry = Registry.discover()
    assert [plugin.name for plugin in registry.broken] == ["grants"]
    assert load(folder, HEAD + RELEASE, registry).decisions[0].name == "counts"
    named = HEAD + RELEASE + '[[decision]]\nuse = "grants"\n'
    with pytest.raises(dpaudit.PluginError, match="nowhere_at_all") as caught:
        load(folder, named, registry)
    assert caught.match("a.toml:11:1: ")
    with pytest.raises(dpaudit.SpecError, match="nowhere_at_all"):
        load(folder, named + "wrong = 1\n[run]\ndraws = 0\n", registry)


def test_a_plug_in_file_that_fails_is_reported_once(folder):
    with (folder / "plugin.py").open("a") as file:
        file.write("\n1 / 0\n")
    with pytest.raises(dpaudit.PluginError, match="ZeroDivisionError") as caught:
        load(folder, HEAD + RELEASE)
    assert str(caught.value).startswith(f"{folder / 'a.toml'}:1:12: ")
    assert "no mechanism" not in str(caught.value)


def test_what_things_are_called_is_no_column(folder):
    spec = load(folder, HEAD + 'noun = "county"\ncounted = "households"\n' + RELEASE).data
    assert (spec.noun, spec.counted) == ("county", "households")


EARLIER = RELEASE + 'earlier = [{ what = "2010", epsilon = 0.5 }, { what = "2000", rho = 0.1 }]\n'


def test_earlier_releases_have_a_budget(folder):
    first, second = load(folder, HEAD + EARLIER).releases[0].earlier
    assert (first.what, first.epsilon, first.rho) == ("2010", 0.5, None)
    assert (second.what, second.epsilon, second.rho) == ("2000", None, 0.1)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('{ what = "2010" }', "'2010' needs one budget"),
        ('{ what = "2010", epsilon = 1, rho = 1 }', "'2010' needs one budget"),
        ("{ epsilon = 1 }", "the key 'what' is missing"),
        ('{ what = "2010", epsilon = -1 }', "-1.0 is not a positive budget"),
        ('{ what = "2010", epsilon = 1, delta = 1 }', r"1.0 is not in \[0, 1\)"),
        ('{ what = "2010", epsilon = 1, when = 2010 }', "unknown key 'when'"),
    ],
)
def test_an_earlier_release_with_a_fault(folder, table, message):
    with pytest.raises(dpaudit.SpecError, match=message):
        load(folder, HEAD + RELEASE + f"earlier = [{table}]\n")
