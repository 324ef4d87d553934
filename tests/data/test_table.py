from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dpaudit
from dpaudit import data
from dpaudit.data.frame import Frame
from dpaudit.data.tabulate import cells_of, tabulate
from dpaudit.model.spec import AttributeSpec, ClassSpec, DataSpec, DerivedSpec
from dpaudit.registry import Registry

PEOPLE = "AREA,AGEP,RAC1P,year\n25-1,4,1,2019\n25-1,17,2,2019\n25-2,18,1,2019\n25-2,18.0,9,2018\n"
AREA = AttributeSpec(
    column="AREA", labels=("25-1", "25-2"), values={"25-1": "25-1", "25-2": "25-2"}
)
AGE = AttributeSpec(
    column="AGEP", labels=("under 5", "5 to 17", "18 and over"), bounds=(5.0, 18.0), whole=True
)
RACE = AttributeSpec(
    column="RAC1P", labels=("White", "Other"), values={"1": "White", "2": "Other", "9": "Other"}
)
TABLE = {
    "entity": "cell",
    "count": "count",
    "table": ("AREA", "AGE", "RACE"),
    "domain": {"AREA": AREA, "AGE": AGE, "RACE": RACE},
}


def test_people_are_counted_in_the_cells_of_the_whole_domain(reads):
    found = reads(PEOPLE, **TABLE)
    assert len(found) == 12
    assert found.domain.names == ("AREA", "AGE", "RACE")
    assert found.domain.shape == (2, 3, 2)
    assert found.entities[:2] == ("25-1 | under 5 | White", "25-1 | under 5 | Other")
    assert found.names == found.entities
    cells = dict(zip(found.entities, found.counts.tolist(), strict=True))
    assert {name: count for name, count in cells.items() if count} == {
        "25-1 | under 5 | White": 1,
        "25-1 | 5 to 17 | Other": 1,
        "25-2 | 18 and over | White": 1,
        "25-2 | 18 and over | Other": 1,
    }
    assert list(found.columns) == ["AREA", "AGE", "RACE", "count"]
    assert found.columns["AGE"].tolist()[:3] == ["under 5", "under 5", "5 to 17"]
    assert found.columns["count"] is found.counts
    assert not found.counts.flags.writeable


def test_the_order_is_that_of_the_domain(reads):
    found = reads(PEOPLE, **TABLE)
    for name in found.domain.names:
        values = found.domain.values[found.domain.names.index(name)]
        assert [values[i] for i in found.domain.codes(name)] == found.columns[name].tolist()
    ages = found.domain.table(found.counts).sum(axis=(0, 2))
    assert ages.tolist() == [1, 1, 2]


def test_groups_levels_and_classes_name_attributes(reads):
    found = reads(
        PEOPLE,
        **TABLE,
        groups=(("RACE",), ("AREA", "AGE"), ("size",), ("state",)),
        levels=("state", "AREA"),
        derived={"state": DerivedSpec(column="AREA", first=2)},
        classes={"size": ClassSpec(column="count", bounds=(1.0,))},
    )
    assert data.group_order(found, "RACE") == ("Other", "White")
    assert data.group_order(found, "AREA × AGE")[:3] == (
        "25-1 × under 5",
        "25-1 × 5 to 17",
        "25-1 × 18 and over",
    )
    assert Counter(found.groups["size"]) == {"under 1": 8, "1 and over": 4}
    assert set(found.groups["state"]) == {"25"}
    assert found.hierarchy.levels == ("total", "state", "AREA", "cell")
    assert found.hierarchy.sizes == (1, 1, 2, 12)
    assert found.hierarchy.up(3, found.counts).tolist() == [2, 2]
    assert found.columns["state"].tolist() == ["25"] * 12


def test_the_filter_is_of_records(reads):
    assert reads(PEOPLE, **TABLE, where={"year": ("2019",)}).total == 3
    derived = {"decade": DerivedSpec(column="year", first=3)}
    assert reads(PEOPLE, **TABLE, derived=derived, where={"decade": ("201",)}).total == 4


def test_attributes_may_come_from_derived_columns(reads):
    state = AttributeSpec(column="first", labels=("25", "48"), values={"25": "25", "48": "48"})
    found = reads(
        PEOPLE,
        entity="cell",
        count="count",
        table=("STATE",),
        domain={"STATE": state},
        derived={"first": DerivedSpec(column="AREA", first=2)},
    )
    assert (found.entities, found.counts.tolist()) == (("25", "48"), [4, 0])


