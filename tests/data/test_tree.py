from __future__ import annotations

import pytest

import dpaudit
from dpaudit import data
from dpaudit.model.spec import ClassSpec, DataSpec, DerivedSpec, ParentsSpec
from dpaudit.registry import Registry

ROWS = "id,state,county,children\n1,TX,Kent,5\n2,TX,Lee,6\n3,FL,Lee,7\n4,TX,Lee,8\n"


def test_levels_make_a_tree(reads):
    found = reads(ROWS, levels=("state", "county"))
    tree = found.hierarchy
    assert tree.levels == ("total", "state", "county", "id")
    assert tree.labels == (
        ("total",),
        ("FL", "TX"),
        ("Lee (FL)", "Kent", "Lee (TX)"),
        ("1", "2", "3", "4"),
    )
    assert tree.totals(found.counts).tolist() == [26, 7, 19, 7, 5, 14, 5, 6, 7, 8]
    same = reads(ROWS, levels=("state", "county", "id"))
    assert same.digest == found.digest
    assert reads(ROWS, levels=("id",)).hierarchy.sizes == (1, 4)
    assert reads(ROWS).hierarchy is None


def test_the_tree_is_part_of_the_digest(reads):
    digests = {reads(ROWS, levels=levels).digest for levels in ((), ("state",), ("county",))}
    assert len(digests) == 3


def test_a_plain_list_is_a_table_over_one_attribute(reads):
    found = reads(ROWS)
    assert (found.domain.names, found.domain.values) == (("id",), (("1", "2", "3", "4"),))


def test_an_entity_without_a_place_in_a_level_is_refused(reads):
    wanted = r"line 3, column 'county': the level is empty for '2'"
    with pytest.raises(dpaudit.DataError, match=wanted):
        reads(ROWS.replace("TX,Lee,6", "TX, ,6"), levels=("state", "county"))
    with pytest.raises(dpaudit.DataError, match="no column 'conty'"):
        reads(ROWS, levels=("conty",))


PLAIN = "id,children\nA,5\nB,6\nC,7\n"
PAIRS = "unit,fips,homes\nA,01001,3\nB,01003,2\nB,02001,9\nB,01003,1\nC,02001,4\nZ,,x\n"


@pytest.fixture
def nested(reads, tmp_path):
    def read(pairs=PAIRS, rows=PLAIN, parents=None, **changes):
        (tmp_path / "p.csv").write_text(pairs)
        named = {"file": "p.csv", "child": "unit", "parent": "fips", "level": "county"}
        return reads(rows, parents=ParentsSpec(**named | (parents or {})), **changes)

    return read


STATE = {"state": DerivedSpec(column="county", first=2)}


def test_parents_put_a_level_between(nested):
    found = nested(
        parents={"assign": "first"},
        levels=("state",),
        derived=STATE,
        groups=(("county",), ("state",)),
    )
    assert found.hierarchy.levels == ("total", "state", "county", "id")
    assert found.hierarchy.sizes == (1, 2, 3, 3)
    assert found.columns["county"].tolist() == ["01001", "01003", "02001"]
    assert found.groups["state"] == ("01", "01", "02")
    (told,) = found.assumptions
    assert told == (
        "1 of 3 entities lies in more than one county; each was put into the first that p.csv lists"
    )
    spelt = nested(parents={"assign": "first"}, levels=("state", "county", "id"), derived=STATE)
    assert spelt.hierarchy.labels == found.hierarchy.labels


def test_the_largest_parent_has_the_largest_sum_of_weights(nested):
    found = nested(parents={"assign": "largest", "weight": "homes"})
    assert found.columns["county"].tolist() == ["01001", "02001", "02001"]
    assert "the one with the largest 'homes' in p.csv" in found.assumptions[0]
    heavier = PAIRS.replace("B,01003,1", "B,01003,8")
    found = nested(heavier, parents={"assign": "largest", "weight": "homes"})
    assert found.columns["county"][1] == "01003"
    tie = PAIRS.replace("B,01003,1", "B,01003,7")
    found = nested(tie, parents={"assign": "largest", "weight": "homes"})
    assert found.columns["county"][1] == "01003"


