from __future__ import annotations

import re
import sys
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dpaudit
from dpaudit import data
from dpaudit.data.groups import class_labels
from dpaudit.model.spec import AttributeSpec, ClassSpec, DataSpec
from dpaudit.registry import Registry

GOOD = (
    "id,name,county,children,spending\n01,Alameda,06001,10,1.5\n02,Butte,06007,0,\n003,,,250,2e3\n"
)


def test_identifiers_stay_text_and_numbers_become_numbers(reads):
    found = reads(GOOD, label="name", groups=(("county",),))
    assert found.entities == ("01", "02", "003")
    assert found.names == ("Alameda", "Butte", "003")
    assert found.counts.tolist() == [10.0, 0.0, 250.0]
    assert found.groups == {"county": ("06001", "06007", data.NOT_STATED)}
    assert found.columns["county"].tolist() == ["06001", "06007", ""]
    assert found.columns["spending"].tolist()[::2] == [1.5, 2000.0]
    assert np.isnan(found.columns["spending"][1])
    assert (found.source, found.status, found.total) == ("d.csv", "public", 260.0)
    for array in (found.counts, *found.columns.values()):
        assert not array.flags.writeable


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "d.csv: the file is empty"),
        ("id,children\n", "d.csv: a header and no rows"),
        ("id,children,id\n1,2,3\n", r"two columns are named 'id' \(1 and 3\)"),
        ("id,,children\n1,2,3\n", "column 2 has no name"),
        ("id,children\n1,2\n2,3,4\n", "d.csv, line 3: 3 fields where the header has 2"),
        ("id,children\n1,2\n\n2\n", "d.csv, line 4: 1 fields"),
        ('id,children\n1,2\n"2,3\n4,5\n', "d.csv, line 3: not valid CSV"),
        ("id;children\n1;2\n", "separated by semicolons"),
        ("idd,childrn\n1,2\n", "no columns 'id' and 'children'.*\n.*'idd'.*'childrn'"),
        (
            'id,children\n1,2\n"2\n",3\n1,4\n,5\n',
            "d.csv, line 6, column 'id': no identifier",
        ),
        (
            'id,children\n1,2\n"2\n",3\n1,4\n',
            r"column 'id': the identifier '1' stands in lines 2 and 5",
        ),
        ("id,children\n1,\n", "line 2, column 'children': the count is missing"),
        ("id,children\n1, \n", "line 2, column 'children': the count is missing"),
        ("id,children\n1,NaN\n", "the count 'NaN' is not finite"),
        ("id,children\n1,-inf\n", "the count '-inf' is not finite"),
        ("id,children\n1,-3\n", "the count -3 is negative"),
        ("id,children\n1,1.5\n", "the count 1.5 is not whole"),
        ("id,children\n1,4503599627370496.5\n", "is not whole"),
        ("id,children\n1,9007199254740993\n", r"is above 2\^53"),
        ("id,children\n1,1e999999999\n", r"is above 2\^53"),
        ("id,children\n1,-1e999999999\n", r"is (above|negative)"),
        ("id,children\n1,1e-999999999\n", "is not whole"),
        ('id,children\n1,"1,000"\n', "the count '1,000' is no number"),
        ("id,children\n1,1_000\n", "the count '1_000' is no number"),
        ("id,children\n1,many\n", "the count 'many' is no number"),
        ("id,children\n1,\u0661\n", "is no number"),
        ("id,children\n1,2\0\n", "d.csv, line 2: a NUL character"),
    ],
)
def test_each_fault_names_file_row_column_and_value(reads, content, message):
    with pytest.raises(dpaudit.DataError, match=message):
        reads(content)


def test_only_the_first_few_of_many_faults_are_listed(reads):
    rows = "".join(f"{i},-1\n" for i in range(1200))
    with pytest.raises(dpaudit.DataError, match="and 1,195 more") as caught:
        reads("id,children\n" + rows)
    assert re.findall(r"line (\d+)", str(caught.value)) == ["2", "3", "4", "5", "6"]


def test_whole_counts_may_be_written_in_any_way(reads):
    found = reads("id,children\n1,3.0\n2,1e3\n3, 7 \n4,9007199254740992\n5,+0\n")
    assert found.counts.tolist() == [3, 1000, 7, 2**53, 0]


def test_one_entity_and_zero_totals_are_accepted(reads):
    assert len(reads("id,children\n1,0\n")) == 1


def test_a_byte_order_mark_and_crlf_are_accepted(reads):
    found = reads(b"\xef\xbb\xbfid,children\r\n01,2\r\n")
    assert found.entities == ("01",)
    assert found.digest == reads("id,children\n01,2\n").digest


def test_another_encoding_must_be_named(reads):
    content = "id,children,name\n1,2,x\n2,3,Cañon\n".encode("cp1252")
    with pytest.raises(dpaudit.DataError, match=r"line 3: byte 0xf1 .* is not UTF-8") as caught:
        reads(content)
    assert caught.match('encoding = "cp1252"')
    assert reads(content, encoding="cp1252", label="name").names == ("x", "Cañon")
    sixteen = "id,children\n1,2\n".encode("utf-16")
    with pytest.raises(dpaudit.DataError, match='encoding = "utf-16"'):
        reads(sixteen)
    assert reads(sixteen, encoding="utf-16").entities == ("1",)


