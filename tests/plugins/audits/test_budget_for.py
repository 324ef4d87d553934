"""The smallest budget that keeps a harm under a limit, against closed forms."""

import numpy as np
import pytest
from scipy.optimize import brentq

import dpaudit

COUNTS = (3, 8, 40, 500)
HEAD = """
[data]
file = "places.csv"
status = "public"
entity = "id"
count = "people"
groups = ["size"]

[run]
draws = 2000
"""
CLIPPED = """
[[release]]
name = "clipped"
mechanism = { use = "laplace", epsilon = [0.5, 1.0] }
neighbours = "add-remove"
postprocess = [{ use = "non-negative" }]
"""


def budgets(folder, asked, release=CLIPPED):
    rows = "".join(f"{i},{c},{'small' if c < 10 else 'large'}\n" for i, c in enumerate(COUNTS))
    (folder / "places.csv").write_text("id,people,size\n" + rows)
    (folder / "a.toml").write_text(HEAD + release + '[[audit]]\nuse = "budget-for"\n' + asked)
    return dpaudit.run(dpaudit.load(folder / "a.toml")).measurements


def pushed(epsilon, count):
    """E max(x + X, 0) - x of Laplace noise of scale 1/epsilon (METHODS-decisions 5.1)."""
    return np.exp(-epsilon * count) / (2 * epsilon)


def test_the_gap_of_clipped_counts_needs_what_its_closed_form_says(tmp_path):
    (found,) = budgets(tmp_path, "under = 0.1\n")
    truth = brentq(lambda e: pushed(e, 3) - pushed(e, 500) - 0.1, 0.01, 10)
    assert found.unit == "epsilon"
    assert found.estimate.is_deterministic
    assert found.estimate.low <= truth <= found.estimate.high * (1 + 1e-9)
    assert found.estimate.value == pytest.approx(truth, rel=2e-3)


def test_it_is_asked_once_for_a_sweep(tmp_path):
    assert len(budgets(tmp_path, "under = 0.1\n")) == 1


def test_a_group_has_its_own_limit(tmp_path):
    (found,) = budgets(tmp_path, 'under = 0.1\nover = "size"\n')
    truth = brentq(
        lambda e: pushed(e, 3) + pushed(e, 8) - pushed(e, 40) - pushed(e, 500) - 0.1, 0.01, 10
    )
    assert found.estimate.value == pytest.approx(truth, rel=2e-3)


def test_a_simulated_harm_gives_an_interval_that_holds_the_closed_form(tmp_path):
    """A random step without a closed form: rounding to 1 or 0 is unbiased, so the truth stays."""
    release = CLIPPED.replace('"non-negative" }', '"non-negative" }, { use = "random-round" }')
    (found,) = budgets(tmp_path, "under = 0.5\n", release)
    truth = brentq(lambda e: pushed(e, 3) - pushed(e, 500) - 0.5, 0.01, 10)
    assert found.estimate.low <= truth <= found.estimate.high


def test_where_no_budget_is_enough_none_is_named(tmp_path):
    (found,) = budgets(tmp_path, "under = 0.1\nleast = 0.01\nmost = 0.1\n")
    assert np.isinf(found.estimate.value)
    assert found.estimate.low == pytest.approx(0.1)


def test_a_release_without_a_budget_is_passed_over(tmp_path):
    release = CLIPPED.replace(
        '{ use = "laplace", epsilon = [0.5, 1.0] }', '{ use = "cell-suppression", threshold = 5 }'
    )
    assert budgets(tmp_path, "under = 0.1\n", release) == ()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ('under = 1\nover = "sizes"\n', "there is no grouping 'sizes'"),
        ("under = 1\nleast = 2\nmost = 1\n", "budgets from 2.0 to 1.0 are none"),
        ('under = 1\nkeep = "cost-of-privacy"\nover = "size"\n', "the sum over entities"),
        ("under = 0\n", "under"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, asked, said):
    with pytest.raises(dpaudit.SpecError, match=said):
        budgets(tmp_path, asked)


def test_a_report_of_the_python_call_has_the_sections_of_plugins(tmp_path):
    measured = budgets(tmp_path, "under = 0.1\n")
    results = dpaudit.run(dpaudit.load(tmp_path / "a.toml"))
    dpaudit.write_report(results, tmp_path / "out", formats=("html",))
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert measured
    assert "How much budget keeps the harm under its limit" in text


def test_a_limit_that_is_kept_everywhere_has_no_exact_answer(tmp_path):
    budgets(tmp_path, "under = 100_000\n")
    results = dpaudit.run(dpaudit.load(tmp_path / "a.toml"))
    dpaudit.write_report(results, tmp_path / "out", formats=("html",))
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "kept at every budget that was tried" in text
