from __future__ import annotations

import re

import pytest

import dpaudit
from dpaudit import config
from dpaudit.registry import Registry

PLUGINS = '''\
"""Plug-ins for the tests of the audit file."""
import enum
from typing import Literal

import attrs
import dpaudit

class Way(enum.Enum):
    NEAR = "near"
    DOWN = "down"

@attrs.frozen(kw_only=True)
class Laplace(dpaudit.Mechanism):
    """Laplace."""

    name = "laplace"
    epsilon: float = attrs.field(validator=attrs.validators.gt(0))
    delta: float = attrs.field(default=0.0, validator=[attrs.validators.ge(0), attrs.validators.lt(1)])
    weights: tuple[float, ...] = ()

    def __attrs_post_init__(self):
        if self.delta and self.epsilon > 10:
            raise ValueError("delta and an epsilon above 10 make no sense together")

    def release(self, counts, rng):
        return counts

    def privacy(self):
        return dpaudit.Guarantee(neighbours=self.neighbours, epsilon=self.epsilon)

@attrs.frozen(kw_only=True)
class Bias(dpaudit.Audit):
    """Bias."""

    name = "bias"

    def measure(self, subject, rng):
        return ()

@dpaudit.hookimpl
def dpaudit_mechanisms():
    return [Laplace]

@dpaudit.hookimpl
def dpaudit_audits():
    return [Bias]

@dpaudit.audit()
def spread(subject, rng):
    return []

@dpaudit.postprocessor(name="round")
def round_(release, *, base: int = 1, way: Way = Way.NEAR, ties: Literal["even", "up"] = "even"):
    return release

@dpaudit.decision()
def counts(counts):
    return counts

@dpaudit.decision(unit="dollars")
def share(counts, *, weight: dpaudit.Column | float = 1.0, total: dpaudit.Total | None = None,
          public: bool = False):
    return counts

@dpaudit.mitigation()
def shrink(subject, *, by: float = 0.5):
    return subject
'''
DATA = "id,name,county,children,spending\n01,A,X,10,1.5\n02,B,Y,300,2\n"
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


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DPAUDIT_LOAD_PLUGINS", "")
    (tmp_path / "plugin.py").write_text(PLUGINS)
    (tmp_path / "d.csv").write_text(DATA)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def faults(folder):
    def found(text):
        (folder / "a.toml").write_text(text)
        return config.check("a.toml", Registry())

    return found


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


