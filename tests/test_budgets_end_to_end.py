"""Audit files with every way to state a budget, run from end to end."""

from pathlib import Path

import numpy as np
import pytest

import dpaudit
from dpaudit.model.report import List
from dpaudit.report.assemble import build_report
from dpaudit.report.guarantees import ceiling

HEAD = """
title = "Budgets"
[data]
file = "builtin:california-districts"
status = "public"
entity = "district_id"
count = "eligible_children"
[run]
draws = 256
[[decision]]
use = "counts"
[[audit]]
use = "bias"
[[audit]]
use = "variance"
"""


def release(name, mechanism, steps=""):
    return (
        f'[[release]]\nname = "{name}"\nneighbours = "add-remove"\n'
        f"mechanism = {{ {mechanism} }}\npostprocess = [{steps}]\n"
    )


def results_of(folder: Path, *releases):
    file = folder / "audit.toml"
    file.write_text(HEAD + "".join(releases), encoding="utf-8")
    return dpaudit.run(dpaudit.load(file))


@pytest.mark.slow
def test_every_budget_is_measured_and_reported(tmp_path):
    clip = '{ use = "non-negative" }'
    results = results_of(
        tmp_path,
        release("census", 'use = "discrete-gaussian", rho = [0.005, 0.5]', clip),
        release("own", 'use = "laplace", scale = "district_income_thousand"', clip),
        release("each", 'use = "discrete-gaussian", sigma = "district_income_thousand"', clip),
        release("exact", 'use = "gaussian", sigma = "english_learner_percent"', clip),
        release("survey", 'use = "sampling-error", coefficient_of_variation = 0.1, '
                'of = "eligible_children"'),
        release("gauss", 'use = "gaussian", rho = 0.5', '{ use = "round" }'),
    )  # fmt: skip
    promised = {r.task.release: r.guarantee for r in results.tasks}
    assert promised["census"].rho in (0.005, 0.5)
    assert promised["own"].epsilon == pytest.approx(
        1 / results.data.columns["district_income_thousand"].min()
    )
    assert promised["each"].rho == pytest.approx(promised["own"].epsilon ** 2 / 2)
    assert not promised["exact"].promises
    assert not promised["survey"].promises
    (bias,) = (
        m.estimate
        for m in results.measurements
        if m.task.startswith("exact") and m.quantity == "bias" and m.over == "entity"
    )
    exact = results.data.columns["english_learner_percent"] == 0
    assert exact.any()
    np.testing.assert_array_equal(bias.value[exact], 0.0)
    assert bias.method == "exact"
    checks = [dict(n.values) for n in results.notes if n.kind == "check"]
    assert checks
    assert all(c["max_z"] <= c["limit"] for c in checks)
    dpaudit.write_report(results, tmp_path / "out", formats=("html", "json"))
    html = next((tmp_path / "out").glob("*.html")).read_text(encoding="utf-8")
    assert "nothing is promised" in html
    assert "not a guarantee" in html
    assert all(not isinstance(v, np.ndarray) for r in results.tasks for v in r.parameters.values())


@pytest.mark.parametrize(
    ("mechanism", "message"),
    [
        ('use = "laplace"', "given: nothing"),
        ('use = "laplace", epsilon = 1.0, scale = 2.0', "given: epsilon = 1.0 and scale = 2.0"),
        (
            'use = "gaussian", rho = 1.0, sigma = "eligible_children"',
            "given: rho = 1.0 and sigma = .eligible_children.",
        ),
        ('use = "discrete-gaussian", epsilon = 1.0', "given: epsilon = 1.0"),
        ('use = "laplace", epsilon = 1.0, levels = { total = 0.5, county = 0.4 }', "sum to 0.9"),
        ('use = "replicates", file = "a.csv", delta = 1e-6', "given: delta = 1e-06"),
        (
            'use = "callable", function = "a.py:f", epsilon = 1, rho = 1',
            "epsilon = 1.0 and rho = 1.0",
        ),
        ('use = "sampling-error", of = "eligible_children"', "given: of = .eligible_children."),
    ],
)
def test_budgets_that_are_not_stated_in_one_way(tmp_path, mechanism, message):
    with pytest.raises(dpaudit.SpecError, match=message):
        results_of(tmp_path, release("wrong", mechanism))


def test_levels_without_a_tree_say_what_to_add(tmp_path):
    wanted = 'use = "laplace", epsilon = 1.0, levels = { total = 0.5, county = 0.5 }'
    with pytest.raises(dpaudit.SpecError, match="no tree") as caught:
        results_of(tmp_path, release("tree", wanted))
    assert "[data]" in str(caught.value)


@pytest.mark.slow
def test_earlier_releases_are_composed_and_told(tmp_path):
    before = 'earlier = [{ what = "the tables of 2010", epsilon = 0.5 }]\n'
    results = results_of(
        tmp_path,
        release("pure", 'use = "laplace", epsilon = 1.0') + before,
        release("alone", 'use = "laplace", epsilon = 1.0'),
        release("rounded", 'use = "random-rounding", base = 5') + before,
    )
    pure, alone, rounded = results.tasks
    assert pure.together.epsilon == 1.5
    assert pure.guarantee.epsilon == 1.0
    assert alone.together is None
    assert rounded.together.delta == pytest.approx(0.2)
    methods = next(s for s in build_report(results).sections if s.name == "methods")
    told = [item for b in methods.blocks if isinstance(b, List) for item in b.items]
    assert any("“pure” together with the tables of 2010: ε = 1.5" in item for item in told)


def test_noise_that_depends_on_the_true_counts_is_refused(tmp_path):
    with pytest.raises(dpaudit.SpecError, match="'eligible_children': noise that depends on them"):
        results_of(tmp_path, release("mine", 'use = "laplace", scale = "eligible_children"'))


@pytest.mark.parametrize(("neighbours", "revealed"), [("add-remove", True), ("replace", False)])
def test_an_exact_total_reveals_who_is_counted(tmp_path, neighbours, revealed):
    kept = release("kept", 'use = "laplace", epsilon = 1.0', '{ use = "sum-preserving" }')
    (task,) = results_of(tmp_path, kept.replace("add-remove", neighbours)).tasks
    assert task.guarantee.revealed is revealed
    assert (ceiling(task.guarantee) is None) is revealed
