"""Whole audits on real data: what the report must say, computed by the engine itself."""

import hashlib
import json

import numpy as np
import pytest

import dpaudit

HEAD = """
title = "End to end"
{plugins}

[data]
file = "builtin:california-districts"
status = "public"
entity = "district_id"
count = "eligible_children"
label = "district"
groups = ["county"]

[run]
draws = 1000

[report]
formats = ["html", "json"]

[[release]]
name = "{release}"
mechanism = {{ use = "laplace", epsilon = 0.1 }}
neighbours = "add-remove"
postprocess = [{steps}]

"""

PLUGIN = '''"""A rule of the tests."""

import dpaudit


@dpaudit.decision(name="per-pupil", unit="dollars")
def per_pupil(counts, *, rate: float = 10.0):
    """Pay the same rate for every eligible child."""
    return rate * counts
'''


def audit(folder, decision, *, release="unprocessed", steps="", plugins=""):
    path = folder / "audit.toml"
    path.write_text(HEAD.format(release=release, steps=steps, plugins=plugins) + decision)
    results = dpaudit.run(dpaudit.load(path))
    dpaudit.write_report(results, folder / "out", formats=("html", "json"))
    found = json.loads((folder / "out" / "findings.json").read_text())["findings"]
    return results, found, (folder / "out" / "report.html").read_text()


@pytest.mark.parametrize("name", ["counts", "per-pupil"])
def test_of_a_linear_decision_no_difference_is_found(tmp_path, name):
    (tmp_path / "rule.py").write_text(PLUGIN)
    results, found, _ = audit(
        tmp_path, f'[[decision]]\nuse = "{name}"\n', plugins='plugins = ["rule.py"]'
    )
    for measurement in results.select(quantity="alpha-fairness"):
        assert float(measurement.estimate.low) == 0.0
    gaps = [each for each in found if each["id"].startswith("gap/")]
    assert gaps
    assert {each["verdict"] for each in gaps} == {"no difference found"}


def test_a_plugin_file_appears_with_its_docstring_and_digest(tmp_path):
    (tmp_path / "rule.py").write_text(PLUGIN)
    _, _, html = audit(
        tmp_path, '[[decision]]\nuse = "per-pupil"\n', plugins='plugins = ["rule.py"]'
    )
    assert "Pay the same rate for every eligible child." in html
    assert hashlib.sha256((tmp_path / "rule.py").read_bytes()).hexdigest() in html


def test_a_black_box_under_unbounded_noise_is_never_high_confidence(tmp_path):
    (tmp_path / "rule.py").write_text(PLUGIN)
    results, found, _ = audit(
        tmp_path, '[[decision]]\nuse = "per-pupil"\n', plugins='plugins = ["rule.py"]'
    )
    assert {note.kind for note in results.notes} == {"assumption", "check"}
    assert {each["confidence"] for each in found} == {"low"}


def test_clipping_names_who_loses_in_dollars_and_formula_and_simulation_agree(tmp_path):
    results, found, _ = audit(
        tmp_path,
        '[[decision]]\nuse = "allotment"\nweights = "expenditure_per_student"\n'
        "appropriation = 50_000_000\n",
        release="clipped",
        steps='{ use = "non-negative" }',
    )
    checks = [dict(note.values) for note in results.notes if note.kind == "check"]
    assert len(checks) == 5
    assert all(check["max_z"] <= check["limit"] for check in checks)
    bias = results.select(quantity="bias", over="entity")[0].estimate
    worst = results.data.entities[int(np.argmin(bias.value))]
    loss = next(each for each in found if each["id"].endswith("/entity") and "loss" in each["id"])
    assert loss["verdict"] == "lower"
    assert loss["unit"] == "dollars"
    assert results.data.names[results.data.entities.index(worst)] in json.dumps(loss)
    assert loss["estimate"]["value"] == pytest.approx(float(bias.value.min()))
    assert loss["estimate"]["low"] <= loss["estimate"]["value"] <= loss["estimate"]["high"] < 0


def test_a_raw_ratio_is_measured_by_its_guarded_definition(tmp_path):
    results, _, html = audit(tmp_path, '[[decision]]\nuse = "allotment"\n')
    assert {note.kind for note in results.notes} == {"check", "definition"}
    assert "does not exist" in html
