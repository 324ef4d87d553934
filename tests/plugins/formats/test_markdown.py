"""The report as Markdown: what it says, and nothing that a name could add to it."""

from __future__ import annotations

import pytest

import dpaudit
from dpaudit.cli.main import run as command_line
from dpaudit.errors import UsageError
from dpaudit.model.finding import Finding
from dpaudit.model.report import (
    Column,
    DefinitionList,
    Figure,
    Findings,
    Heading,
    List,
    Paragraph,
    Report,
    Section,
    Table,
)
from dpaudit.report.write import check_formats
from dpaudit_plugins.formats.markdown import markdown, plain

TABLE = Table(caption="C", columns=(Column(label="a"), Column(label="b", numeric=True)),
              rows=(("x|y", "1"), ("z", "2")), note="n")  # fmt: skip
REPORT = Report(
    title="T", summary="S", organisation="O", language="en", date=None, banner="Confidential: b",
    findings=(), generator="dpaudit 1",
    sections=(
        Section(
            name="one", title="One",
            blocks=(
                Heading(text="H"), Paragraph(text="1. not a list"), List(items=("i", "j")),
                List(items=("k",), ordered=True), DefinitionList(items=(("t", "d"),)), TABLE,
                Figure(title="F", subtitle="s", svg="<svg/>", alt="alt 5", table=TABLE),
                Findings(findings=(Finding(id="f", verdict="higher", statement="V", detail="D"),)),
            ),
        ),
    ),
)  # fmt: skip


def test_every_kind_of_block_is_told():
    text = markdown(REPORT)
    for part in ("**Confidential: b**", "# T", "## One", "### H", "\\1. not a list", "- i\n- j",
                 "1. k", "- **t**: d", "| a | b |\n| --- | ---: |\n| x\\|y | 1 |", "alt 5",
                 "### V"):  # fmt: skip
        assert part in text, part
    assert text.startswith("**Confidential")


@pytest.mark.parametrize(
    "name",
    ["<script>x</script>", "[a](http://e.org)", "![i](x)", "# h", "- i", "a|b", "`c`", "1. d"],
)
def test_a_name_stays_text(name):
    text = plain(name)
    assert "<script" not in text.replace("\\<", "")
    assert text != name
    assert text.replace("\\", "") == name


def test_the_format_is_named_in_an_audit_file_and_on_the_command_line(tmp_path, capsys):
    (tmp_path / "d.csv").write_text("id,n\na,5\nb,9\nc,40\n")
    audit = tmp_path / "audit.toml"
    audit.write_text(
        '[data]\nfile = "d.csv"\nstatus = "public"\nentity = "id"\ncount = "n"\n'
        "[run]\ndraws = 64\n[[release]]\n"
        'mechanism = { use = "laplace", epsilon = 1.0 }\nneighbours = "add-remove"\n'
        '[[decision]]\nuse = "counts"\n[[audit]]\nuse = "bias"\n'
        '[report]\nformats = ["markdown"]\n'
    )
    assert dpaudit.load(audit).report.formats == ("markdown",)
    assert command_line(["report", str(audit), "--out", str(tmp_path / "a"), "--no-cache"]) == 0
    text = (tmp_path / "a" / "report.md").read_text(encoding="utf-8")
    assert text.startswith("# audit")
    assert "## Provenance" in text
    assert not (tmp_path / "a" / "report.html").exists()
    wrong = ["report", str(audit), "--out", str(tmp_path / "b"), "--no-cache", "-f", "markdwon"]
    assert command_line(wrong) == 2
    assert "no report format 'markdwon'" in capsys.readouterr().err
    assert not list((tmp_path / "b").iterdir())


def test_a_format_that_nobody_writes_is_named_before_anything_is_measured():
    with pytest.raises(UsageError, match="no report format 'docx'"):
        check_formats(("html", "docx"), dpaudit.Registry())
