"""Columns taken over from other rows, and several counts of each entity."""

import numpy as np
import pytest

import dpaudit
from dpaudit.model.spec import JoinSpec

DISTRICTS = "id,state,children\n1,AL,10\n2,AK,20\n3,AL,30\n"
SPENDING = "state,year,dollars\nAL,2018,7\nAL,2019,8\nAK,2019,9\n"
BY_YEAR = {"column": "dollars", "match": {"state": "state"}, "where": {"year": ("2019",)}}


@pytest.fixture
def spending(tmp_path):
    def write(text=SPENDING, **changes):
        (tmp_path / "s.csv").write_text(text)
        return {"spending": JoinSpec(**{"file": "s.csv", **BY_YEAR, **changes})}

    return write


def test_a_column_comes_from_the_rows_that_match(reads, spending):
    found = reads(DISTRICTS, joined=spending())
    np.testing.assert_array_equal(found.columns["spending"], [8, 9, 8])


def test_other_rows_of_the_same_file_may_hold_a_count(reads):
    rows = "id,group,children\n1,all,100\n1,some,7\n2,all,50\n2,some,5\n"
    whole = JoinSpec(file="d.csv", column="children", match={"id": "id"}, where={"group": ("all",)})
    found = reads(
        rows, count="whole", also_counted=("children",), joined={"whole": whole},
        where={"group": ("some",)},
    )  # fmt: skip
    np.testing.assert_array_equal(found.rows, [[100, 7], [50, 5]])
    assert found.count_names == ("whole", "children")


def test_two_values_for_one_entity_are_refused(reads, spending):
    with pytest.raises(dpaudit.DataError, match="a second value for state = 'AL'"):
        reads(DISTRICTS, joined=spending(where={}))


def test_an_entity_without_a_row_is_refused_or_given_what_is_named(reads, spending):
    short = "state,year,dollars\nAL,2019,8\n"
    with pytest.raises(dpaudit.DataError, match=r"line 3: s.csv has no row for state = 'AK'"):
        reads(DISTRICTS, joined=spending(short))
    found = reads(DISTRICTS, joined=spending(short, other="0"))
    np.testing.assert_array_equal(found.columns["spending"], [8, 0, 8])


def test_a_filter_that_nothing_passes_is_told(reads, spending):
    with pytest.raises(dpaudit.DataError, match="no line has year = '1999'"):
        reads(DISTRICTS, joined=spending(where={"year": ("1999",)}))


def test_further_counts_are_counts(reads):
    with pytest.raises(dpaudit.DataError, match="line 2, column 'poor': the count -1 is negative"):
        reads("id,children,poor\n1,2,-1\n", also_counted=("poor",))


AUDIT = """
[data]
file = "d.csv"
status = "public"
entity = "id"
count = "children"
[data.joined]
spending = {{ {join} }}
[[release]]
mechanism = {{ use = "laplace", epsilon = 1 }}
neighbours = "add-remove"
"""


@pytest.mark.parametrize(
    ("join", "said"),
    [
        (
            'file = "s.csv", column = "dolars", match = { state = "state" }',
            "did you mean 'dollars'",
        ),
        ('file = "s.csv", column = "dollars", match = { stat = "state" }', "did you mean 'state'"),
        ('file = "s.csv", column = "dollars"', "the key 'match' is missing"),
        ('file = "t.csv", column = "dollars", match = { state = "state" }', "t.csv"),
    ],
)
def test_the_audit_file_is_checked(tmp_path, join, said):
    (tmp_path / "d.csv").write_text(DISTRICTS)
    (tmp_path / "s.csv").write_text(SPENDING)
    (tmp_path / "audit.toml").write_text(AUDIT.format(join=join))
    with pytest.raises(dpaudit.SpecError, match=said):
        dpaudit.load(tmp_path / "audit.toml")
