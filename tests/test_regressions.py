"""Faults that a reading of the whole house found once; each stays mended."""

import subprocess
import sys

import pytest

import dpaudit
from dpaudit.cli.main import run

AUDIT = """
title = "Regression"
plugins = ["rule.py"]
[data]
file = "d.csv"
status = "public"
entity = "id"
count = "n"
{groups}
[run]
draws = 256
time_limit = {limit}
[[release]]
name = "r"
mechanism = {{ use = "laplace", epsilon = {epsilon} }}
neighbours = "add-remove"
postprocess = [{{ use = "non-negative" }}]
[[decision]]
use = "rule"
[report]
formats = ["json"]
{more}
"""

RULE = '''import sys, time
import dpaudit

CALLS = []

@dpaudit.decision(name="rule")
def rule(counts):
    """A rule."""
    CALLS.append(1)
    {body}
    return counts
'''


def audit(folder, *, body="pass", epsilon="0.1", more="", groups="", limit=600):
    (folder / "d.csv").write_text("id,n,total\na,5,x\nb,9,y\nc,0,x\n")
    (folder / "rule.py").write_text(RULE.format(body=body))
    path = folder / "audit.toml"
    path.write_text(AUDIT.format(epsilon=epsilon, more=more, groups=groups, limit=limit))
    return path


def report(folder, **changes):
    path = audit(folder, **changes)
    return run(["report", str(path), "--out", str(folder / "out"), "--no-cache", "-q"])


@pytest.mark.parametrize("code", [0, 1])
def test_a_plugin_that_exits_is_a_failure_of_the_plugin(tmp_path, capfd, code):
    assert report(tmp_path, body=f"sys.exit({code})") == 3
    assert "'rule'" in capfd.readouterr().err


def test_a_plugin_that_raises_is_named(tmp_path, capfd):
    assert report(tmp_path, body="raise ValueError('kaboom')") == 3
    error = capfd.readouterr().err
    assert "decision 'rule' failed" in error
    assert "kaboom" in error
    assert "Traceback" not in error


def test_a_plugin_that_hangs_in_the_worker_is_ended_and_named(tmp_path, capfd):
    assert report(tmp_path, body="time.sleep(60 if len(CALLS) > 200 else 0)", limit=8) == 3
    assert "was ended" in capfd.readouterr().err


def test_values_that_look_alike_are_two_tasks(tmp_path):
    path = audit(tmp_path, epsilon="[1.0000001, 1.0000002]")
    assert len(dpaudit.run(dpaudit.load(path)).tasks) == 2


def test_a_value_named_twice_is_refused(tmp_path, capfd):
    assert report(tmp_path, epsilon="[0.5, 0.5]") == 2
    assert "stands twice" in capfd.readouterr().err


def test_a_grouping_cannot_take_the_name_of_an_axis(tmp_path, capfd):
    assert report(tmp_path, groups='groups = ["total"]') == 2
    assert "'total'" in capfd.readouterr().err


def test_a_threshold_that_nothing_can_break_is_refused(tmp_path, capfd):
    more = '[[audit]]\nuse = "bias"\nfail_if = { over = 0.0, for = "any group" }'
    assert report(tmp_path, more=more) == 2
    assert "did not measure" in capfd.readouterr().err


def test_the_worker_takes_no_module_from_the_current_folder(tmp_path):
    path = audit(tmp_path)
    (tmp_path / "attrs.py").write_text("raise SystemExit('injected')")
    code = "import sys, dpaudit; dpaudit.run(dpaudit.load(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, str(path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_mechanism_that_does_not_release_what_it_says_is_found_out(tmp_path):
    path = audit(tmp_path)
    (tmp_path / "rule.py").write_text(
        (tmp_path / "rule.py").read_text()
        + '''
import attrs
from dpaudit.noise.laplace import Laplace

class Lying(dpaudit.Mechanism):
    """Says Laplace, releases something else."""

    name = "lying"

    def release(self, counts, rng):
        return counts + 1000.0

    def noise(self):
        return Laplace(1.0)

    def privacy(self):
        return dpaudit.Guarantee(neighbours=self.neighbours, epsilon=1.0)

@dpaudit.hookimpl
def dpaudit_mechanisms():
    return [attrs.frozen(kw_only=True)(Lying)]
'''
    )
    path.write_text(path.read_text().replace('use = "laplace", epsilon = 0.1', 'use = "lying"'))
    results = dpaudit.run(dpaudit.load(path))
    checks = {note.message: dict(note.values) for note in results.notes if note.kind == "check"}
    assert checks["law of the noise"]["max_z"] > checks["law of the noise"]["limit"]


def test_a_rule_added_from_memory_is_measured(tmp_path):
    @dpaudit.decision(name="rule")
    def rule(counts):
        """A rule out of a notebook."""
        return 2.0 * counts

    registry = dpaudit.Registry.discover()
    registry.add(rule)
    path = audit(tmp_path)
    path.write_text(path.read_text().replace('plugins = ["rule.py"]', ""))
    results = dpaudit.run(dpaudit.load(path, registry=registry), registry=registry)
    assert results.provenance.plugins
    assert not any(result.task.foreign for result in results.tasks)
