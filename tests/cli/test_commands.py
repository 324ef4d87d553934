"""The small subcommands, and what run and report share."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from dpaudit.cli import doctor
from dpaudit.cli.execution import cache_folder, ending, writable, write_record
from dpaudit.cli.main import run
from dpaudit.errors import ExitCode, UsageError
from dpaudit.model.finding import Finding

ROOT = Path(__file__).parents[2]


def finding(verdict):
    return Finding(id="x", verdict=verdict, statement="Something is so")


@pytest.mark.parametrize(
    ("found", "kept", "strict", "code"),
    [
        ([], [], False, ExitCode.DONE),
        (["higher", "cannot tell"], ["met"], False, ExitCode.DONE),
        (["cannot tell"], [], True, ExitCode.CANNOT_TELL),
        ([], ["met", "cannot tell"], True, ExitCode.CANNOT_TELL),
        ([], ["met", "not met"], False, ExitCode.THRESHOLD),
        (["cannot tell"], ["not met"], True, ExitCode.THRESHOLD),
        (["lower"], ["met"], True, ExitCode.DONE),
    ],
)
def test_the_ending_of_an_audit(found, kept, strict, code):
    assert ending(map(finding, found), map(finding, kept), strict=strict) == code


def test_the_record_of_a_run_is_json(tmp_path):
    path = write_record(tmp_path, {"platform": "é", "workers": 2})
    assert path.name == "run.json"
    assert json.loads(path.read_text(encoding="utf-8")) == {"platform": "é", "workers": 2}
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]


def test_a_folder_that_cannot_be_written_costs_no_time(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(UsageError, match="cannot write to the folder"):
        writable(file / "below")


def test_the_cache_can_be_moved(monkeypatch):
    monkeypatch.delenv("DPAUDIT_CACHE", raising=False)
    assert cache_folder() == Path(".dpaudit-cache")
    monkeypatch.setenv("DPAUDIT_CACHE", "elsewhere")
    assert cache_folder() == Path("elsewhere")


def test_init_writes_an_audit_file_that_has_no_fault(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["init"]) == 0
    assert "audit.toml written" in capsys.readouterr().out
    content = tomllib.loads((tmp_path / "audit.toml").read_text(encoding="utf-8"))
    assert content["data"]["file"] == "builtin:california-districts"
    assert run(["check", "audit.toml"]) == 0


def test_init_never_writes_over_a_file(tmp_path, capsys):
    path = tmp_path / "mine.toml"
    path.write_text("precious")
    assert run(["init", str(path)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert path.read_text() == "precious"


def test_plan_lists_every_task(tmp_path, capsys):
    audit = ROOT / "examples" / "own_formula" / "audit.toml"
    assert run(["plan", str(audit), "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert len(plan["tasks"]) == 8
    assert sum(" + " in task["id"] for task in plan["tasks"]) == 4  # one mitigation of each
    assert {task["decision"] for task in plan["tasks"]} == {"title-i-simple", "formula"}
    assert run(["plan", str(audit)]) == 0
    assert "epsilon=0.1" in capsys.readouterr().out


def test_show_prints_the_findings_of_a_folder(tmp_path, capsys):
    said = {"verdict": "higher", "statement": "Small districts gain", "detail": "12 dollars",
            "confidence": "high"}  # fmt: skip
    content = {"title": "An audit", "findings": [said], "thresholds": []}
    (tmp_path / "findings.json").write_text(json.dumps(content), encoding="utf-8")
    assert run(["show", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "An audit" in out
    assert "- Small districts gain [higher]\n  12 dollars (confidence: high)" in out
    assert run(["show", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == content


@pytest.mark.parametrize("text", [None, "{", "[]", '{"other": 1}'])
def test_show_says_what_is_wrong_with_a_folder(tmp_path, capsys, text):
    if text is not None:
        (tmp_path / "findings.json").write_text(text, encoding="utf-8")
    assert run(["show", str(tmp_path)]) == 2
    assert "findings.json" in capsys.readouterr().err


def test_plugins_list_in_two_forms(capsys):
    assert run(["plugins", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"kind", "name", "distribution", "version", "module", "digest", "summary"} <= set(
        found["plugins"][0]
    )
    assert {p["name"] for p in found["plugins"]} >= {"laplace", "allotment", "bias", "simplex"}
    assert run(["plugins", "list", "--kind", "decision"]) == 0
    out = capsys.readouterr().out
    assert "allotment" in out
    assert "laplace" not in out


def test_plugins_show_says_the_parameters(capsys):
    assert run(["plugins", "show", "formula"]) == 0
    out = capsys.readouterr().out
    assert "decision formula" in out
    assert "required" in out
    assert run(["plugins", "show", "laplace", "--json"]) == 0
    parameters = json.loads(capsys.readouterr().out)["parameters"]
    assert "epsilon" in {parameter["name"] for parameter in parameters}


def test_a_broken_plugin_file_is_named(tmp_path, capsys):
    file = tmp_path / "broken.py"
    file.write_text("1 / 0\n")
    assert run(["-p", str(file), "plugins", "list"]) == 3
    error = capsys.readouterr().err
    assert "broken.py" in error
    assert "Traceback" not in error


def test_data_list_names_embedded_and_packaged_data(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert run(["data", "list", "--json"]) == 0
    listed = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    embedded = {
        "builtin:california-districts",
        "builtin:county-labour-force",
        "builtin:us-counties",
        "builtin:apportionment-2000",
        "builtin:apportionment-2010",
    }
    packaged = {f"builtin:{n}" for n in ("abalone", "adult", "compas", "digits", "german-credit")}
    assert set(listed) == embedded | packaged
    assert all(Path(listed[name]["file"]).is_file() for name in embedded)
    assert all(listed[name]["file"] is None for name in packaged)
    assert all(each["source"] and each["licence"] for each in listed.values())
    assert run(["data", "list"]) == 0
    shown = capsys.readouterr().out
    assert "dpaudit data get adult" in shown
    assert "CC BY 4.0" in shown


def test_data_get_refuses_names_it_does_not_know(capsys):
    assert run(["data", "get", "aduld"]) == 2
    assert "did you mean 'adult'?" in capsys.readouterr().err
    assert run(["data", "get"]) == 2


def test_data_get_returns_embedded_files_as_they_are(capsys):
    assert run(["data", "get", "apportionment-2010", "--json"]) == 0
    (got,) = json.loads(capsys.readouterr().out)
    assert Path(got["file"]).name == "apportionment_2010.csv"


def test_doctor_finds_this_installation_whole(capsys):
    assert run(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["whole"] is True


def test_doctor_says_what_is_wrong(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "_installed", lambda name: name not in {"numpy", "torch"})
    assert run(["doctor", "--quiet"]) == 2
    out = capsys.readouterr().out
    assert "wrong: not installed: numpy" in out
    assert "warning: extra learn: without torch" in out
    assert "dpaudit[learn]" in out


def test_schema_is_a_json_schema_that_takes_the_example(capsys):
    import jsonschema

    assert run(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    example = ROOT / "examples" / "title_i" / "audit.toml"
    content = tomllib.loads(example.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(content, schema)
    content["data"]["colour"] = "red"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, schema)