def test_several_parents_need_a_rule(nested):
    wanted = r"p.csv: 1 of 3 entities lie in more than one county: 'B' in 01003 and 02001"
    with pytest.raises(dpaudit.DataError, match=wanted) as caught:
        nested()
    assert caught.match('assign = "first", or assign = "largest"')
    once = PAIRS.replace("B,02001,9\n", "")
    assert nested(once).assumptions == ()


def test_entities_that_are_not_listed_need_a_node(nested):
    rows = PLAIN + "".join(f"X{i},1\n" for i in range(7))
    wanted = r"p.csv, column 'unit': 7 of 10 entities are not listed: 'X0', .*, and 2 more"
    with pytest.raises(dpaudit.DataError, match=wanted) as caught:
        nested(rows=rows, parents={"assign": "first"})
    assert caught.match('other = "..."')
    found = nested(rows=rows, parents={"assign": "first", "other": "elsewhere"})
    assert found.hierarchy.labels[1] == ("01001", "01003", "02001", "elsewhere")
    assert found.assumptions[1] == (
        "7 of 10 entities are not listed in p.csv; each was put into the county 'elsewhere'"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("A,01001", "A,", r"p.csv, line 2, column 'fips': no county for 'A'"),
        ("01001,3", "01001,-3", r"p.csv, line 2, column 'homes': '-3' is no weight"),
        ("01001,3", "01001,", r"p.csv, line 2, column 'homes': '' is no weight"),
        ("01001,3", "01001,1e999", r"'1e999' is no weight"),
        ("unit", "uni", r"p.csv: there is no column 'unit'\n.*did you mean 'uni'"),
    ],
)
def test_faults_of_the_parents_name_their_file(nested, old, new, message):
    with pytest.raises(dpaudit.DataError, match=message):
        nested(PAIRS.replace(old, new), parents={"assign": "largest", "weight": "homes"})


def test_a_filter_by_the_level_comes_after_it(nested):
    found = nested(parents={"assign": "first"}, where={"county": ("01003",)})
    assert found.entities == ("B",)
    assert found.assumptions[0].startswith("1 of 1 entities lies")
    found = nested(parents={"assign": "first"}, where={"id": ("A", "C")})
    assert found.assumptions == ()


def test_a_level_that_is_a_column_already_is_refused(nested):
    with pytest.raises(dpaudit.DataError, match="'county' is a column of the data already"):
        nested(rows="id,county,children\nA,X,1\n", parents={"assign": "first"})


def test_blank_and_repeated_identifiers_are_refused_as_ever(nested):
    with pytest.raises(dpaudit.DataError, match=r"line 3, column 'id': no identifier"):
        nested(rows="id,children\nA,1\n ,2\n")
    with pytest.raises(dpaudit.DataError, match=r"'A' stands in lines 2 and 3"):
        nested(rows="id,children\nA,1\nA,2\n")


def test_classes_by_share_of_the_parent(reads):
    rows = "id,county,children\n1,A,1\n2,A,9\n3,A,90\n4,B,0\n5,B,0\n6,C,7\n7,,5\n8,D,1\n9,D,999\n"
    classes = {"sparse": ClassSpec(column="children", bounds=(0.01, 0.1, 0.5), share_of="county")}
    found = reads(rows, classes=classes, groups=(("sparse",), ("county", "sparse")))
    none, little, middle = (
        "under 1% of its county",
        "1% to under 10% of its county",
        "50% and over of its county",
    )
    assert found.groups["sparse"] == (
        little,
        little,
        middle,
        none,
        none,
        middle,
        data.NOT_STATED,
        none,
        middle,
    )
    assert data.group_order(found, "sparse") == (none, little, middle, data.NOT_STATED)
    assert data.group_order(found, "county × sparse")[:2] == (f"A × {little}", f"A × {middle}")


