from __future__ import annotations

import pytest

import dpaudit
from dpaudit.model.spec import DerivedSpec

ROWS = (
    "id,fips,year,children\n1,01001,2019,5\n2,01003,2020,6\n3,48001,2019,7\n4,48003,2018,8\n"
    "5,,2019,9\n"
)
STATE = {"state": DerivedSpec(column="fips", first=2)}


def test_a_filter_keeps_the_rows_that_match_every_key(reads):
    assert reads(ROWS, where={"year": ("2019",)}).entities == ("1", "3", "5")
    assert reads(ROWS, where={"year": ("2019", "2018")}).entities == ("1", "3", "4", "5")
    both = {"year": ("2019",), "fips": ("01001", "01003")}
    assert reads(ROWS, where=both).entities == ("1",)
    assert reads(ROWS, where={"fips": ("",)}).entities == ("5",)


def test_a_filter_compares_cells_as_they_are_written(reads):
    with pytest.raises(dpaudit.DataError, match=r"no line has fips = '1001'"):
        reads(ROWS, where={"fips": ("1001",)})


def test_a_filter_that_leaves_nothing_is_repeated(reads):
    where = {"year": ("2019", "2021"), "fips": ("48003",)}
    wanted = r"d.csv: no line has year = '2019' or '2021' and fips = '48003'"
    with pytest.raises(dpaudit.DataError, match=wanted):
        reads(ROWS, where=where)
    with pytest.raises(dpaudit.DataError, match=r"did you mean '48001'"):
        reads(ROWS, where={"fips": ("4801",)})
    with pytest.raises(dpaudit.DataError, match=r"'year' has 2018, 2019, 2020"):
        reads(ROWS, where={"year": ("x",)})


def test_what_confidential_data_hold_is_not_told_by_a_filter(reads):
    with pytest.raises(dpaudit.DataError) as caught:
        reads(ROWS, where={"fips": ("4801",)}, status="confidential")
    assert "48001" not in str(caught.value)


def test_an_unknown_column_of_a_filter_is_a_data_error(reads):
    with pytest.raises(dpaudit.DataError, match=r"no column 'yer'\n.*did you mean 'year'"):
        reads(ROWS, where={"yer": ("2019",)})


def test_the_filter_comes_before_the_checks_of_the_rows(reads):
    broken = ROWS + "5,01,2017,-1\n"
    assert len(reads(broken, where={"year": ("2019", "2018")})) == 4
    with pytest.raises(dpaudit.DataError, match=r"line 7, column 'children'"):
        reads(broken.replace("5,01,", "6,01,"))


def test_the_digest_is_that_of_the_rows_that_are_left(reads):
    found = reads(ROWS, where={"year": ("2019",)}).digest
    lines = ROWS.splitlines(keepends=True)
    assert reads("".join(lines[i] for i in (0, 1, 3, 5))).digest == found
    assert reads(ROWS).digest != found


def test_a_column_is_derived_from_the_first_characters(reads):
    found = reads(ROWS, derived=STATE, groups=(("state",),), where={"state": ("48", "")})
    assert found.groups["state"] == ("48", "48", "(not stated)")
    assert found.columns["state"].tolist() == ["48", "48", ""]
    assert found.columns["fips"].tolist() == ["48001", "48003", ""]


@pytest.mark.parametrize("order", [1, -1])
def test_a_column_may_be_derived_from_a_derived_one(reads, order):
    derived = {**STATE, "region": DerivedSpec(column="state", first=1)}
    found = reads(ROWS, derived=dict(list(derived.items())[::order]), groups=(("region",),))
    assert found.groups["region"] == ("0", "0", "4", "4", "(not stated)")


def test_a_cell_that_is_too_short_is_refused(reads):
    derived = {"state": DerivedSpec(column="id", first=2)}
    wanted = r"line 2, column 'id': '1' has fewer than 2 characters"
    with pytest.raises(dpaudit.DataError, match=wanted) as caught:
        reads("id,children\n" + "".join(f"{i},1\n" for i in range(1, 12)), derived=derived)
    assert caught.match("and 4 more")
    assert caught.match("leading zeros")


def test_rows_that_are_left_out_are_not_derived_from(reads):
    rows = "id,fips,year,children\n1,1,2018,5\n2,01003,2020,6\n"
    found = reads(rows, derived=STATE, where={"year": ("2020",)})
    assert found.columns["state"].tolist() == ["01"]
