"""What changed between reports, whether a report is what it was, and output for pipelines."""

import json
import re
import shutil

import pytest

from dpaudit.cli.main import run

AUDIT = """
title = "Verified"
[data]
file = "d.csv"
status = "public"
entity = "id"
count = "n"
groups = ["g"]
[run]
draws = 256
[[release]]
name = "r"
mechanism = {{ use = "laplace", epsilon = {epsilon} }}
neighbours = "add-remove"
postprocess = [{{ use = "non-negative" }}]
[[decision]]
use = "allotment"
[[audit]]
use = "bias"
fail_if = {{ over = {over}, for = "any entity" }}
[report]
formats = ["json", "pdf"]
"""


def written(folder, epsilon=0.1, over=10):
    folder.mkdir(exist_ok=True)
    (folder / "d.csv").write_text("id,n,g\na,5,x\nb,9,x\nc,40,y\nd,1,y\n")
    (folder / "audit.toml").write_text(AUDIT.format(epsilon=epsilon, over=over))
    return folder / "audit.toml"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A report with its PDF, and one without at another budget."""
    home = tmp_path_factory.mktemp("reports")
    audit = written(home / "audit")
    assert run(["report", str(audit), "-o", str(home / "one"), "-q", "--no-cache"]) == 0
    other = written(home / "other", epsilon=1.0)
    arguments = ["report", str(other), "-o", str(home / "two"), "-q", "--no-cache", "-f", "json"]
    assert run(arguments) == 0
    return home


@pytest.fixture
def report(made, tmp_path):
    return shutil.copytree(made / "one", tmp_path / "one")


def test_a_report_is_the_same_as_itself(made, capfd):
    one = str(made / "one")
    assert run(["compare", one, one, "--fail"]) == 0
    printed = capfd.readouterr().out
    counted = re.fullmatch(
        r"([\d,]+) of ([\d,]+) numbers did not change beyond the noise\n", printed
    )
    assert counted[1] == counted[2] != "0"


def test_chance_is_no_change_and_another_law_is(made, tmp_path, capfd):
    """The control: another seed moves every simulated number, and none beyond its interval."""
    audit, again = made / "audit" / "audit.toml", tmp_path / "again"
    arguments = ["report", str(audit), "-o", str(again), "-q", "--no-cache", "-f", "json"]
    assert run([*arguments, "--seed", "7"]) == 0
    capfd.readouterr()
    assert run(["compare", str(made / "one"), str(again), "--json", "--fail"]) == 0
    assert not json.loads(capfd.readouterr().out)["changed"]
    shutil.copy(made / "two" / "measurements.parquet", tmp_path)
    assert run(["compare", str(made / "one"), str(tmp_path), "--json", "--fail"]) == 1
    found = json.loads(capfd.readouterr().out)
    bias = next(c for c in found["changes"] if c["quantity"] == "bias" and c["over"] == "entity")
    assert bias["compared"] == 4
    assert bias["higher"] + bias["lower"] >= 1
    assert abs(bias["after"]) < abs(bias["before"])


def test_what_is_no_folder_of_measurements_is_said(tmp_path, capfd):
    assert run(["compare", str(tmp_path), str(tmp_path)]) == 2
    assert "name the folder that" in capfd.readouterr().err


def test_a_report_is_verified(made, report, capfd):
    audit = str(made / "audit" / "audit.toml")
    assert run(["verify", str(report / "report.pdf"), "--audit", audit, "--rerun", "-q"]) == 0
    assert run(["verify", str(report), "--audit", audit, "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["verified"]
    said = " ".join(check["what"] for check in found["checks"])
    assert "the audit file inside has the stated digest" in said
    assert "d.csv has the digest in the report" in said
    assert {check["state"] for check in found["checks"]} == {"ok"}


@pytest.mark.parametrize(
    ("change", "what"),
    [  # each beside test_a_report_is_verified, the control
        ("findings", "not so: findings.json beside it is the same"),
        ("pdf", "not so: audit.toml inside report.pdf is undamaged"),
        ("audit", "not so: .*audit.toml has the digest in the report"),
        ("data", "not so: d.csv has the digest in the report"),
    ],
)
def test_what_was_changed_is_found(made, report, tmp_path, capfd, change, what):  # noqa: PLR0917
    audit = shutil.copytree(made / "audit", tmp_path / "audit") / "audit.toml"
    if change == "findings":
        path = report / "findings.json"
        path.write_text(path.read_text().replace("allotment", "allotnemt", 1))
    if change == "pdf":
        path = report / "report.pdf"
        content = path.read_bytes()
        at = content.index(b"/EmbeddedFile")
        digest = re.search(rb"/CheckSum <([0-9a-f]{32})>", content[at:])[1]
        path.write_bytes(content.replace(digest, b"0" * 32, 1))
        what = r"not so: \S+ inside report.pdf is undamaged"
    if change == "audit":
        audit.write_text(audit.read_text() + "# a remark\n")
    if change == "data":
        (audit.parent / "d.csv").write_text("id,n,g\na,6,x\nb,9,x\nc,40,y\nd,1,y\n")
    assert run(["verify", str(report), "--audit", str(audit)]) == 1
    assert re.search(what, capfd.readouterr().out)


def test_a_rerun_finds_other_numbers(made, tmp_path, capfd):
    """The report of one audit, measured again from the audit file of another."""
    audit = str(made / "audit" / "audit.toml")
    folder = shutil.copytree(made / "two", tmp_path / "two")
    assert run(["verify", str(folder), "--audit", audit, "--rerun"]) == 1
    assert "numbers differ beyond the noise" in capfd.readouterr().out


def test_what_is_no_report_is_said(tmp_path, capfd):
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.7\n")
    assert run(["verify", str(tmp_path / "report.pdf")]) == 2
    assert "is no report of dpaudit" in capfd.readouterr().err
    assert run(["verify", str(tmp_path)]) == 2


def test_pipelines_get_annotations_and_sarif(tmp_path, capfd):
    audit = written(tmp_path / "a", over=0.0001)
    out = tmp_path / "out"
    options = ["-q", "--no-cache", "-f", "json", "-f", "github", "-f", "sarif"]
    assert run(["report", str(audit), "-o", str(out), *options]) == 1
    lines = capfd.readouterr().out.splitlines()
    assert lines
    assert all(
        re.fullmatch(r"::(error|warning|notice) file=[^:,]+,title=[^:,]+::.+", x) for x in lines
    )
    assert any(line.startswith("::error ") for line in lines)
    found = json.loads((out / "findings.sarif").read_text())
    assert found["version"] == "2.1.0"
    (ran,) = found["runs"]
    assert {result["level"] for result in ran["results"]} <= {"error", "warning", "note"}
    rules = {rule["id"] for rule in ran["tool"]["driver"]["rules"]}
    assert {result["ruleId"] for result in ran["results"]} == rules
    assert len(ran["results"]) == len(lines)


def test_shells_complete_commands(capfd, monkeypatch):
    for shell in ("zsh", "fish"):
        assert run(["completion", shell]) == 0
        assert "_DPAUDIT_COMPLETE" in capfd.readouterr().out
    monkeypatch.setenv("_DPAUDIT_COMPLETE", "zsh_complete")
    monkeypatch.setenv("COMP_WORDS", "dpaudit ver")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert run([]) == 0
    assert "verify" in capfd.readouterr().out