CASES = {
    "unknown key": (
        HEAD + RELEASE + "colour = 1\n",
        [("10:1", "unknown key 'colour'", "known keys: mechanism, name, neighbours, postprocess")],
    ),
    "misspelt table": (
        HEAD + RELEASE + "[[decison]]\nuse = 'counts'\n",
        [("10:3", "unknown key 'decison'", "did you mean 'decision'?")],
    ),
    "no status": (
        HEAD.replace('status = "public"\n', "") + RELEASE,
        [("2:2", "the key 'status' is missing", '"confidential"')],
    ),
    "wrong status": (
        HEAD.replace('"public"', '"pubic"') + RELEASE,
        [("4:1", 'expected "public" or "confidential", not text \'pubic\'', "did you mean 'public'")],
    ),
    "no neighbours": (
        HEAD + RELEASE.replace('neighbours = "add-remove"\n', ""),
        [("7:3", "the key 'neighbours' is missing", "one person's record changed")],
    ),
    "neighbours in the mechanism": (
        HEAD + RELEASE.replace("epsilon = 1", 'epsilon = 1, neighbours = "replace"'),
        [("8:45", "'neighbours' belongs to the release", "under [[release]]")],
    ),
    "unknown plug-in in an inline table": (
        HEAD + RELEASE.replace("laplace", "laplac"),
        [("8:15", "no mechanism is named 'laplac'", "did you mean 'laplace'?")],
    ),
    "plug-in of another kind": (
        HEAD + RELEASE.replace("laplace", "round"),
        [("8:15", "no mechanism is named 'round'", "'round' is a postprocessor")],
    ),
    "out of range": (
        HEAD + RELEASE.replace("= 1 ", "= -1 "),
        [("8:32", "'epsilon' must be > 0: -1", "")],
    ),
    "one value of a sweep is out of range": (
        HEAD + RELEASE.replace("= 1 ", "= [1, 0, true, 2] "),
        [
            ("8:46", "'epsilon' must be > 0: 0", ""),
            ("8:49", "expected a number, not true", ""),
        ],
    ),
    "an empty sweep": (
        HEAD + RELEASE.replace("= 1 ", "= [] "),
        [("8:32", "the sweep over 'epsilon' is empty", "list the values")],
    ),
    "a sweep that repeats itself": (
        HEAD + RELEASE.replace("= 1 ", "= [1, 1.0] "),
        [("8:46", "1.0 stands twice", "remove")],
    ),
    "a missing parameter": (
        HEAD + RELEASE.replace(", epsilon = 1", ""),
        [("8:1", "the parameter 'epsilon' is missing", "add epsilon = ... (a number)")],
    ),
    "an unknown parameter": (
        HEAD + RELEASE.replace("epsilon", "epsilonn"),
        [
            ("8:1", "the parameter 'epsilon' is missing", ""),
            ("8:32", "unknown parameter 'epsilonn'", "did you mean 'epsilon'?"),
        ],
    ),
    "wrong type": (
        HEAD + RELEASE.replace("= 1 ", '= "1" '),
        [("8:32", "expected a number, not text '1'", "")],
    ),
    "wrong element of a list": (
        HEAD + RELEASE.replace("= 1 ", '= 1, weights = [1, "x"] '),
        [("8:59", "expected a number, not text 'x'", "")],
    ),
    "parameters that do not go together": (
        HEAD + RELEASE.replace("= 1 ", "= [1, 20], delta = 0.1 "),
        [("8:15", "delta and an epsilon above 10 make no sense together", "")],
    ),
    "not a table": (
        HEAD + RELEASE + 'postprocess = ["round"]\n',
        [("10:16", "expected a table, not text 'round'", 'write { use = "round" }')],
    ),
    "one table where a list is wanted": (
        HEAD + RELEASE.replace("[[release]]", "[release]"),
        [("7:2", "expected a list of tables", "write [[release]], with two brackets")],
    ),
    "use is missing": (
        HEAD + RELEASE + "postprocess = [{ base = 2 }]\n",
        [("10:16", "this postprocessor does not say which plug-in it is", "add use = ")],
    ),
    "whole numbers, choices and enums": (
        HEAD + RELEASE + 'postprocess = [{ use = "round", base = 1.5, way = "up", ties = "evn" }]\n',
        [
            ("10:33", "expected a whole number, not a number 1.5", ""),
            ("10:45", 'expected "near" or "down", not text \'up\'', ""),
            ("10:57", 'expected "even" or "up", not text \'evn\'', "did you mean 'even'?"),
        ],
    ),
    "columns that are not there": (
        HEAD.replace('"id"', '"idd"')
        + 'groups = ["conty", ["name", "nme"]]\n'
        + RELEASE
        + '[[decision]]\nuse = "share"\nweight = ["spendin", 1]\n',
        [
            ("5:1", "the data have no column 'idd'", "did you mean 'id'?"),
            ("7:11", "the data have no column 'conty'", "did you mean 'county'?"),
            ("7:29", "the data have no column 'nme'", "did you mean 'name'?"),
            ("13:11", "no column 'spendin' (for the parameter 'weight')", "'spending'"),
        ],
    ),
    "data that are not there": (
        HEAD.replace("d.csv", "dd.csv") + RELEASE,
        [("3:1", "dd.csv: no such file", "did you mean 'd.csv'?")],
    ),
    "classes": (
        HEAD
        + "classes.size = { column = 'children', bounds = [5, 5] }\n"
        + "classes.name = { colum = 'children', bounds = [] }\n"
        + RELEASE,
        [
            ("7:39", "'bounds' must ascend: [5.0, 5.0]", ""),
            ("8:9", "the key 'column' is missing", ""),
            ("8:9", "'name' is a column of the data already", ""),
            ("8:18", "unknown key 'colum'", "did you mean 'column'?"),
            ("8:38", "'bounds' is empty", ""),
        ],
    ),
    "groups": (
        HEAD + 'groups = ["county", 3, ["name", "name"], "county"]\n' + RELEASE,
        [
            ("7:21", "expected a column name or a list of them", ""),
            ("7:24", "names a column twice", ""),
            ("7:42", "the grouping 'county' stands twice", ""),
        ],
    ),
    "encoding": (
        HEAD + 'encoding = "latin-99"\n' + RELEASE,
        [("7:1", "'latin-99' is no text encoding that Python knows", "")],
    ),
    "run": (
        HEAD + RELEASE + "[run]\nseed = -1\ndraws = true\nconfidence = 95\ntime_limit = 0\n",
        [
            ("11:1", "'seed' must be from 0 to", ""),
            ("12:1", "expected a whole number, not true", ""),
            ("13:1", "'confidence' must be between 0 and 1: 95.0", ""),
            ("14:1", "'time_limit' must be > 0 seconds: 0.0", ""),
        ],
    ),
    "report": (
        HEAD + RELEASE + '[report]\nformats = ["html", "doc"]\nlanguage = "fr"\n'
        'sections = ["findins"]\nrows_per_table = 501\ndate = "1 April"\n',
        [
            ("11:20", 'expected "html" or "pdf" or "json", not text \'doc\'', ""),
            ("12:1", "expected \"en\", not text 'fr'", ""),
            ("13:13", "no section is named 'findins'", "did you mean 'findings'?"),
            ("14:1", "'rows_per_table' must be from 1 to 500: 501", ""),
            ("15:1", "1 April is not a date", "write date = 2024-04-01"),
        ],
    ),
    "names": (
        HEAD
        + 'groups = []\n[[release]]\nname = "a"\n'
        + RELEASE.removeprefix("[[release]]\n")
        + '[[release]]\nname = "a"\n'
        + RELEASE.removeprefix("[[release]]\n")
        + '[[decision]]\nuse = "share"\n[[decision]]\nuse = "share"\n'
        + '[[mitigation]]\nuse = "shrink"\nname = " "\n',
        [
            ("13:1", "two releases are named 'a'", "rename one of them"),
            ("19:1", "two decisions are named 'share'", 'add name = "..."'),
            ("22:1", "the name is empty", ""),
        ],
    ),
    "fail_if": (
        HEAD + RELEASE + '[[audit]]\nuse = "bias"\nfail_if = { over = "x", for = "any", at = 1 }\n',
        [
            ("12:13", "expected a number, not text 'x'", ""),
            ("12:25", 'expected "any entity" or "any group" or "total"', ""),
            ("12:38", "unknown key 'at'", ""),
        ],
    ),
    "plug-in file that is not there": (
        HEAD.replace("plugin.py", "plugins.py") + RELEASE,
        [("1:12", "plugins.py: no such plug-in file", "plugin.py")],
    ),
    "invalid TOML": (HEAD + "x = = 1\n", [("7:5", "not valid TOML", "")]),
}


