"""Whole audits of degenerate data: every number is finite, or the audit is refused in words."""

import numpy as np
import pytest

import dpaudit

COUNTS = {
    "all zero": (0, 0, 0),
    "one entity": (7,),
    "one empty entity": (0,),
    "ties": (5, 5, 5),
    "one person": (0, 0, 1),
    "2^53": (2**53, 0, 1),
}
HEAD = """
title = "Degenerate"
[run]
draws = 200
[[audit]]
use = "bias"
[[audit]]
use = "variance"
[[audit]]
use = "mean-squared-error"
[[audit]]
use = "alpha-fairness"
[[audit]]
use = "expected-shortfall"
[[audit]]
use = "cost-of-privacy"
[[audit]]
use = "curvature"
"""
ROWS = """
[data]
file = "d.csv"
status = "public"
entity = "id"
count = "n"
groups = ["own"]
"""
TABLE = """
[data]
file = "people.csv"
status = "public"
table = ["area", "sex"]
groups = ["area"]
[data.domain]
area = ["A", "B"]
sex = ["f", "m"]
"""
SHARED = '[[decision]]\nuse = "counts"\n[[decision]]\nuse = "allotment"\n'
CHOSEN = '[[decision]]\nuse = "selection"\n'
STATES = 'levels = ["state"]\n'
RELEASES = {
    "noisy-max": ("", '{ use = "noisy-max", epsilon = 1.0 }', "", CHOSEN),
    "exponential": ("", '{ use = "exponential", epsilon = 1e-300 }', "", CHOSEN),
    "scaled": ("", '{ use = "laplace", epsilon = 1e-3 }', '{ use = "simplex" }', SHARED),
    "certain": ("", '{ use = "geometric", epsilon = 709 }', '{ use = "non-negative" }', SHARED),
    "wide": (
        "",
        '{ use = "gaussian", sigma = 1e5 }',
        '{ use = "round" }, { use = "non-negative" }',
        SHARED,
    ),
    "census": (
        STATES,
        '{ use = "discrete-gaussian", rho = 0.1, levels = { total = 0.5, state = 0.2, id = 0.3 } }',
        '{ use = "top-down" }',
        SHARED,
    ),
    "invariant": (
        STATES,
        '{ use = "laplace", scale = 2, levels = { state = 0.5, id = 0.5 }, invariants = ["total"]}',
        '{ use = "hierarchical-least-squares" }',
        SHARED,
    ),
    "replicates": ("", '{ use = "replicates", file = "r.csv", columns = "rep" }', "", SHARED),
}
RECORDS = {
    "swapped": '{ use = "record-swapping", rate = 0.5, swap = "area", match = ["sex"] }',
    "asked": '{ use = "randomized-response", epsilon = 1.0 }',
    "asked of one thing": '{ use = "randomized-response", epsilon = 1.0, attribute = "area" }',
}
PEOPLE = {"one": ("A,f",), "alone in their strata": ("A,f", "B,m"),
          "all alike": ("A,f",) * 9}  # fmt: skip


def write(folder, counts):
    rows = [f"e{i},{n},{'AB'[i % 2]},g{i}" for i, n in enumerate(counts)]
    replicates = [f"e{i},{n},{n + 1}" for i, n in enumerate(counts)]
    (folder / "d.csv").write_text("\n".join(["id,n,state,own", *rows, ""]))
    (folder / "r.csv").write_text("\n".join(["id,rep1,rep2", *replicates, ""]))


def run(folder, data, mechanism, steps, decisions):
    """Run an audit; return its results, or the error where it is refused."""
    release = (
        f'[[release]]\nname = "r"\nneighbours = "add-remove"\nmechanism = {mechanism}\n'
        f"postprocess = [{steps}]\n"
    )
    (folder / "audit.toml").write_text(HEAD + data + release + decisions)
    try:
        return dpaudit.run(dpaudit.load(folder / "audit.toml"))
    except dpaudit.DataError as error:
        return error


def check(results):
    """Values are finite and within their bounds; no closed form is at odds with its draws."""
    assert results.measurements
    for measurement in results.measurements:
        found = measurement.estimate
        assert np.isfinite(found.value).all(), measurement
        assert np.all(found.low <= found.value), measurement
        assert np.all(found.value <= found.high), measurement
    checks = [note for note in results.notes if note.kind == "check"]
    for note in checks:  # simultaneous over entities at a false-alarm rate of 1e-6 each
        (_, gap), (_, limit) = note.values[:2]
        assert gap <= limit, note


@pytest.mark.parametrize("case", COUNTS)
@pytest.mark.parametrize("name", RELEASES)
def test_counts_selections_trees_and_replicates(name, case, tmp_path):
    write(tmp_path, COUNTS[case])
    levels, mechanism, steps, decisions = RELEASES[name]
    results = run(tmp_path, ROWS + levels, mechanism, steps, decisions)
    if isinstance(results, dpaudit.DataError):
        assert "the true counts are all zero, so there is nothing to share" in results.message
        assert not any(COUNTS[case])
        return
    check(results)
    if name == "exponential":  # an epsilon of 1e-300 chooses blindly
        chance = results.select(quantity="bias", over="entity")[0].estimate.value
        n, best = len(COUNTS[case]), np.array(COUNTS[case]) == max(COUNTS[case])
        np.testing.assert_allclose(chance, 1.0 / n - best / best.sum(), atol=1e-12)


@pytest.mark.parametrize("people", PEOPLE)
@pytest.mark.parametrize("name", RECORDS)
def test_records(name, people, tmp_path):
    (tmp_path / "people.csv").write_text("\n".join(["area,sex", *PEOPLE[people], ""]))
    results = run(tmp_path, TABLE, RECORDS[name], "", '[[decision]]\nuse = "counts"\n')
    assert not isinstance(results, dpaudit.DataError)
    check(results)
    if name == "swapped":  # nobody has anybody to change places with, or nothing to change
        variance = results.select(quantity="variance", over="entity")[0].estimate.value
        np.testing.assert_array_equal(variance, np.zeros(4))


def test_a_file_of_nobody_is_refused(tmp_path):
    (tmp_path / "people.csv").write_text("area,sex\n")
    results = run(tmp_path, TABLE, RECORDS["asked"], "", '[[decision]]\nuse = "counts"\n')
    assert isinstance(results, dpaudit.DataError)
    assert "people.csv" in results.message
