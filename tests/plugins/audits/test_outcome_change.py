"""Probabilities of a change: exact of rules, with exact bounds of what is simulated."""

import numpy as np
import pytest

import dpaudit
from dpaudit.engine.intervals import any_of, frequency
from dpaudit.stats.moments import Moments
from dpaudit_plugins.audits.outcome_change import dpaudit_sections

HEAD = """
[data]
file = "places.csv"
status = "public"
entity = "id"
count = "people"
groups = ["size"]

[run]
draws = 2048

[[release]]
name = "noisy"
mechanism = { use = "laplace", epsilon = 0.1 }
neighbours = "add-remove"

[[audit]]
use = "outcome-change"
"""
COUNTS = np.array([3, 8, 40, 500])


def audited(folder, decision, head=HEAD):
    rows = "".join(f"{i},{c},{'small' if c < 10 else 'large'}\n" for i, c in enumerate(COUNTS))
    (folder / "places.csv").write_text("id,people,size\n" + rows)
    (folder / "a.toml").write_text(head + decision)
    return dpaudit.run(dpaudit.load(folder / "a.toml"))


def changes(folder, decision):
    found = audited(folder, decision).measurements
    return {m.over: m.estimate for m in found if m.quantity == "changed" and m.per == "total"}


def test_of_a_rule_they_are_exact(tmp_path):
    found = changes(tmp_path, '[[decision]]\nuse = "threshold"\nat = 10\n')
    wrong = np.exp(-np.abs(COUNTS - 10) / 10) / 2
    np.testing.assert_allclose(found["entity"].value, wrong, atol=1e-15)
    np.testing.assert_allclose(found["total"].value, 1 - np.prod(1 - wrong))
    pairs = [wrong[2:], wrong[:2]]
    np.testing.assert_allclose(
        sorted(found["size"].value), sorted(1 - np.prod(1 - p) for p in pairs)
    )
    assert found["total"].is_deterministic


def test_the_section_names_decision_release_and_whose_outcome_changes(tmp_path):
    swept = HEAD.replace("epsilon = 0.1", "epsilon = [0.1, 3.0]")
    results = audited(tmp_path, '[[decision]]\nuse = "threshold"\nat = 10\n', swept)
    ((_said, table),) = dpaudit_sections(results).values()
    first, second = table.rows
    assert first[:2] == ("threshold", "noisy, ε\u00a0=\u00a00.1")
    assert first[3] == "exact"
    assert first[4].startswith("1 40.9; 0 24.8; 2 2.5")
    # Of the others the chance is exp(-21) / 2 and less: not named.
    assert second[4] == "1 0.1"


def test_of_a_ranking_they_are_counted(tmp_path):
    found = changes(tmp_path, '[[decision]]\nuse = "top-k"\nk = 1\n')
    assert found["total"].method == "simulated"
    assert found["total"].low == 0.0
    # Never seen in 2,048 draws: less than ln(1 / 0.025) / 2,048.
    assert 0 < found["total"].high < 0.0019


def test_a_certain_change_is_certain(tmp_path):
    found = changes(tmp_path, '[[decision]]\nuse = "formula"\nformula = "x * x"\n')
    np.testing.assert_array_equal(found["entity"].value, 1.0)
    np.testing.assert_array_equal(found["total"].value, 1.0)


@pytest.mark.slow
def test_bounds_of_frequencies_cover_all_at_once():
    """Of 1,000 sets of 5 rare events at 95 %: at least 926 are covered, but for one in 1e6."""
    rng = np.random.default_rng(20260401)
    truth = np.array([0.0, 1e-4, 1e-3, 0.3, 1.0])
    covered = 0
    for _ in range(1000):
        events = (rng.random((500, 5)) < truth).astype(float)
        found = frequency(Moments.of(events), 0.95, draws=500)
        covered += bool(np.all((found.low <= truth) & (truth <= found.high)))
    assert covered >= 926
    # The control: intervals of one risk each are not simultaneous for 40 events.
    missed = 0
    for _ in range(200):
        events = (rng.random((500, 40)) < 0.3).astype(float)
        each = [frequency(Moments.of(events[:, [i]]), 0.95, draws=500) for i in range(40)]
        missed += any(float(e.low[0]) > 0.3 or float(e.high[0]) < 0.3 for e in each)
    assert missed > 100


def test_any_of_nothing_is_nothing_and_of_a_certain_event_certain():
    def summed(each):
        return each.sum(keepdims=True)

    none = any_of(dpaudit.Estimate.exact(np.zeros(3)), summed)
    sure = any_of(dpaudit.Estimate.exact(np.array([0.2, 1.0])), summed)
    assert (none.value, sure.value) == (0.0, 1.0)