@pytest.mark.parametrize("case", CASES)
def test_each_fault_has_its_place_and_its_hint(faults, case):
    text, wanted = CASES[case]
    found = faults(text)
    assert [f"{one.line}:{one.column}" for one in found] == [place for place, *_ in wanted]
    for problem, (place, message, hint) in zip(found, wanted, strict=True):
        assert message in problem.message
        assert hint in (problem.hint or "")
        assert str(problem).startswith(f"a.toml:{place}: ")


def test_faults_of_the_whole_file_name_the_file(faults):
    found = [str(problem).split("\n")[0] for problem in faults('plugins = ["plugin.py"]\n')]
    assert found == [
        "a.toml: the table [data] is missing",
        "a.toml: the file has no [[release]]: nothing to audit",
    ]


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
    (info / "entry_points.txt").write_text("[dpaudit]\ntitle-i = acme_broken\n")
    (folder / "acme_broken.py").write_text("import nowhere_at_all\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("DPAUDIT_LOAD_PLUGINS", "title-i")
    registry = Registry.discover()
    assert [plugin.name for plugin in registry.broken] == ["title-i"]
    assert load(folder, HEAD + RELEASE, registry).decisions[0].name == "counts"
    named = HEAD + RELEASE + '[[decision]]\nuse = "title-i"\n'
    with pytest.raises(dpaudit.PluginError, match="nowhere_at_all") as caught:
        load(folder, named, registry)
    assert caught.match("a.toml:11:1: ")
    with pytest.raises(dpaudit.SpecError, match="nowhere_at_all"):
        load(folder, named + "wrong = 1\n[run]\ndraws = 0\n", registry)


def test_a_plug_in_file_that_fails_is_reported_once(folder):
    (folder / "plugin.py").write_text(PLUGINS + "\n1 / 0\n")
    with pytest.raises(dpaudit.PluginError, match="ZeroDivisionError") as caught:
        load(folder, HEAD + RELEASE)
    assert str(caught.value).startswith(f"{folder / 'a.toml'}:1:12: ")
    assert "no mechanism" not in str(caught.value)