def test_the_digest_is_of_the_content_not_of_the_format(reads):
    base = reads(GOOD).digest
    assert reads(GOOD.replace("2e3", "2000.0").replace("10,", "10.0,")).digest == base
    assert reads(GOOD.replace("2e3", "2001")).digest != base
    lines = GOOD.splitlines(keepends=True)
    assert reads("".join([lines[0], lines[2], lines[1], lines[3]])).digest != base


def test_parquet_gives_what_csv_gives(reads, tmp_path):
    table = pa.table(
        {
            "id": ["01", "02", "003"],
            "name": ["Alameda", "Butte", None],
            "county": ["06001", "06007", None],
            "children": pa.array([10, 0, 250], pa.int32()),
            "spending": [1.5, None, 2000.0],
        }
    )
    pq.write_table(table, tmp_path / "d.parquet")
    found = reads(None, "d.parquet", label="name", groups=(("county",),))
    assert found.digest == reads(GOOD, label="name", groups=(("county",),)).digest


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, None], "d.parquet, row 2, column 'children': the count is missing"),
        ([1.0, float("nan")], "row 2, column 'children': the count 'nan' is not finite"),
        ([2**53 + 1, 1], r"row 1, column 'children': .* above 2\^53"),
        ([1.0, 2.5], "the count 2.5 is not whole"),
    ],
)
def test_parquet_counts_are_checked(reads, tmp_path, values, message):
    pq.write_table(pa.table({"id": [1, 2], "children": values}), tmp_path / "d.parquet")
    with pytest.raises(dpaudit.DataError, match=message):
        reads(None, "d.parquet")


def test_whole_parquet_identifiers_become_text(reads, tmp_path):
    pq.write_table(pa.table({"id": [6001, 2**60], "children": [1, 2]}), tmp_path / "d.parquet")
    assert reads(None, "d.parquet").entities == ("6001", str(2**60))


def test_a_damaged_parquet_file_is_a_data_error(reads):
    with pytest.raises(dpaudit.DataError, match=r"d.parquet: not a Parquet file"):
        reads("id,children\n", "d.parquet")


def write_xlsx(path, rows):
    def cell(value):
        if isinstance(value, str):
            return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
        return "<c/>" if value is None else f"<c><v>{value}</v></c>"

    body = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType='
            '"application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>'
            f'<Override PartName="/xl/s.xml" ContentType="{kinds}.worksheet+xml"/></Types>',
        )
        head = (
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}'
        )
        book.writestr(
            "_rels/.rels", f'{head}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels", f'{head}/worksheet" Target="s.xml"/></Relationships>'
        )
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
            '<sheet name="Counts" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        book.writestr(
            "xl/s.xml", f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>'
        )


def test_excel_sheets_are_read(reads, tmp_path):
    rows = [["id", "children"], ["01", 10], [None, None], [7, 0]]
    write_xlsx(tmp_path / "d.xlsx", rows)
    found = reads(None, "d.xlsx")
    assert found.entities == ("01", "7")
    assert found.counts.tolist() == [10, 0]
    with pytest.raises(dpaudit.DataError, match=r"no sheet 'Count'\n.*did you mean 'Counts'"):
        reads(None, "d.xlsx", sheet="Count")
    write_xlsx(tmp_path / "d.xlsx", [*rows, ["8", -1]])
    with pytest.raises(dpaudit.DataError, match=r"d.xlsx, row 5, column 'children'"):
        reads(None, "d.xlsx")


def test_people_in_a_sheet_are_counted(reads, tmp_path):
    write_xlsx(tmp_path / "d.xlsx", [["x", "SEX"], ["a", 1], [None, None], ["b", 2], ["c", 2]])
    table = {"entity": "cell", "count": "count", "table": ("SEX",)}
    sex = AttributeSpec(column="SEX", labels=("1", "2", "3"), values={"1": "1", "2": "2"})
    found = reads(None, "d.xlsx", **table, domain={"SEX": sex})
    assert found.counts.tolist() == [1, 2, 0]
    one = AttributeSpec(column="SEX", labels=("1",), values={"1": "1"})
    with pytest.raises(dpaudit.DataError, match=r"d.xlsx, row 4, column 'SEX': '2' is not in"):
        reads(None, "d.xlsx", **table, domain={"SEX": one})
    absent = AttributeSpec(column="SX", labels=("1",), values={"1": "1"})
    with pytest.raises(dpaudit.DataError, match="no column 'SX'"):
        reads(None, "d.xlsx", **table, domain={"SEX": absent})


def test_excel_without_its_library_says_how_to_get_it(reads, tmp_path, monkeypatch):
    write_xlsx(tmp_path / "d.xlsx", [["id", "children"], ["01", 10]])
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(dpaudit.UnavailableError, match=r'pip install "dpaudit\[excel\]"'):
        reads(None, "d.xlsx")


