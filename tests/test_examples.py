"""Every example runs as its README says, with few draws."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

import dpaudit
from dpaudit import data
from dpaudit.cli.execution import trained_at_most
from dpaudit.cli.main import run

ROOT = Path(__file__).parents[1]
AUDITS = sorted((ROOT / "examples").glob("*/audit.toml"))


MADE = {"title_i_national"}
"""Examples whose data are made by their make.py from public data beside the project."""


def _example(file):
    """Mark an example that reads the public data beside the project."""
    is_public = '"data:' in file.read_text(encoding="utf-8") or file.parent.name in MADE
    marks = [pytest.mark.shared_data] if is_public else []
    if "[training]" in file.read_text(encoding="utf-8"):
        marks.append(pytest.mark.learn)
    return pytest.param(file, id=file.parent.name, marks=marks)


def _prepare(audit, fetched):
    """Make the data, or fetch them, as the README says."""
    if audit.parent.name in MADE:
        runpy.run_path(str(audit.parent / "make.py"))["main"]()
    for name in re.findall(r'"builtin:([a-z0-9-]+)"', audit.read_text(encoding="utf-8")):
        fetched(name)


EXAMPLES = [_example(file) for file in AUDITS]


def test_there_are_examples():
    assert {file.parent.name for file in AUDITS} >= {
        "title_i",
        "own_formula",
        "projection",
        "top_down",
        "apportionment",
        "composition",
        "section_203",
        "title_i_national",
        "data_error",
        "learning_adult",
        "pruning_digits",
        "pate_adult",
        "membership_adult",
    }


@pytest.mark.parametrize("audit", AUDITS, ids=lambda file: file.parent.name)
def test_the_readme_says_the_command(audit):
    name = audit.parent.name
    text = (audit.parent / "README.md").read_text(encoding="utf-8")
    assert f"dpaudit report examples/{name}/audit.toml" in text
    assert (f"python examples/{name}/make.py" in text) or name not in MADE


@pytest.mark.parametrize("audit", EXAMPLES)
def test_the_example_has_no_fault(audit, capsys, fetched):
    _prepare(audit, fetched)
    assert run(["check", str(audit)]) == 0
    assert "no fault found" in capsys.readouterr().out


@pytest.mark.shared_data
def test_the_states_of_the_tree_are_states():
    """Districts without a county have a state all the same, not the beginning of a label."""
    spec = dpaudit.load(ROOT / "examples" / "top_down" / "audit.toml")
    found = data.read(spec.data, spec.path.parent, dpaudit.Registry.discover())
    assert found.hierarchy.sizes == (1, 52, 2971 + 12, 13_184)
    assert all(re.fullmatch("[0-7][0-9]", state) for state in found.hierarchy.labels[1])
    text = (ROOT / "examples" / "top_down" / "README.md").read_text(encoding="utf-8")
    assert "its states (52 with" in text
    assert "13,184 school districts" in text


def test_the_cells_of_the_tau_argus_table_can_be_read():
    folder = ROOT / "examples" / "tau_argus"
    registry = dpaudit.Registry.discover(files=[folder / "tau_argus.py"])
    spec = dpaudit.load(folder / "audit.toml", registry=registry).data
    found = data.read(spec, folder, registry)
    assert spec.noun == "cell"
    cells = zip(found.columns["area"], found.columns["age"], strict=True)
    assert list(found.names) == [f"{area}, {age}" for area, age in cells]


@pytest.mark.slow
@pytest.mark.parametrize("audit", EXAMPLES)
def test_the_example_runs(audit, tmp_path, capsys, monkeypatch, fetched):
    _prepare(audit, fetched)
    monkeypatch.chdir(tmp_path)
    assert (
        run(["report", str(audit), "--draws", "64", "--out", "out", "-f", "html", "-f", "json"])
        == 0
    )
    out = tmp_path / "out"
    assert {"report.html", "findings.json", "measurements.parquet", "run.json"} <= {
        file.name for file in out.iterdir()
    }
    assert json.loads((out / "findings.json").read_text(encoding="utf-8"))["findings"]
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert record["workers"] == 1
    printed = capsys.readouterr().out
    assert "Findings:" in printed
    assert "Report written to out:" in printed


@pytest.mark.slow
@pytest.mark.learn
def test_adult_shows_where_noise_and_where_clipping_dominates(fetched, tmp_path):
    """Tenfold and more where noise dominates, flat where clipping does; the trace goes with it."""
    fetched("adult")
    spec = dpaudit.load(ROOT / "examples" / "learning_adult" / "audit.toml")
    spec = trained_at_most(spec, 16)
    kept = tuple(one for one in spec.learners if "clip bound" in one.name)
    results = dpaudit.run(attrs.evolve(spec, learners=kept), cache=tmp_path)

    def gap(learner, epsilon):
        task = f"{learner} clip bound epsilon={epsilon}"
        return results.select(task=task, quantity="largest-difference", over="total")[0].estimate

    assert gap("wide", 0.25).low > 10 * gap("wide", 8).high
    assert gap("narrow", 0.25).high < 1.2 * gap("narrow", 8).low
    causes = results.select(task="wide clip bound epsilon=1", quantity="rank-correlation")[0]
    trace = causes.estimate[causes.labels.index("hessian-trace")]
    assert trace.value > 0.85
    assert trace.low > 0.5


@pytest.mark.slow
def test_a_plugin_beside_the_audit_file_is_in_the_report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    audit = ROOT / "examples" / "own_formula" / "audit.toml"
    assert run(["report", str(audit), "--draws", "64", "-f", "html"]) == 0
    text = re.sub(r"\s+", " ", (tmp_path / "dpaudit-report" / "report.html").read_text("utf-8"))
    assert "Share the appropriation by eligible children" in text
    assert "title_i.py" in text


@pytest.mark.slow
@pytest.mark.shared_data
def test_a_cluster_gives_the_numbers_of_threads():
    """13,184 districts on two worker processes of Dask."""
    script = ROOT / "examples" / "cluster" / "on_a_cluster.py"
    done = subprocess.run(
        [sys.executable, script, "128"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    threads, cluster, verdict = done.stdout.splitlines()
    assert threads.rpartition(" ")[2] == cluster.rpartition(" ")[2]
    assert verdict == "the same numbers"


def test_the_replicates_are_what_their_script_makes(tmp_path):
    """The files of the example are made with a fixed seed: the same bytes again."""
    folder = ROOT / "examples" / "replicates"
    made = runpy.run_path(str(folder / "make.py"))
    made["main"](tmp_path)
    names = ["published.csv", *(f"replicates/{i:02d}.csv" for i in range(1, 26))]
    for name in names:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
