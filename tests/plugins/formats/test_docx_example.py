"""The example that writes Word documents: all of a report, plain, and the same bytes twice."""

from __future__ import annotations

import sys
from pathlib import Path

import attrs
import docx
import pytest

import dpaudit
from dpaudit.blocks import (
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
from dpaudit.cli.main import run as command_line
from dpaudit.plugin_file import import_file

FOLDER = Path(__file__).parents[3] / "examples" / "docx_report"
TABLE = Table(caption="C", columns=(Column(label="a"), Column(label="b", numeric=True)),
              rows=(("<b>x</b>", "1"), ("z", "2")), note="n")  # fmt: skip
FINDING = dpaudit.Finding(id="f", verdict="higher", statement="V", detail="D", reason="R")
REPORT = Report(
    title="T & U", summary="S", organisation="O", language="es", date="2024-04-01",
    banner="Confidential: b", findings=(), generator="dpaudit 1",
    sections=(
        Section(
            name="one", title="One",
            blocks=(
                Heading(text="H"), Paragraph(text="P"), List(items=("i", "j")),
                List(items=("k",), ordered=True), DefinitionList(items=(("t", "d"),)), TABLE,
                Figure(title="F", subtitle="s", svg="<svg/>", alt="alt 5", table=TABLE),
            ),
            aside=(Findings(findings=(FINDING,)),),
        ),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def plugin():
    return import_file(FOLDER / "docx_report.py")


def test_every_kind_of_block_is_told(plugin, tmp_path):
    file = plugin.dpaudit_render(report=REPORT, format="docx", folder=tmp_path)
    made = docx.Document(file)
    said = [(p.style.name, p.text) for p in made.paragraphs]
    for part in (
        ("Title", "T & U"), ("Subtitle", "S"), ("Heading 1", "One"), ("Heading 2", "H"),
        ("List Bullet", "j"), ("List Number", "k"), ("Normal", "t. d"), ("Caption", "C"),
        ("Normal", "F. s. alt 5"), ("Heading 2", "V"), ("Normal", "D"), ("Normal", "R"),
        ("Normal", "O · 2024-04-01"), ("Normal", "n"),
    ):  # fmt: skip
        assert part in said, part
    assert len(made.tables) == 2
    assert [cell.text for cell in made.tables[0].rows[1].cells] == ["<b>x</b>", "1"]
    assert made.tables[0].rows[0]._tr.trPr.xpath("w:tblHeader")
    assert made.sections[0].header.paragraphs[0].text == "Confidential: b · T & U"
    assert (made.core_properties.title, made.core_properties.language) == ("T & U", "es")


def test_the_same_report_gives_the_same_bytes(plugin, tmp_path):
    made = []
    for name in "ab":
        folder = tmp_path / name
        folder.mkdir()
        file = plugin.dpaudit_render(report=REPORT, format="docx", folder=folder)
        made.append(file.read_bytes())
    assert made[0] == made[1]
    other = attrs.evolve(REPORT, summary="Another")
    file = plugin.dpaudit_render(report=other, format="docx", folder=tmp_path)
    assert file.read_bytes() != made[0]
    assert plugin.dpaudit_render(report=REPORT, format="odt", folder=tmp_path) is None


def test_without_python_docx_it_says_what_to_install(plugin, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(dpaudit.UnavailableError, match="pip install python-docx"):
        plugin.dpaudit_render(report=REPORT, format="docx", folder=tmp_path)


@pytest.mark.slow
def test_the_audit_of_the_example_writes_it(tmp_path):
    command = ["report", str(FOLDER / "audit.toml"), "--draws", "64", "-o", str(tmp_path), "-q"]
    assert command_line(command) == 0
    said = [p.text for p in docx.Document(tmp_path / "report.docx").paragraphs]
    assert said[0] == "Grants by noisy counts, as a Word document"
    assert any("average losses add up to" in text for text in said)
    assert "Provenance" in said
