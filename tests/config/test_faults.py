from __future__ import annotations

import pytest

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


@pytest.fixture
def faults(folder):
    def found(text):
        (folder / "a.toml").write_text(text)
        return config.check("a.toml", Registry())

    return found


CASES = {
    "unknown key": (
        HEAD + RELEASE + "colour = 1\n",
        [
            (
                "10:1",
                "unknown key 'colour'",
                "known keys: earlier, mechanism, name, neighbours, postprocess",
            )
        ],
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
        [
            (
                "4:1",
                'expected "public" or "confidential", not text \'pubic\'',
                "did you mean 'public'",
            )
        ],
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
        HEAD
        + RELEASE
        + 'postprocess = [{ use = "round", base = 1.5, way = "up", ties = "evn" }]\n',
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
    "a column in a table of parameters": (
        HEAD + RELEASE + '[[decision]]\nuse = "share"\nwhere = { a = 1, b = "spendin" }\n',
        [("12:18", "the data have no column 'spendin'", "did you mean 'spending'?")],
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
            ("11:20", "no report format 'doc'", ""),
            ("12:1", 'expected "en" or "es", not text \'fr\'', ""),
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
