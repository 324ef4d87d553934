"""A plug-in that does wrong is named; the others still run; the command ends with 3.

Every fault stands beside a rule that does no wrong, which must be measured as if the other were
not there.
"""

import contextlib
import json
import threading
import time

import pytest

import dpaudit
from dpaudit import time_limit
from dpaudit.cli.main import run
from dpaudit.errors import PluginError

AUDIT = """
title = "Faults"
plugins = ["good.py", "bad.py"]
[data]
file = "d.csv"
status = "public"
entity = "id"
count = "n"
[run]
draws = 512
time_limit = {limit}
[[release]]
name = "r"
mechanism = {{ use = "laplace", epsilon = 0.1 }}
neighbours = "add-remove"
postprocess = [{{ use = "non-negative" }}]
[[decision]]
use = "good-rule"
{use}
[report]
formats = ["json", "html"]
"""
GOOD = '''import dpaudit

@dpaudit.decision(name="good-rule")
def good_rule(counts):
    """A rule that keeps to the rules."""
    return counts
'''
BAD = '''import random, sys, time
import numpy as np
import dpaudit

CALLS = []

@dpaudit.decision(name="bad-rule")
def bad_rule(counts):
    """A rule that may do wrong."""
    CALLS.append(1)
    {body}
    return counts
'''
LATER = "if len(CALLS) > 300: "
DECISION = '[[decision]]\nuse = "bad-rule"'


def written(folder, bad, use=DECISION, limit=600):
    (folder / "d.csv").write_text("id,n\na,5\nb,9\nc,0\n")
    (folder / "good.py").write_text(GOOD)
    (folder / "bad.py").write_text(bad)
    path = folder / "audit.toml"
    path.write_text(AUDIT.format(use=use, limit=limit))
    return path


def reported(path, capfd):
    out = path.parent / "out"
    code = run(["report", str(path), "-o", str(out), "--no-cache", "--json"])
    printed = capfd.readouterr()
    return code, json.loads(printed.out), printed.err, (out / "report.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("raise ValueError('kaboom')", "ValueError: kaboom"),
        (LATER + "raise ValueError('kaboom')", "ValueError: kaboom"),
        ("counts = counts * np.nan", "returned nan"),
        (LATER + "counts = counts * np.nan", "returned nan"),
        ("counts = counts[:-1]", "returned shape (2,)"),
        ("counts[0] = 1.0", "do not write into what is given"),
        (LATER + "sys.exit(0)", "SystemExit"),
        (LATER + "import os; os._exit(1)", "ended its worker process"),
        (LATER + "counts = counts + np.random.normal(size=3)", "global random state"),
        (LATER + "counts = counts + random.random()", "global random state"),
    ],
    ids=["raises", "raises later", "nan", "nan later", "shape", "writes", "exits", "dies",
         "numpy's state", "python's state"],
)  # fmt: skip
def test_a_faulty_decision_is_named_and_the_other_is_measured(tmp_path, capfd, body, what):
    code, document, errors, page = reported(written(tmp_path, BAD.format(body=body)), capfd)
    assert code == 3
    (failure,) = document["failures"]
    told = f"{failure['message']} {failure['help']}"
    assert what in told
    assert "bad-rule" in told
    assert failure["task"] == "r / bad-rule"
    assert failure["message"] in errors
    assert "“r / bad-rule” was not measured" in page
    assert "good-rule" in page
    results = dpaudit.run(dpaudit.load(written(tmp_path, BAD.format(body="pass"))))
    assert [each.task.id for each in results.tasks] == ["r / good-rule", "r / bad-rule"]
    assert not results.failures


MITIGATION = '''import time
import attrs
import dpaudit

@attrs.frozen(kw_only=True)
class Bad(dpaudit.Mitigation):
    """Do wrong."""

    name = "bad-change"

    def applies(self, subject):
        {applies}
        return True

    def apply(self, subject):
        {apply}
        return subject

@dpaudit.hookimpl
def dpaudit_mitigations():
    return [Bad]
'''
AUDITS = '''import time
import dpaudit

@dpaudit.audit(name="bad-audit")
def bad_audit(subject, rng):
    """Do wrong."""
    {body}
    return []
'''
HANG = "time.sleep(600)"
SPIN = "\n        while True: pass"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bad", "use", "culprit"),
    [
        (BAD.format(body=HANG), DECISION, "decision 'bad-rule' (bad.py)"),
        (BAD.format(body="\n    while True: pass"), DECISION, "decision 'bad-rule' (bad.py)"),
        (BAD.format(body=LATER + HANG), DECISION, "decision 'bad-rule' (bad.py)"),
        (MITIGATION.format(applies=HANG, apply=""), '[[mitigation]]\nuse = "bad-change"',
         "mitigation 'bad-change' (bad.py)"),
        (MITIGATION.format(applies="", apply=SPIN), '[[mitigation]]\nuse = "bad-change"',
         "mitigation 'bad-change' (bad.py)"),
        (AUDITS.format(body=HANG), '[[audit]]\nuse = "bias"\n[[audit]]\nuse = "bad-audit"',
         "audit 'bad-audit' (bad.py)"),
    ],
    ids=["planned", "spins", "in the worker", "applies", "apply", "audit"],
)  # fmt: skip
def test_what_hangs_is_ended_wherever_it_runs(tmp_path, capfd, bad, use, culprit):
    begun = time.monotonic()
    code, document, errors, page = reported(written(tmp_path, bad, use, limit=4), capfd)
    assert time.monotonic() - begun < 60
    assert code == 3
    messages = {failure["message"] for failure in document["failures"]}
    assert any(culprit in message and "and was ended" in message for message in messages)
    assert culprit in errors
    assert "good-rule" in page
    assert "did not finish in 4 seconds" in page