def test_a_recoded_attribute_is_derived_from_its_labels_alone(reads):
    """The records' own cells are shorter than what is derived from the labels."""
    area = AttributeSpec(column="A", labels=("25-1", "48-1"), values={"1": "25-1", "2": "48-1"})
    found = reads(
        "A\n1\n2\n1\n",
        entity="cell",
        count="count",
        table=("A",),
        domain={"A": area},
        derived={"state": DerivedSpec(column="A", first=2)},
        groups=(("state",),),
    )
    assert found.groups["state"] == ("25", "48")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("25-1,4", "25-3,4", r"d.csv, line 2, column 'AREA': '25-3' is not in the domain"),
        ("25-1,4", "25-1,four", r"line 2, column 'AGEP': 'four' is not in the domain of 'AGE'"),
        ("25-1,4", "25-1,nan", r"'nan' is not in the domain"),
        ("25-1,4", "25-1,4.5", r"line 2, column 'AGEP': '4.5' is not whole, as the bins"),
        ("25-1,4", "25-1,", r"line 2, column 'AGEP': empty, and the domain of 'AGE' has no label"),
        ("17,2", "17,3", r"line 3, column 'RAC1P': '3' is not in the domain of 'RACE'"),
        ("17,2", "17, 2", r"' 2' is not in the domain"),
    ],
)
def test_a_value_outside_the_domain_is_refused(reads, old, new, message):
    with pytest.raises(dpaudit.DataError, match=message):
        reads(PEOPLE.replace(old, new), **TABLE)


def test_only_the_first_few_of_many_values_are_listed(reads):
    rows = "AREA,AGEP,RAC1P\n" + "25-1,1,7\n" * 2000 + "25-9,1,1\n"
    with pytest.raises(dpaudit.DataError, match="and 1,996 more") as caught:
        reads(rows, **TABLE)
    assert str(caught.value).count("line ") == 5
    assert caught.match("line 2002, column 'AREA': '25-9'")


def test_other_and_missing_cells_have_labels_of_their_own(reads):
    race = AttributeSpec(
        column="RAC1P",
        labels=("White", "Other", "unknown"),
        values={"1": "White"},
        other="Other",
        missing="unknown",
    )
    age = AttributeSpec(
        column="AGEP", labels=("young", "old", "N"), bounds=(17.5,), other="N", missing="N"
    )
    found = reads(
        "AGEP,RAC1P\n17.2,1\n17.5,8\nN,\n,1\n",
        entity="cell",
        count="count",
        table=("AGE", "RACE"),
        domain={"AGE": age, "RACE": race},
    )
    assert found.domain.table(found.counts).tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 1]]


def test_labelled_bins_begin_at_their_first_bound(reads):
    known = {"column": "N", "bounds": (0.0, 18.0), "is_closed": True}
    table = {"entity": "cell", "count": "count", "table": ("N",)}
    ages = AttributeSpec(labels=("child", "adult"), **known)
    found = reads("N,x\n0,1\n17.5,1\n18,1\n", **table, domain={"N": ages})
    assert found.counts.tolist() == [2.0, 1.0]
    below = r"line 3, column 'N': '-9' is below 0, where the bins of 'N' begin"
    with pytest.raises(dpaudit.DataError, match=below):
        reads("N,x\n5,1\n-9,1\n", **table, domain={"N": ages})
    wider = AttributeSpec(labels=("child", "adult", "unknown"), other="unknown", **known)
    found = reads("N,x\n5,1\n-9,1\n", **table, domain={"N": wider})
    assert found.counts.tolist() == [1.0, 0.0, 1.0]


def test_an_empty_cell_is_not_another_value(reads):
    race = AttributeSpec(
        column="R", labels=("White", "Other"), values={"1": "White"}, other="Other"
    )
    with pytest.raises(dpaudit.DataError, match=r"line 3, column 'R': empty"):
        reads("R,x\n1,1\n,1\n", entity="cell", count="count", table=("R",), domain={"R": race})


def test_parquet_and_csv_give_one_digest_and_the_domain_counts(reads, tmp_path):
    table = pa.table(
        {
            "x": [0.5] * 4,
            "AREA": ["25-1", "25-1", "25-2", "25-2"],
            "AGEP": [4, 17, 18, 18],
            "RAC1P": [1, 2, 1, 9],
        }
    )
    pq.write_table(table, tmp_path / "d.parquet")
    base = reads(PEOPLE, **TABLE).digest
    assert reads(None, "d.parquet", **TABLE).digest == base
    lines = PEOPLE.splitlines(keepends=True)
    assert reads("".join([lines[0], *reversed(lines[1:])]), **TABLE).digest == base
    longer = AttributeSpec(
        column="AREA", labels=(*AREA.labels, "25-3"), values={**AREA.values, "25-3": "25-3"}
    )
    wider = {**TABLE, "domain": {**TABLE["domain"], "AREA": longer}}
    assert reads(PEOPLE, **wider).digest != base


def test_one_digest_does_not_serve_two_shapes(reads):
    """The same cells and labels, cut into attributes in two ways, are two data sets."""
    rows = "A\nx\n"
    one = AttributeSpec(column="A", labels=("x", "y"), values={"x": "x", "y": "y"})
    first = reads(rows, entity="cell", count="count", table=("A",), domain={"A": one})
    tree = reads(rows, entity="cell", count="count", table=("A",), domain={"A": one}, levels=("A",))
    assert first.digest != tree.digest
    assert first.counts.tolist() == tree.counts.tolist()


