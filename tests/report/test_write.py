"""Files: whole, inside the folder, the same bytes twice; a PDF that passes two checkers."""

from __future__ import annotations

import csv
import io
import json
import os
import zlib

import attrs
import jsonschema
import numpy as np
import page as checker
import pikepdf
import pyarrow.parquet as pq
import pytest

from dpaudit.errors import UnavailableError, UsageError
from dpaudit.report import pdf
from dpaudit.report.exports import (
    COLUMNS,
    findings_schema,
    harmless,
    measurements_csv,
    measurements_parquet,
)
from dpaudit.report.given import given
from dpaudit.report.html import NEUTRAL
from dpaudit.report.pdf import Attached, render_pdf
from dpaudit.report.write import write_report


@pytest.fixture(scope="module")
def small(make):
    make_results, make_dataset = make
    return make_results(data=make_dataset(40), mechanisms=("laplace",))


@pytest.fixture(scope="module")
def written(small, tmp_path_factory):
    return write_report(small, tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def confidential_pdf(confidential, tmp_path_factory):
    folder = tmp_path_factory.mktemp("confidential")
    return write_report(confidential, folder, formats=("pdf",)).files["pdf"]


def test_all_files_are_there_and_nothing_else(written):
    folder = written.files["html"].parent
    assert sorted(f.name for f in folder.iterdir()) == [
        "findings.json", "measurements.csv", "measurements.parquet", "report.html", "report.pdf",
    ]  # fmt: skip
    assert not written.missing


def test_the_same_bytes_twice(small, written, tmp_path):
    again = write_report(small, tmp_path)
    for name, file in written.files.items():
        assert again.files[name].read_bytes() == file.read_bytes(), name


@pytest.mark.parametrize("profile", ["ua1", "3a"])
def test_the_pdf_passes_the_checker(written, confidential_pdf, profile):
    for file in (written.files["pdf"], confidential_pdf):
        report = checker.validate_pdf(file, profile=profile)
        assert report.is_compliant, [(f.rule_id, f.message) for f in report.failures]
        assert report.rules.total > 100


def test_the_checker_sees_a_missing_language(written, tmp_path):
    """The negative control of the test above."""
    with pikepdf.open(written.files["pdf"]) as document:
        del document.Root["/Lang"]
        document.save(tmp_path / "bad.pdf")
    assert not checker.is_pdf_compliant(tmp_path / "bad.pdf", profile="ua1")


def test_the_pdf_has_what_a_reader_needs(written):
    with pikepdf.open(written.files["pdf"]) as document:
        root = document.Root
        assert str(root.Lang) == "en"
        assert bool(root.MarkInfo.Marked)
        assert root.PageLabels.Nums[1].S == "/D"
        assert root.Outlines.Count > 5
        assert set(document.attachments) == {
            "audit.toml", "findings.json", "measurements.csv", "measurements.parquet",
        }  # fmt: skip
        figures = [o for o in document.objects if _is(o, "/S", "/Figure")]
        assert figures
        assert all("$" in str(f.Alt) for f in figures)
        headers = [o for o in document.objects if _is(o, "/S", "/TH")]
        assert headers
        assert all("/Scope" in h.A for h in headers)


def _is(obj, key, value):
    return isinstance(obj, pikepdf.Dictionary) and obj.get(key) == value


def test_every_page_of_a_confidential_pdf_says_so(confidential_pdf):
    from pypdf import PdfReader

    pages = PdfReader(confidential_pdf).pages
    assert pages
    for one in pages:
        assert "not for release" in one.extract_text()


def test_confidential_data_make_no_public_report(confidential, tmp_path):
    with pytest.raises(UsageError, match="hold confidential counts"):
        write_report(confidential, tmp_path, public=True)
    assert not list(tmp_path.iterdir())


def test_nothing_is_fetched_into_a_pdf(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("planted-48217")
    html = (
        f'<html lang="en"><head><title>t</title><link rel="attachment" href="{secret.as_uri()}">'
        f'<link rel="stylesheet" href="{secret.as_uri()}"></head><body><h1>t</h1>'
        f'<img alt="x" src="{secret.as_uri()}"><a rel="attachment" href="{secret.as_uri()}">a</a>'
        '<img alt="y" src="http://127.0.0.1:9/x.png"></body></html>'
    )
    made = render_pdf(html, when=NEUTRAL, files={"a": Attached(content=b"kept",
                      relationship="Data", description="d")})  # fmt: skip
    with pikepdf.open(io.BytesIO(made)) as document:
        assert set(document.attachments) == {"a"}
        streams = [o.read_bytes() for o in document.objects if isinstance(o, pikepdf.Stream)
                   and "/Subtype" not in o]  # fmt: skip
        assert not any(b"planted-48217" in s for s in streams)


def test_no_line_of_a_heading_stays_behind_when_its_section_moves(written):
    """A finding that does not fit moves to the next page whole, with both lines of each heading."""
    from pypdf import PdfReader

    page = written.files["html"].read_text(encoding="utf-8")
    style = page[page.index("<style>") : page.index("</style>") + len("</style>")]
    part = "<h3>Condition: what was found</h3><p>Nothing beyond what was due.</p>"
    section = f'<section class="finding-section"><h2>A finding</h2>{part * 4}</section>'
    for above in range(150, 230, 4):
        body = f'<p style="height: {above}mm">Above.</p>{section}'
        made = render_pdf(f'<html lang="en"><head><title>t</title>{style}</head><body>{body}</body>'
                          "</html>", when=NEUTRAL, files={})  # fmt: skip
        texts = [one.extract_text() for one in PdfReader(io.BytesIO(made)).pages]
        assert "found" not in texts[0] or texts[0].count("found") == 4
        assert sum(text.count("found") for text in texts) == 4


def test_without_pango_the_rest_is_written(small, tmp_path, monkeypatch):
    def gone():
        raise UnavailableError("the PDF needs WeasyPrint and Pango", hint=pdf.INSTALL)

    (tmp_path / "report.pdf").write_bytes(b"of another run")
    monkeypatch.setattr(pdf, "_weasyprint", gone)
    made = write_report(small, tmp_path)
    assert "pdf" not in made.files
    assert "apt-get install libpango" in made.missing["pdf"]
    assert made.files["html"].exists()
    assert made.files["json"].exists()
    assert not (tmp_path / "report.pdf").exists()


def test_a_failed_write_leaves_the_old_file(small, tmp_path, monkeypatch):
    (tmp_path / "report.html").write_text("old")

    def full(_handle):
        raise OSError("no space")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="no space"):
        write_report(small, tmp_path, formats=("html",))
    assert [f.name for f in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text() == "old"


def test_findings_json_is_plain_json_with_a_schema_version(written):
    document = json.loads(written.files["json"].read_text(encoding="utf-8"))
    assert document["schema_version"] == 1
    assert {f["id"] for f in document["findings"]} == {f.id for f in written.report.findings}
    assert all(f["evidence"] for f in document["findings"])


def test_findings_json_keeps_to_its_published_schema(written, confidential, tmp_path):
    schema = findings_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    kept = write_report(confidential, tmp_path, formats=("json",)).files["json"]
    for file in (written.files["json"], kept):
        jsonschema.validate(json.loads(file.read_text(encoding="utf-8")), schema)
    wrong = json.loads(kept.read_text(encoding="utf-8"))
    wrong["findings"][0]["verdict"] = "perhaps"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, schema)


def test_measurements_come_back_as_they_were(small):
    table = pq.read_table(io.BytesIO(measurements_parquet(small)))
    assert tuple(table.column_names) == COLUMNS
    told = (*small.measurements, *given(small))
    expected = np.concatenate([np.atleast_1d(m.estimate.value) for m in told])
    np.testing.assert_array_equal(table["value"].to_numpy(), expected)
    rows = list(csv.DictReader(io.StringIO(measurements_csv(small))))
    np.testing.assert_array_equal([float(r["value"]) for r in rows], expected)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_spreadsheet_runs_nothing(small, start):
    bad = f"{start}HYPERLINK(1)"
    m = next(m for m in small.measurements if m.over == "entity")
    labels = (bad, *m.labels[1:])
    one = attrs.evolve(small, measurements=(attrs.evolve(m, labels=labels),))
    row = next(csv.DictReader(io.StringIO(measurements_csv(one), newline="")))
    assert row["entity"] == f"'{bad}"
    float(row["value"])
    assert harmless("Kern") == "Kern"


def test_an_unknown_format_is_refused_and_a_plug_in_is_held_to_the_folder(small, tmp_path):
    with pytest.raises(UsageError, match="no report format 'docx'"):
        write_report(small, tmp_path, formats=("docx",))

    class Hook:
        def __getattr__(self, name):
            return lambda **_: [] if name != "dpaudit_render" else tmp_path.parent / "x"

    class Registry:
        hook = Hook()

    with pytest.raises(UsageError, match="outside the folder"):
        write_report(small, tmp_path, formats=("docx",), registry=Registry())


def test_an_exact_audit_prints_no_interval(make, tmp_path):
    make_results, make_dataset = make
    exact = make_results(data=make_dataset(20), mechanisms=("laplace",), exact=True)
    made = write_report(exact, tmp_path, formats=("html",))
    html = made.files["html"].read_text(encoding="utf-8")
    assert "(exact)" in html
    assert "95% interval" not in html


def test_a_stream_that_ends_in_a_carriage_return_is_encoded_anew(tmp_path):

    bad = b"\x0c"
    assert zlib.compress(bad, 9).endswith(b"\r")
    html = '<html lang="en"><head><title>t</title></head><body><h1>t</h1></body></html>'
    file = Attached(content=bad, relationship="Data", description="d")
    made = render_pdf(html, when=NEUTRAL, files={"a.csv": file})
    report = checker.validate_pdf_bytes(made, profile="3a")
    assert report.is_compliant, [(f.rule_id, f.message) for f in report.failures]
    with pikepdf.open(io.BytesIO(made)) as document:
        assert document.attachments["a.csv"].get_file().read_bytes() == bad
