"""CSV, Parquet and Excel files: a data set that is right, or a :class:`DataError`."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from decimal import Decimal
from xml.sax.saxutils import escape

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dpaudit import data
from dpaudit.errors import DataError
from dpaudit.model.spec import ClassSpec, DataSpec, DerivedSpec

FUZZ = settings.get_profile("fuzz")
NUMBERS = ["0", "1", "-1", "1.5", " 7 ", "1e3", "1e-400", "1e400", "nan", "-inf", str(2**53),
           str(2**53 + 1), str(2**63), "9" * 300, "9" * 500, "٣", "1_000", "0x10", "1e99999999999",
           "1e-99999999999", "+5", ".5", "5.", "-0"]  # fmt: skip
CELLS = st.sampled_from([*NUMBERS, "", " ", "a", "b", "=1+1", "\u202e", "é", "n" * 300, "a,b", '"'])
CELLS |= st.text(max_size=5)
NAMES = st.sampled_from(["id", "n", "g", "id ", "", "N"])
HEAD = st.just(["id", "n", "g"]) | st.lists(NAMES, max_size=4)
ROWS = st.lists(st.lists(CELLS, min_size=3, max_size=3) | st.lists(CELLS, max_size=4), max_size=6)


def quoted(cell):
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set(',"\r\n') else cell


@st.composite
def csv_files(draw):
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    rows = [draw(HEAD), *draw(ROWS)]
    plain = draw(st.booleans())
    text = end.join(",".join(c if plain else quoted(c) for c in row) for row in rows)
    return harmed(draw, text.encode("utf-8", "surrogatepass"))


def harmed(draw, content):
    """Return bytes, most of them unchanged, else cut or with a few of them changed."""
    how = draw(st.sampled_from(["not", "not", "cut", "changed", "put in"]))
    if not content or how == "not":
        return content
    at = draw(st.integers(0, len(content) - 1))
    if how == "cut":
        return content[:at]
    new = draw(st.binary(min_size=1, max_size=4))
    return content[:at] + new + content[at + (len(new) if how == "changed" else 0) :]


KINDS = [
    (pa.int64(), st.integers(-(2**63), 2**63 - 1) | st.integers(0, 9)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.float64(), st.floats() | st.sampled_from([1.0, 2.0**53, 2.0**63])),
    (pa.float16(), st.floats(width=16).map(np.float16)),
    (pa.bool_(), st.booleans()),
    (pa.string(), st.text(st.characters(exclude_categories=["Cs"]), max_size=5)),
    (pa.binary(), st.binary(max_size=5)),
    (pa.decimal128(38, 3), st.integers(-(10**9), 10**9).map(Decimal)),
    (pa.date32(), st.dates()),
    (pa.timestamp("ns"), st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))),  # noqa: DTZ001
    (pa.timestamp("ns"), st.integers(-(2**63) + 1, 2**63 - 1)),
    (pa.timestamp("us", tz="Nowhere/None"), st.integers(0, 2**40)),
    (pa.timestamp("ms"), st.integers(-(2**62), 2**62)),
    (pa.date32(), st.integers(-(2**31), 2**31 - 1)),
    (pa.duration("us"), st.timedeltas(dt.timedelta(-9), dt.timedelta(9))),
    (pa.duration("s"), st.integers(-(2**62), 2**62)),
    (pa.time64("us"), st.times()),
    (pa.list_(pa.int64()), st.lists(st.integers(0, 9), max_size=2)),
    (pa.struct([("a", pa.int64())]), st.fixed_dictionaries({"a": st.integers(0, 9)})),
    (pa.null(), st.none()),
    (pa.dictionary(pa.int8(), pa.string()), st.sampled_from("abc")),
]


@st.composite
def parquet_files(draw):
    rows = draw(st.integers(0, 4))
    table = {}
    for name in ("id", "n", "g"):
        kind, values = draw(st.sampled_from(KINDS))
        cells = draw(st.lists(st.none() | values, min_size=rows, max_size=rows))
        table[draw(st.sampled_from([name, name, name, "id"]))] = pa.array(cells, type=kind)
    target = io.BytesIO()
    pq.write_table(pa.table(table), target)
    return harmed(draw, target.getvalue())


XLSX = {
    "[Content_Types].xml": '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/'
    'package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-'
    'officedocument.spreadsheetml.sheet.main+xml"/></Types>',
    "_rels/.rels": '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/'
    'package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/'
    'officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": '<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/'
    'spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/'
    'relationships"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<?xml version="1.0"?><Relationships xmlns="http://schemas.'
    'openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.'
    'openxmlformats.org/officeDocument/2006/relationships/worksheet" '
    'Target="worksheets/sheet1.xml"/></Relationships>',
}
KINDS_OF_CELL = st.sampled_from(["inlineStr", "n", "b", "e", "d", "s", "str", "nonsense"])


@st.composite
def excel_files(draw):
    def cell(value, kind):
        safe = escape("".join(c for c in value if c.isprintable()))
        inner = f"<is><t>{safe}</t></is>" if kind == "inlineStr" else f"<v>{safe}</v>"
        return f'<c t="{kind}">{inner}</c>'

    body = [[cell(v, "inlineStr") for v in draw(HEAD)]]
    body += [[cell(v, draw(KINDS_OF_CELL)) for v in row] for row in draw(ROWS)]
    with zipfile.ZipFile(io.BytesIO(book(*body))) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    which = draw(st.sampled_from(sorted(parts)))
    parts[which] = harmed(draw, parts[which])
    if draw(st.integers(0, 9)) == 0:
        del parts[draw(st.sampled_from(sorted(parts)))]
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return harmed(draw, target.getvalue())


FILES = {".csv": csv_files(), ".parquet": parquet_files(), ".xlsx": excel_files()}
ENCODINGS = st.sampled_from([None] * 6 + ["utf-16", "cp1252", "idna", "hex", "undefined", "a\0b",
                                          "unicode_escape", "utf-7", "punycode", ""])  # fmt: skip


def check(folder, suffix, content, registry, **more):
    """Read a file: what comes out is a data set, or one line that names the file."""
    (folder / f"d{suffix}").write_bytes(content)
    wanted = {"file": f"d{suffix}", "status": "public", "entity": "id", "count": "n",
              "groups": (("g",), ("size",)), **more}  # fmt: skip
    wanted["classes"] = {"size": ClassSpec(column="n", bounds=(1.0, 5.0))}
    try:
        found = data.read(DataSpec(**wanted), folder, registry)
    except DataError as error:
        assert "\n" not in error.message.replace(repr(error.message), "")
        assert f"d{suffix}" in error.message
        return None
    assert len(found) == len(set(found.entities)) > 0
    assert ((found.counts >= 0) & (found.counts <= 2**53)).all()
    np.testing.assert_array_equal(found.counts, np.rint(found.counts))
    assert all(len(labels) == len(found) for labels in found.groups.values())
    return found


@pytest.mark.parametrize("suffix", FILES)
def test_only_data_errors_come_out(suffix, registry, tmp_path):
    @settings(FUZZ)
    @given(content=FILES[suffix], noisy=st.booleans(), encoding=ENCODINGS)
    def only(content, noisy, encoding):
        check(tmp_path, suffix, content, registry, noisy=noisy, encoding=encoding)

    only()


@settings(FUZZ)
@given(first=st.integers(-1, 9) | st.just(2**70), cells=st.lists(CELLS, min_size=1, max_size=5))
@example(first=2, cells=["\ud800"])
def test_derived_columns(first, cells, registry, tmp_path):
    rows = "".join(f"{i},1,{quoted(cell)}\n" for i, cell in enumerate(cells))
    content = f"id,n,g\n{rows}".encode("utf-8", "surrogatepass")
    derived = {"made": DerivedSpec(column="g", first=first)}
    check(tmp_path, ".csv", content, registry, derived=derived)


def damaged_page():
    """Parquet whose text is not UTF-8."""
    target = io.BytesIO()
    table = pa.table({"id": ["XYZ"], "n": [1], "g": ["a"]})
    pq.write_table(table, target, compression="none", use_dictionary=False, write_statistics=False)
    return target.getvalue().replace(b"XYZ", b"\xff\xfeZ")


def book(*rows):
    """An Excel file with these cells, as its own XML has them."""
    target = io.BytesIO()
    body = "".join(f"<row>{''.join(row)}</row>" for row in rows)
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in XLSX.items():
            archive.writestr(name, text)
        archive.writestr(
            "xl/worksheets/sheet1.xml",
            '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
            f"<sheetData>{body}</sheetData></worksheet>",
        )
    return target.getvalue()


def texts(*cells):
    return [f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in cells]


def odd(cell):
    return book(texts("id", "n", "g"), [*texts("a"), cell, *texts("x")])


CSV = b"id,n,g\na,1,x\n"
FOUND = {
    "no number in a number": (".xlsx", odd('<c t="n"><v>:</v></c>'), None, "damaged"),
    "an error": (".xlsx", odd('<c t="e"><v>#DIV/0!</v></c>'), None, "is missing"),
    "bytes for text": (".parquet", damaged_page(), None, "damaged"),
    "NUL in an encoding": (".csv", CSV, "a\0b", "cannot be an encoding"),
    "half a character": (".csv", b"id,n,g\n+2AA-,1,x\n", "utf-7", "half a character"),
    "a warning": (".csv", b"id,n,g\n0,0,\\8x", "unicode_escape", None),
    "no text": (".csv", CSV, "hex", "no encoding that Python knows"),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_fuzzing_has_found(name, registry, tmp_path):
    suffix, content, encoding, message = FOUND[name]
    (tmp_path / f"d{suffix}").write_bytes(content)
    spec = DataSpec(file=f"d{suffix}", status="public", entity="id", count="n", encoding=encoding)
    if message is None:
        assert len(data.read(spec, tmp_path, registry)) == 1
        return
    with pytest.raises(DataError, match=message) as caught:
        data.read(spec, tmp_path, registry)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("file", ["n" * 300, "a\0b", "x/" * 3000 + "y", "../" * 60 + "n" * 256])
def test_names_that_no_file_can_have(file, registry, tmp_path):
    spec = DataSpec(file=file, status="public", entity="id", count="n")
    with pytest.raises(DataError, match="no such file"):
        data.read(spec, tmp_path, registry)


@pytest.mark.parametrize("suffix", FILES)
def test_whole_files_are_read(suffix, registry, tmp_path):
    """What is harmed above is right before, else nothing behind the first check is tried."""
    target = io.BytesIO()
    if suffix == ".parquet":
        pq.write_table(pa.table({"id": ["a", "b"], "n": [1, 7], "g": ["x", "y"]}), target)
    elif suffix == ".csv":
        target.write(b"id,n,g\na,1,x\nb,7,y\n")
    else:
        rows = [("id", "n", "g"), ("a", "1", "x"), ("b", "7", "y")]
        target.write(book(*(texts(*row) for row in rows)))
    found = check(tmp_path, suffix, target.getvalue(), registry)
    assert found.counts.tolist() == [1.0, 7.0]
