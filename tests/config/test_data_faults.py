"""Every fault of ``[data]`` has its place in the file and its hint."""

from __future__ import annotations

import pytest

from dpaudit.config.domain_table import MOST_CELLS

HEAD = """\
plugins = ["plugin.py"]
[data]
file = "p.csv"
status = "public"
"""
CASES = {
    "where": (
        HEAD.replace("p.csv", "d.csv")
        + 'entity = "id"\ncount = "children"\n'
        + 'where = { conty = "X", county = 1.5, name = [], id = ["1", 1] }\n',
        [
            ("7:11", "no column 'conty' (for the filter)", "did you mean 'county'?"),
            ("7:24", "expected text or a whole number, not a number 1.5", "as the file has it"),
            ("7:38", "the list is empty", "list the values"),
            ("7:60", "'1' stands twice", "remove one of them"),
        ],
    ),
    "a domain is never taken from the data": (
        HEAD + 'table = ["AREA", "AGE"]\n',
        [
            ("5:10", "the domain of 'AREA' is missing", 'the data have AREA = ["25-1", "25-2"]'),
            ("5:18", "the domain of 'AGE' is missing", 'AGE = { column = "..."'),
        ],
    ),
    "keys that a table does not have": (
        HEAD + 'entity = "id"\ncount = "n"\nlabel = "x"\nweight = "w"\ntable = ["AREA"]\n'
        'domain.AREA = ["25-1"]\nparents = { file = "q.csv", child = "unit", parent = "fips", '
        'level = "county" }\n',
        [
            ("5:1", "the entities of a table are its cells", "remove 'entity'"),
            ("6:1", "the counts of a table are persons", "remove 'count'"),
            ("7:1", "called by the labels", "remove 'label'"),
            ("8:1", "weighted tables are not supported", "remove 'weight'"),
            ("11:1", "no parents in another file", "levels = [...]"),
        ],
    ),
    "attributes": (
        HEAD
        + 'table = ["AREA", "AREA", "count", "B"]\n[data.domain]\nAREA = [1, 1.5, 1]\n'
        + "count = [1]\nB = 3\nRAC = [1]\n",
        [
            ("5:18", "the attribute 'AREA' stands twice", "remove"),
            ("5:26", "the name 'count' is taken", 'column = "..."'),
            ("7:12", "expected text or a whole number", ""),
            ("7:17", "'1' stands twice", ""),
            ("8:1", "no column 'count' (for the attribute 'count')", ""),
            ("9:1", "expected a table, not a whole number 3", "write B = { ... }"),
            ("9:1", "no column 'B' (for the attribute 'B')", ""),
            ("10:1", "the table has no attribute 'RAC'", "attributes:"),
            ("10:1", "no column 'RAC' (for the attribute 'RAC')", ""),
        ],
    ),
    "bins and labels": (
        HEAD
        + 'table = ["A", "B", "C", "D", "E"]\n[data.domain]\n'
        + 'A = { column = "AGEP", bounds = [5, 5] }\n'
        + 'B = { column = "AGEP", bounds = [5], labels = ["x", "y", "z"] }\n'
        + 'C = { column = "AGEP", bounds = [5], labels = ["x", "x"] }\n'
        + 'D = { column = "AGEP" }\n'
        + 'E = { column = "AGE", values = { "1" = "a | b", "2" = 1.5, "3" = " " } }\n',
        [
            ("7:24", "'bounds' must ascend", ""),
            ("8:38", "3 labels for the bounds [5.0]", "one first for what is below"),
            ("9:38", "two bins have one label", "of its own"),
            ("10:1", "needs 'bounds' or 'values', not both", "add bounds"),
            ("11:1", "the label 'a | b' contains ' | '", "without"),
            ("11:1", "the name is empty", "that a report can print"),
            ("11:7", "no column 'AGE' (for the attribute 'E')", "did you mean 'AGEP'?"),
            ("11:49", "expected text or a whole number", ""),
        ],
    ),
    "an unknown key of an attribute": (
        HEAD + 'table = ["AREA"]\ndomain.AREA = { valeus = [1], values = "x" }\n',
        [
            ("6:17", "unknown key 'valeus'", "did you mean 'values'?"),
            ("6:31", "expected a table or a list, not text 'x'", 'values = { "1" = "White"'),
        ],
    ),
    "an empty table": (
        HEAD + "table = []\n",
        [("5:1", "'table' is empty", "")],
    ),
    "a domain without a table": (
        HEAD.replace("p.csv", "d.csv") + 'entity = "id"\ncount = "children"\ndomain.id = ["01"]\n',
        [("7:1", "a domain belongs to a table", 'add table = ["..."]')],
    ),
    "columns of a table are its attributes": (
        HEAD + 'table = ["AREA"]\ngroups = ["AGEP"]\nlevels = ["ARE"]\n'
        'domain.AREA = ["25-1", "25-2"]\nclasses.s = { column = "cout", bounds = [1] }\n'
        'classes.AREA = { column = "count", bounds = [1] }\n',
        [
            ("6:11", "the table has no attribute 'AGEP' (for a grouping)", "attributes:"),
            ("7:11", "the table has no attribute 'ARE' (for a level)", "did you mean 'AREA'?"),
            ("9:15", "the table has no attribute 'cout'", "did you mean 'count'?"),
            ("10:9", "'AREA' is a column of the data already", "another name"),
        ],
    ),
    "levels": (
        HEAD.replace("p.csv", "d.csv")
        + 'entity = "id"\ncount = "children"\nlevels = ["id", "conty", "total", "conty"]\n',
        [
            ("7:11", "'id' are the entities", "from the coarsest"),
            ("7:17", "no column 'conty' (for a level)", "did you mean 'county'?"),
            ("7:26", "'total' is the root of every tree", "leave it out"),
            ("7:35", "the level 'conty' stands twice", "remove one"),
        ],
    ),
    "labels made of counts": (
        HEAD.replace("p.csv", "d.csv")
        + 'entity = "id"\ncount = "children"\nlabel = "children"\nlevels = ["county", "children"]\n'
        + 'groups = ["children", ["county", "children"]]\n'
        + 'derived.d = { column = "children", first = 1 }\n'
        + 'classes.s = { column = "children", share_of = "children", bounds = [1] }\n',
        [
            (
                "7:1",
                "'children' are the true counts, which are no labels (for 'label')",
                "[data.cl",
            ),
            ("8:21", "no labels (for a level)", "[data.classes]"),
            ("9:11", "no labels (for a grouping)", "[data.classes]"),
            ("9:34", "no labels (for a grouping)", "[data.classes]"),
            ("10:15", "no labels (for the column 'd')", "[data.classes]"),
            ("11:36", "no labels (for the classes 's')", "[data.classes]"),
        ],
    ),
    "labels made of further counts": (
        HEAD.replace("p.csv", "d.csv")
        + 'entity = "id"\ncount = "children"\nalso_counted = ["spending"]\ngroups = ["spending"]\n',
        [("8:11", "'spending' are the true counts, which are no labels (for a grouping)", "")],
    ),
    "labels made of the counts of a table": (
        HEAD
        + 'table = ["AREA"]\nlevels = ["count"]\ngroups = ["d"]\n'
        + 'derived.d = { column = "count", first = 1 }\ndomain.AREA = ["25-1", "25-2"]\n',
        [
            ("6:11", "'count' are the true counts, which are no labels (for a level)", "by size"),
            ("8:15", "no labels (for the column 'd')", "by size"),
        ],
    ),
    "no levels": (
        HEAD.replace("p.csv", "d.csv") + 'entity = "id"\ncount = "children"\nlevels = []\n',
        [("7:1", "'levels' is empty", "")],
    ),
    "parents": (
        HEAD.replace("p.csv", "d.csv")
        + 'entity = "id"\ncount = "children"\n[data.parents]\nfile = "q.csv"\nchild = "unt"\n'
        + 'parent = "fips"\nlevel = "county"\nassign = "largest"\nother = ""\n',
        [
            ("9:1", "q.csv has no column 'unt' (for 'child')", "did you mean 'unit'?"),
            ("11:1", "'county' is a column of the data already", "give the level another name"),
            ("12:1", "the largest needs a weight", 'add weight = "..."'),
            ("13:1", "the name is empty", ""),
        ],
    ),
    "parents in a file that is not there": (
        HEAD.replace("p.csv", "d.csv")
        + 'entity = "id"\ncount = "children"\n[data.parents]\nfile = "qq.csv"\nchild = "unit"\n'
        + 'level = "id"\nweight = "homes"\n',
        [
            ("7:7", "the key 'parent' is missing", 'add parent = "..."'),
            ("8:1", "qq.csv: no such file", "did you mean 'q.csv'?"),
            ("10:1", "the name 'id' is taken in every tree", "choose another"),
            ("11:1", "nothing compares this weight", 'add assign = "largest"'),
        ],
    ),
    "derived columns": (
        HEAD.replace("p.csv", "d.csv")
        + 'entity = "id"\ncount = "children"\n[data.derived]\n'
        + 'county = { column = "name", first = 1 }\n'
        + 's = { column = "conty", first = 0 }\nt = { first = 1.5 }\n',
        [
            ("8:1", "'county' is a column of the data already", "the derived column"),
            ("9:7", "no column 'conty' (for the column 's')", "did you mean 'county'?"),
            ("9:25", "'first' must be 1 or more: 0", ""),
            ("10:1", "the key 'column' is missing", ""),
            ("10:7", "expected a whole number, not a number 1.5", ""),
        ],
    ),
    "columns derived from one another": (
        HEAD.replace("p.csv", "d.csv")
        + 'entity = "id"\ncount = "children"\ngroups = ["x", "u"]\n[data.derived]\n'
        + 'x = { column = "y", first = 1 }\ny = { column = "county", first = 1 }\n'
        + 'u = { column = "v", first = 1 }\nv = { column = "u", first = 1 }\n',
        [
            ("7:16", "the data have no column 'u' (for a grouping)", "columns:"),
            ("11:7", "the data have no column 'v' (for the column 'u')", "columns:"),
            ("12:7", "the data have no column 'u' (for the column 'v')", "columns:"),
        ],
    ),
    "shares": (
        HEAD.replace("p.csv", "d.csv")
        + 'entity = "id"\ncount = "children"\n'
        + 'classes.s = { column = "children", share_of = "conty", bounds = [1, 50] }\n',
        [
            ("7:36", "no column 'conty' (for the classes 's')", "did you mean 'county'?"),
            ("7:56", "must be above 0 and at most 1: [1.0, 50.0]", ""),
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_fault_has_its_place_and_its_hint(faults, case):
    text, wanted = CASES[case]
    found = faults(text)
    assert [f"{one.line}:{one.column}" for one in found] == [place for place, *_ in wanted]
    for problem, (_, message, hint) in zip(found, wanted, strict=True):
        assert message in problem.message
        assert hint in (problem.hint or "")


def test_the_values_of_confidential_data_are_not_shown(faults):
    (problem,) = faults(HEAD.replace('"public"', '"confidential"') + 'table = ["AREA"]\n')
    assert "25-1" not in str(problem)
    assert "add AREA = [...]" in problem.hint


def test_many_values_are_counted_and_not_listed(faults, here):
    (here / "p.csv").write_text("AGEP\n" + "".join(f"{i}\n" for i in range(99)))
    (problem,) = faults(HEAD + 'table = ["AGEP"]\n')
    assert "the data have 99 values; bounds = [...]" in problem.hint


def test_broken_rows_do_not_stop_the_other_faults(faults, here):
    (here / "p.csv").write_text("AREA,AGEP\n1\n")
    found = faults(HEAD + 'table = ["AREA"]\nsheett = "x"\n')
    assert [f"{one.line}:{one.column}" for one in found] == ["5:10", "6:1"]


def test_a_table_that_is_too_large_is_refused(faults):
    values = ", ".join(str(i) for i in range(101))
    names = ["AREA", "AGEP", "RAC1P"]
    text = HEAD + f"table = {names}\n" + "".join(f"domain.{one} = [{values}]\n" for one in names)
    (problem,) = faults(text)
    assert f"the table has 1,030,301 cells, more than {MOST_CELLS:,}" in problem.message
    long = ", ".join(f'"{i}{"x" * 200}"' for i in range(2))
    (problem,) = faults(
        HEAD + f'table = ["AREA", "AGEP"]\ndomain.AREA = [{long}]\ndomain.AGEP = [{long}]\n'
    )
    assert "would have 405 characters, more than 300" in problem.message


def test_decisions_name_attributes_of_the_table(faults):
    text = HEAD + 'table = ["AREA"]\ndomain.AREA = ["25-1", "25-2"]\n'
    share = '[[decision]]\nuse = "share"\nweight = "{}"\n'
    assert faults(text + share.format("count")) == []
    (problem,) = faults(text + share.format("AGEP"))
    assert "the table has no attribute 'AGEP' (for the parameter 'weight')" in problem.message