def test_a_file_that_is_no_excel_file_is_a_data_error(reads):
    with pytest.raises(dpaudit.DataError, match=r"d.xlsx: not an Excel file"):
        reads("id,children\n", "d.xlsx")


def test_missing_files_and_formats(reads, tmp_path):
    (tmp_path / "districts.csv").write_text(GOOD)
    with pytest.raises(dpaudit.DataError, match=r"no such file\n.*did you mean 'districts.csv'"):
        reads(None, "district.csv")
    with pytest.raises(dpaudit.DataError, match="a folder"):
        reads(None, ".")
    with pytest.raises(dpaudit.DataError, match=r"'.doc' cannot be read"):
        reads("x", "d.doc")


def test_shared_data_are_looked_up_in_the_folder_then_the_cache(reads, tmp_path, monkeypatch):
    named, cache = tmp_path / "named", tmp_path / "cache"
    for folder, count in ((named, 1), (cache / "dpaudit" / "data", 2)):
        folder.mkdir(parents=True)
        (folder / "counties.csv").write_text(f"id,children\n1,{count}\n")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("DPAUDIT_DATA", str(named))
    assert reads(None, "data:counties").total == 1
    monkeypatch.delenv("DPAUDIT_DATA")
    assert reads(None, "data:counties").total == 2
    with pytest.raises(dpaudit.UnavailableError, match="dpaudit data get districts"):
        reads(None, "data:districts")
    for name in ("../named/counties", "", "a/b", "a\\b"):
        with pytest.raises(dpaudit.DataError, match="not a plain name"):
            reads(None, f"data:{name}")


def test_builtin_data_come_from_packages(tmp_path):
    registry = Registry()
    (tmp_path / "b.csv").write_text("id,children\n1,2\n")
    registry.datasets = lambda: {"b": dpaudit.EmbeddedData(path=tmp_path / "b.csv")}
    spec = DataSpec(file="builtin:b", status="public", entity="id", count="children")
    assert data.read(spec, tmp_path, registry).source == "builtin:b"
    assert data.header(spec, tmp_path, registry) == ("id", "children")
    wrong = DataSpec(file="builtin:c", status="public", entity="id", count="children")
    with pytest.raises(dpaudit.DataError, match="builtin:c: no installed package"):
        data.read(wrong, tmp_path, registry)


def test_size_classes_keep_their_order(reads):
    content = "id,county,children\n1,B,10\n2,A,50\n3,A,199\n4,B,1000\n5,A,1500\n6,C,5\n"
    found = reads(
        content,
        groups=(("size",), ("county",), ("county", "size")),
        classes={"size": ClassSpec(column="children", bounds=(50, 200, 1000))},
    )
    sizes = ("under 50", "50 to 199", "50 to 199", "1,000 and over", "1,000 and over", "under 50")
    assert found.groups["size"] == sizes
    assert data.group_order(found, "size") == ("under 50", "50 to 199", "1,000 and over")
    assert data.group_order(found, "county") == ("A", "B", "C")
    assert data.group_order(found, "county × size") == (
        "A × 50 to 199",
        "A × 1,000 and over",
        "B × under 50",
        "B × 1,000 and over",
        "C × under 50",
    )
    with pytest.raises(dpaudit.DataError, match="no grouping 'state'"):
        data.group_order(found, "state")


def test_class_labels_leave_no_gap():
    assert class_labels((50,), whole=True) == ("under 50", "50 and over")
    assert class_labels((1, 2, 5), whole=True) == ("under 1", "1", "2 to 4", "5 and over")
    assert class_labels((0.5, 2), whole=False) == ("under 0.5", "0.5 to under 2", "2 and over")


def test_entities_without_a_size_come_last(reads):
    content = "id,children,area\n1,1,\n2,2,0.5\n3,3,12\n4,4,9\n"
    classes = {"size": ClassSpec(column="area", bounds=(1, 10, 11))}
    found = reads(content, groups=(("size",),), classes=classes)
    wanted = ("under 1", "1 to under 10", "11 and over", data.NOT_STATED)
    assert data.group_order(found, "size") == wanted


def test_classes_of_text_are_refused(reads):
    classes = {"size": ClassSpec(column="area", bounds=(1,))}
    with pytest.raises(dpaudit.DataError, match=r"need numbers\n.*line 3 has 'big'"):
        reads("id,children,area\n1,1,1\n2,2,big\n", groups=(("size",),), classes=classes)


@pytest.mark.shared_data
def test_a_real_file_reads(shared, tmp_path, monkeypatch):
    (found,) = shared.rglob("saipe_school_districts_2019.csv")
    monkeypatch.setenv("DPAUDIT_DATA", str(found.parent))
    spec = DataSpec(
        file="data:saipe_school_districts_2019",
        status="public",
        entity="leaid",
        count="children_5_17_poverty",
        label="name",
        groups=(("usps",),),
    )
    real = data.read(spec, tmp_path, Registry())
    assert len(real) == 13_184
    assert real.entities[0] == "0100001"