def test_classes_by_share_ascend_by_size_not_by_label(reads):
    rows = "id,county,children\n" + "".join(f"{i},A,{2**i}\n" for i in range(12))
    bounds = (0.001, 0.0075, 0.02, 0.1, 0.3)
    classes = {"s": ClassSpec(column="children", bounds=bounds, share_of="county")}
    found = reads(rows, classes=classes, groups=(("s",),))
    assert data.group_order(found, "s") == (
        "under 0.1% of its county",
        "0.1% to under 0.75% of its county",
        "0.75% to under 2% of its county",
        "2% to under 10% of its county",
        "10% to under 30% of its county",
        "30% and over of its county",
    )


def test_a_share_on_the_bound_is_in_the_class_above(reads):
    rows = "id,county,children\n1,A,3\n2,A,27\n3,B,7\n4,B,93\n"
    classes = {"s": ClassSpec(column="children", bounds=(0.07, 0.1), share_of="county")}
    found = reads(rows, classes=classes, groups=(("s",),))
    assert found.groups["s"][0] == "10% and over of its county"
    assert found.groups["s"][2] == "7% to under 10% of its county"


def test_shares_of_negative_numbers_are_refused(reads):
    classes = {"s": ClassSpec(column="area", bounds=(0.1,), share_of="county")}
    rows = "id,county,children,area\n1,A,3,1\n2,A,27,-1\n3,A,1,inf\n4,A,1,\n"
    wanted = r"line 3, column 'area': -1 has no share; .*line 4, column 'area': inf has no share"
    with pytest.raises(dpaudit.DataError, match=wanted):
        reads(rows, classes=classes, groups=(("s",),))
    found = reads(rows.replace("-1", "1").replace("inf", "2"), classes=classes, groups=(("s",),))
    assert found.groups["s"][3] == data.NOT_STATED


@pytest.mark.shared_data
def test_the_real_tree_of_states_counties_and_districts(shared, tmp_path, monkeypatch):
    (found,) = shared.rglob("saipe_school_districts_2019.csv")
    monkeypatch.setenv("DPAUDIT_DATA", str(found.parent))
    pairs = {
        "file": "data:school_district_to_county_2021",
        "child": "leaid",
        "parent": "fips",
        "level": "county",
    }

    def read(where=None, **rule):
        spec = DataSpec(
            file="data:saipe_school_districts_2019",
            status="public",
            entity="leaid",
            count="children_5_17_poverty",
            where=where or {},
            derived={
                "state": DerivedSpec(column="leaid", first=2),
                "county_state": DerivedSpec(column="county", first=2),
            },
            levels=("state", "county"),
            parents=ParentsSpec(**pairs, **rule),
            groups=(("sparse",),),
            classes={
                "sparse": ClassSpec(
                    column="children_5_17_poverty", bounds=(0.01, 0.1, 0.5), share_of="county"
                )
            },
        )
        return data.read(spec, tmp_path, Registry())

    with pytest.raises(dpaudit.DataError, match="23 of 13,184 entities are not listed: '0612420'"):
        read(assign="first")
    with pytest.raises(dpaudit.DataError, match=r"4,024 of 13,184 entities .* and 4,019 more"):
        read(other="not listed")
    real = read(assign="first", other="not listed")
    # The 23 districts that are not listed lie in 12 states, Puerto Rico among them.
    assert real.hierarchy.sizes == (1, 52, 2971 + 12, 13_184)
    assert len(real.assumptions) == 2
    listed = real.columns["county"] != "not listed"
    assert int(listed.sum()) == 13_161
    assert real.columns["state"][listed].tolist() == real.columns["county_state"][listed].tolist()
    totals = real.hierarchy.totals(real.counts)
    assert totals[0] == real.total == totals[real.hierarchy.part(1)].sum()
    assert len(data.group_order(real, "sparse")) == 4
    texas = read({"usps": ("TX",)}, assign="first", other="not listed")
    assert set(texas.columns["state"].tolist()) == {"48"}
    assert texas.hierarchy.sizes[:2] == (1, 1)
