"""Claims are read, measured and judged by the rules that stand in the file, and nothing else."""

from __future__ import annotations

import json

import attrs
import pytest

import dpaudit
from dpaudit.cli.main import run
from dpaudit_plugins.commands._claims import Claim, Equal, read_families
from dpaudit_plugins.commands._numbers import Number, computed
from dpaudit_plugins.commands._verdicts import broken, judged, last_digit, unequal
from dpaudit_plugins.commands._writing import figure, shown

AUDIT = """
title = "Three places"
[data]
file = "places.csv"
status = "public"
entity = "place"
count = "people"
[run]
draws = 64
[[release]]
name = "noisy"
mechanism = { use = "laplace", epsilon = [0.1, 1.0] }
neighbours = "add-remove"
[[decision]]
use = "counts"
[[audit]]
use = "alpha-fairness"
[[audit]]
use = "variance"
"""

RESULT = """
number = 1
title = "Noise: how much"
about = "About noise."
[audits]
places = { file = "audit.toml", fast = { draws = 64 } }
[numbers]
alpha = { audit = "places", at = { epsilon = 0.1 }, quantity = "alpha-fairness", over = "entity" }
wide = { audit = "places", at = { epsilon = 0.1 }, quantity = "variance", over = "entity", pick = "a" }
narrow = { audit = "places", at = { epsilon = 1.0 }, quantity = "variance", over = "entity", pick = "max" }
ratio = "wide / narrow"
[[claim]]
id = "fair"
what = "Unbiased counts are fair"
source = "Book 1"
paper = "0"
ours = "alpha"
equals = [{ number = "alpha", value = "0" }]
[[claim]]
id = "size"
what = "The variance is 201"
source = "Book 2"
paper = "201"
ours = ["wide", "narrow"]
equals = [{ number = "wide", value = "201" }]
holds = ["ratio > 99"]
because = "it is 200"
[[claim]]
id = "wrong"
what = "More privacy, less noise"
source = "Book 3"
paper = "less noise"
kind = "pattern"
holds = "wide < narrow"
because = "it is the other way round"
[[figure]]
kind = "sweep"
title = "Noise grows"
subtitle = "Variance"
across = "epsilon"
along = "variance"
unit = "persons"
lines = [{ name = "a", audit = "places", quantity = "variance", over = "entity", pick = "a", along = "epsilon" }]
[[figure]]
kind = "dots"
title = "Noise is everywhere"
subtitle = "Variance"
along = "variance"
unit = "persons"
lines = [{ audit = "places", at = { epsilon = 1.0 }, quantity = "variance", over = "entity" }]
[[figure]]
kind = "cloud"
title = "Noise does not depend on size"
subtitle = "Variance"
across = "people"
along = "variance"
unit = "persons"
lines = [{ name = "places", x = { audit = "places", at = { epsilon = 1.0 }, quantity = "truth" }, y = { audit = "places", at = { epsilon = 1.0 }, quantity = "variance", over = "entity" } }]
[[figure]]
kind = "diagram"
title = "Noise hides"
subtitle = "How"
boxes = [{ key = "a", lines = ["noise"], column = 0, row = 0 }, { key = "b", lines = ["privacy"], column = 1, row = 1 }]
arrows = [["a", "b"]]
"""  # noqa: E501

