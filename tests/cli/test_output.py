"""What commands print holds nothing that a terminal or a pipeline obeys."""

from __future__ import annotations

import json

import pytest

from dpaudit.cli.output import coloured, document, echo
from dpaudit.cli.pipelines import sarif, workflow_commands
from dpaudit.report.exports import harmless

CONTROLS = "\x1b]0;x\x07\x1b[2J\x9b1m\x7f\u202e\u2028"


def test_names_move_no_cursor_and_verdicts_keep_their_colour(capsys, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)
    echo(f"a{CONTROLS}b [{coloured('not met')}]\n\tc")
    assert capsys.readouterr().out == "a]0;x[2J1mb [\x1b[31mnot met\x1b[0m]\n\tc\n"


@pytest.mark.parametrize("line", ["::error::x", "  ::add-mask::x", "a\n::stop::x", "x ##[group]"])
def test_no_line_is_a_workflow_command(line, capsys, monkeypatch):
    echo(line)
    assert capsys.readouterr().out == f"{line}\n"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    echo(line)
    said = capsys.readouterr().out
    assert "##[" not in said
    assert not any(part.strip().startswith("::") for part in said.splitlines())


def test_documents_spell_what_cannot_be_seen(capsys):
    document({"name": CONTROLS})
    said = capsys.readouterr().out
    assert not set(said) & set(CONTROLS) - set("]0;x[2J1m")
    assert json.loads(said) == {"name": CONTROLS}


def test_pipelines_get_plain_text(tmp_path):
    finding = {"verdict": "not met", "id": f"a{CONTROLS}/b", "statement": f"x{CONTROLS}\n::y"}
    (line,) = workflow_commands([finding], [], tmp_path / "a b.toml")
    assert not set(line) & set(CONTROLS) - set("]0;x[2J1m")
    assert "\n" not in line
    text = sarif([finding], [], tmp_path / "a b.toml", "1")
    assert "a%20b.toml" in text
    (result,) = json.loads(text)["runs"][0]["results"]
    assert result["message"]["text"] == finding["statement"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [("Kern", "Kern"), ("=1", "'=1"), (" =1", "' =1"), ("＝1", "'＝1"), ("\t=1", "'\t'=1"),
     ("a;=1", "a;'=1"), ("a; -b", "a;' -b"), ("a;b", "a;b"), ("5-6", "5-6"), ("a\n@b", "a\n'@b")],
)  # fmt: skip
def test_no_cell_begins_a_formula(text, shown):
    assert harmless(text) == shown