@pytest.mark.parametrize("command", ["check", "plan"])
def test_what_hangs_is_ended_before_anything_is_measured(tmp_path, capfd, command):
    path = written(tmp_path, BAD.format(body=HANG), limit=2)
    assert run([command, str(path)]) == 3
    assert "decision 'bad-rule' (bad.py) in task 'r / bad-rule'" in capfd.readouterr().err
    assert run([command, str(written(tmp_path, BAD.format(body="pass")))]) == 0


def test_a_hook_that_fails_is_named(tmp_path, capfd):
    hook = '''import dpaudit

@dpaudit.hookimpl
def dpaudit_findings(results):
    raise RuntimeError("kaboom")

@dpaudit.decision(name="bad-rule")
def bad_rule(counts):
    """A rule that does no wrong."""
    return counts
'''
    code, document, errors, page = reported(written(tmp_path, hook), capfd)
    assert code == 3
    assert "RuntimeError: kaboom" in document["failures"][0]["message"]
    assert "dpaudit_file_" in errors
    assert "bad-rule" in page


def test_an_audit_of_nothing_but_failures_fails(tmp_path):
    text = BAD.format(body="raise ValueError('kaboom')")
    path = written(tmp_path, text)
    path.write_text(path.read_text().replace('[[decision]]\nuse = "good-rule"\n', ""))
    with pytest.raises(PluginError, match="kaboom"):
        dpaudit.run(dpaudit.load(path))


def test_a_file_that_hangs_when_it_is_imported_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("dpaudit.registry._PATIENCE", 0.5)
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(600)\n")
    with pytest.raises(PluginError, match=r"slow.py: the import .* in 0.5 seconds"):
        dpaudit.Registry.discover(files=[tmp_path / "slow.py"])


def test_the_limit_holds_in_any_thread_and_leaves_quick_code_alone():
    caught = []

    def spin():
        try:
            with time_limit.limited(0.3, "the loop"):
                while True:
                    time.sleep(0.01)
        except PluginError as error:
            caught.append(error.message)

    thread = threading.Thread(target=spin)
    thread.start()
    thread.join(20)
    assert caught == ["the loop did not finish in 0.3 seconds and was ended"]
    with time_limit.limited(0.3, "nothing"), time_limit.limited(0.01, "inside"):
        time.sleep(0.05)  # the outer limit counts
    time.sleep(0.4)  # and nothing comes later


def swallow():
    with time_limit.limited(0.2, "a swallower"):
        while True:
            with contextlib.suppress(Exception):
                time.sleep(5)


def test_what_swallows_every_exception_is_ended_too():
    with pytest.raises(PluginError, match="swallower did not finish"):
        swallow()


def test_two_of_one_name_are_told_and_the_others_work(tmp_path, capfd):
    """An audit that names neither runs; the list names both."""
    path = written(tmp_path, GOOD.replace("good-rule", "same-name"), use="")
    twin = tmp_path / "twin.py"
    twin.write_text(GOOD.replace("good-rule", "same-name") + "# another file\n")
    assert run(["check", str(path), "-p", str(twin)]) == 0
    assert run(["plugins", "list", "-p", str(twin), "-p", str(tmp_path / "bad.py")]) == 0
    printed = capfd.readouterr()
    assert "laplace" in printed.out
    assert "2 plug-ins of kind decision are named 'same-name'" in printed.err
    assert "twin.py" in printed.err
    path.write_text(path.read_text().replace('use = "good-rule"', 'use = "same-name"'))
    assert run(["check", str(path), "-p", str(twin)]) == 3


def test_a_plug_in_for_another_interface_is_named_and_ends_with_3(tmp_path, capfd):
    path = written(tmp_path, "DPAUDIT_API = 99\n" + BAD.format(body="pass"))
    assert run(["report", str(path), "-o", str(tmp_path / "out")]) == 3
    told = capfd.readouterr().err
    assert "bad.py" in told
    assert "99" in told
    assert "help:" in told
    assert not list((tmp_path / "out").glob("report.*"))