PAPERS = """
title = "One book, measured"
summary = "A book on noise."
[sources]
Book = "A book."
[[left_out]]
what = "The rest"
why = "It says nothing."
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "noise").mkdir()
    (tmp_path / "papers.toml").write_text(PAPERS)
    (tmp_path / "noise" / "result.toml").write_text(RESULT)
    (tmp_path / "noise" / "audit.toml").write_text(AUDIT)
    (tmp_path / "noise" / "places.csv").write_text("place,people\na,10\nb,20\nc,300\n")
    return tmp_path


def number(value, low=None, high=None, **rest):
    estimate = dpaudit.Estimate.exact(value)
    if low is not None:
        estimate = dpaudit.Estimate(value=value, low=low, high=high, level=0.95, method="simulated",
                                    draws=9)  # fmt: skip
    return Number(estimate=estimate, unit=rest.get("unit", ""))


@pytest.mark.slow
def test_a_folder_of_results_is_measured_and_written(folder, capsys):
    command = ["reproduce", "--results", str(folder), "-o", str(folder / "out"), "--no-cache"]
    assert run([*command, "--fast", "all"]) == 0
    told = capsys.readouterr().out
    assert "not reproduced, because it is the other way round" in told
    verdicts = json.loads((folder / "out" / "verdicts.json").read_text())["noise"]
    assert {key: each["verdict"] for key, each in verdicts.items()} == {
        "fair": "reproduced",
        "size": "pattern reproduced",
        "wrong": "not reproduced",
    }
    assert verdicts["size"]["here"] == {"wide": "200 (exact)", "narrow": "2 (exact)"}
    page = (folder / "out" / "papers.html").read_text()
    assert (folder / "out" / "papers.pdf").read_bytes().startswith(b"%PDF")
    for wanted in ("Noise grows", "It is 200.", "The rest", "A book.", "noise/audit.toml"):
        assert wanted in page
    assert page.count("<svg") == 4
    first = (folder / "out" / "papers.pdf").read_bytes()
    assert run([*command, "--fast", "-q", "noise"]) == 0
    assert (folder / "out" / "papers.pdf").read_bytes() == first


def test_one_document_for_programs(folder, capsys):
    out = str(folder / "out")
    assert (
        run(
            ["reproduce", "--results", str(folder), "-o", out, "--no-cache", "--json", "-f", "html"]
        )
        == 0
    )
    assert set(json.loads(capsys.readouterr().out)["noise"]) == {"fair", "size", "wrong"}


def test_an_audit_is_varied_over_the_rows_of_its_data(folder):
    from dpaudit_plugins.commands.reproduce import reproduce

    path = folder / "noise" / "result.toml"
    path.write_text(path.read_text().replace(
        'fast = { draws = 64 } }', 'vary = { place = [["a", "b"], "c"] } }').replace(
        'audit = "places"', 'audit = "places c"').split("[[figure]]")[0])  # fmt: skip
    with pytest.raises(dpaudit.DpauditError):  # a list is no value of a cell
        reproduce(read_families(folder), fast=True, workers=1, cache=None, say=lambda _: None)
    path.write_text(path.read_text().replace('[["a", "b"], "c"]', '["b", "c"]').replace(
        'pick = "a"', 'pick = "c"'))  # fmt: skip
    one = reproduce(read_families(folder), fast=True, workers=1, cache=None, say=lambda _: None)[0]
    assert set(one.results) == {"places b", "places c"}
    assert one.results["places c"].data.entities == ("c",)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('ours = "alpha"', 'ours = "beta"', "names a number 'beta'"),
        ('id = "size"', 'id = "fair"', "two claims are called 'fair'"),
        ('kind = "pattern"', 'kind = "feeling"', "feeling"),
        ("because = ", "excuse = ", "excuse"),
        ("number = 1", "number = ", "result.toml"),
        ('quantity = "alpha-fairness"', 'quantity = "beauty"', "0 measurements of 'beauty'"),
        ('pick = "max"', 'pick = "z"', "no entry 'z'"),
        (', pick = "max"', "", "3 numbers where one is wanted"),
        ('"wide / narrow"', '"wide ** narrow"', "cannot be computed"),
        ('"wide / narrow"', '"wide / far"', "names 'far'"),
        ('holds = "wide < narrow"', 'holds = "wide"', "compares nothing"),
        ('holds = "wide < narrow"', "", "tests nothing"),
        ('file = "audit.toml"', 'file = "other.toml"', "other.toml"),
    ],
)
def test_a_fault_says_where_it_is(folder, old, new, told, capsys):
    path = folder / "noise" / "result.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert run(["reproduce", "--results", str(folder), "-o", str(folder), "--no-cache"]) == 2
    assert told in capsys.readouterr().err


def test_what_is_not_there_is_said(folder, capsys):
    assert run(["reproduce", "--results", str(folder), "nose"]) == 2
    assert "there are noise" in capsys.readouterr().err
    assert run(["reproduce", "--results", str(folder / "noise")]) == 2
    assert "name the folder with --results" in capsys.readouterr().err


def test_the_rule_decides():
    claim = Claim(id="x", what="", source="", paper="", equals=(Equal(number="a", value="0.091"),),
                  holds="a > b")  # fmt: skip
    near, far = number(0.0914), number(0.02)
    assert judged(claim, {"a": near, "b": far}).verdict == "reproduced"
    assert judged(claim, {"a": number(0.095), "b": far}).verdict == "pattern reproduced"
    assert judged(claim, {"a": far, "b": near}).verdict == "not reproduced"
    alone = attrs.evolve(claim, holds=())
    assert judged(alone, {"a": number(0.095)}).verdict == "not reproduced"
    pattern = attrs.evolve(claim, equals=(), kind="pattern")
    assert judged(pattern, {"a": near, "b": far}).verdict == "pattern reproduced"
    statement = attrs.evolve(claim, equals=(), kind="statement")
    assert judged(statement, {"a": near, "b": far}).verdict == "reproduced"
    assert judged(statement, {"a": far, "b": far}).said.startswith("not reproduced, because a > b")


def test_intervals_that_touch_decide_nothing():
    numbers = {"a": number(2.0, 1.0, 3.0), "b": number(0.0, -1.0, 1.5), "c": number(0.0, -2.0, 0.5)}
    assert "cannot be told" in broken("a > b", numbers)
    assert not broken("a > c", numbers)
    assert "is not so" in broken("c > a", numbers)
    assert not broken("a ~ b", numbers)
    assert "is not so" in broken("a ~ c", numbers)
    assert not broken("-3 < c < a", numbers)


def test_figures_agree_to_their_last_digit():
    assert last_digit("3.00e-7") == pytest.approx(0.005e-7)
    assert last_digit("42000") == 0.5
    assert last_digit("0.0910") == pytest.approx(0.00005)
    with pytest.raises(dpaudit.DataError, match="no number"):
        last_digit("about 3")
    assert not unequal(Equal(number="a", value="186.67"), {"a": number(186.6666)})
    assert unequal(Equal(number="a", value="200.01"), {"a": number(199.21)})
    assert not unequal(Equal(number="a", value="200.01", within=1), {"a": number(199.21)})
    assert not unequal(Equal(number="a", value="5"), {"a": number(4.0, 3.0, 4.6)})


def test_an_expression_keeps_what_its_parts_allow():
    parts = {"a": number(2.0, 1.0, 3.0), "b": number(4.0, 4.0, 5.0), "c": number(0.0, -1.0, 1.0)}
    made = computed("abs(-a) * b - 1", parts).estimate
    assert (float(made.value), float(made.low), float(made.high)) == (7.0, 3.0, 14.0)
    assert made.level == pytest.approx(0.9)
    assert made.method == "simulated"
    with pytest.raises(dpaudit.DataError, match="interval holds 0"):
        computed("a / c", parts)
    for wrong in ("a.value", "__import__('os')", "a if b else c", "a +"):
        with pytest.raises(dpaudit.DataError):
            computed(wrong, parts)


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (2.669e-7, "", "2.669e\u22127"),
        (-43_476.8, "dollars", "\u2212$43,480"),
        (199.2126, "", "199.2"),
        (0.0, "", "0"),
        (1.0, "", "1"),
        (1_234_567.0, "", "1,235,000"),
        (0.00973, "", "0.00973"),
    ],
)
def test_figures_are_printed_as_papers_do(value, unit, told):
    assert figure(value, unit) == told


def test_a_number_says_how_it_was_made():
    assert shown(number(0.5)) == "0.5 (exact)"
    assert shown(number(0.5123, 0.4871, 0.5402)) == "0.512 (0.487 to 0.54, simulated)"