def test_a_file_without_records_is_refused(reads):
    with pytest.raises(dpaudit.DataError, match="a header and no rows"):
        reads("AREA,AGEP,RAC1P\n", **TABLE)
    with pytest.raises(dpaudit.DataError, match="no column 'AGEP'"):
        reads("AREA,RAC1P\n25-1,1\n", **TABLE)


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(-3, 30), st.sampled_from("xyz")), max_size=60
    )
)
def test_every_person_is_in_exactly_one_cell(people):
    domain = {
        "L": AttributeSpec(column="L", labels=("b", "a"), values={"a": "a", "b": "b"}),
        "N": AttributeSpec(column="N", labels=("low", "mid", "high"), bounds=(0.0, 10.0)),
        "M": AttributeSpec(
            column="M", labels=("xy", "z"), values={"x": "xy", "y": "xy"}, other="z"
        ),
    }
    spec = DataSpec(
        file="f", status="public", entity="cell", count="count", table=tuple(domain), domain=domain
    )
    columns = {name: [str(one[i]) for one in people] for i, name in enumerate("LNM")}
    rows = range(2, len(people) + 2)
    counts = tabulate(Frame(source="f", columns=columns, rows=rows, noun="line"), spec)
    names, _ = cells_of(spec)
    bins = [(n >= 0) + (n >= 10) for _, n, _ in people]
    wanted = Counter(
        f"{letter} | {('low', 'mid', 'high')[place]} | {'z' if mark == 'z' else 'xy'}"
        for (letter, _, mark), place in zip(people, bins, strict=True)
    )
    found = dict(zip(names, counts.tolist(), strict=True))
    assert {name: count for name, count in found.items() if count} == wanted
    assert counts.sum() == len(people)


NINE = '"1", "2", "3", "4", "5", "6", "7", "8", "9"'
EXCERPT = """
[data]
file = "data:dcde_massachusetts_2019"
status = "public"
table = ["PUMA", "SEX", "RAC1P", "AGEB", "EDU"]
levels = ["PUMA"]
groups = ["PUMA", ["SEX", "RAC1P"], "AGEB"]

[data.domain]
PUMA = ["25-00503", "25-00703", "25-01000", "25-01300", "25-02800"]
SEX = { values = { "1" = "Male", "2" = "Female" } }
RAC1P = [RACES]
AGEB = { column = "AGEP", bounds = [5, 18, 25, 35, 45, 55, 65, 75] }
EDU = ["N", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]

[[release]]
mechanism = { use = "identity" }
neighbours = "add-remove"
"""


@pytest.fixture
def excerpt(shared, tmp_path, monkeypatch):
    (found,) = shared.rglob("dcde_massachusetts_2019.csv")
    monkeypatch.setenv("DPAUDIT_DATA", str(found.parent))

    def read(races):
        (tmp_path / "a.toml").write_text(EXCERPT.replace("RACES", races))
        registry = Registry.discover()
        spec = dpaudit.load(tmp_path / "a.toml", registry=registry)
        return data.read(spec.data, tmp_path, registry)

    return read


@pytest.mark.shared_data
def test_the_excerpt_of_massachusetts_has_9360_cells(excerpt, shared):
    """Nine races are in the dictionary; the eight that Massachusetts has make 9,360 cells."""
    found = excerpt(NINE.replace('"4", ', ""))
    assert found.domain.shape == (5, 2, 8, 9, 13)
    assert (len(found), found.total) == (9360, 7634)
    assert found.hierarchy.sizes == (1, 5, 9360)
    assert found.hierarchy.up(2, found.counts).tolist() == [1508, 2254, 1221, 1347, 1304]
    races = found.domain.table(found.counts).sum(axis=(0, 1, 3, 4))
    assert races.tolist() == [6658, 180, 3, 1, 570, 2, 68, 152]
    assert data.group_order(found, "AGEB")[:2] == ("under 5", "5 to 17")
    (dictionary,) = shared.rglob("dcde_data_dictionary.json")
    known = json.loads(dictionary.read_text())
    whole = excerpt(NINE)
    assert whole.domain.shape[2] == len(known["RAC1P"]["values"]) == 9
    assert set(found.domain.values[4]) == set(known["EDU"]["values"])
    assert (len(whole), whole.total) == (10_530, 7634)
    assert whole.digest != found.digest
    assert np.count_nonzero(whole.counts) == np.count_nonzero(found.counts)


@pytest.mark.shared_data
def test_a_race_that_the_domain_forgets_is_named_with_its_lines(excerpt):
    with pytest.raises(dpaudit.DataError, match=r"line \d+, column 'RAC1P': '9' .* and 147 more"):
        excerpt("1, 2, 3, 5, 6, 7, 8")
