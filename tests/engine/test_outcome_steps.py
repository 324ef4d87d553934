"""What the engine makes of an allotment whose outcomes are made valid."""

import numpy as np
import pytest

import dpaudit
from dpaudit.estimators.projected_allotment import projected_allotment
from dpaudit.noise.laplace import Laplace
from dpaudit.registry import Registry
from dpaudit_plugins.postprocessors import baseline, projection_onto_simplex

COUNTS = np.array([0.0, 3, 8, 25, 60, 110, 400, 2_000])
CSV = "id,half,persons\n" + "".join(f"{i},{'AB'[i % 2]},{c:g}\n" for i, c in enumerate(COUNTS))

AUDIT = """
title = "Outcome steps"
[data]
file = "data.csv"
status = "public"
entity = "id"
count = "persons"
groups = ["half"]
[run]
draws = 2000
[[release]]
name = "noisy"
mechanism = {{ use = "{mechanism}", epsilon = {epsilon} }}
neighbours = "add-remove"
postprocess = [{steps}]
[[decision]]
use = "allotment"
appropriation = 1000
output = [{output}]
[[audit]]
use = "bias"
[[audit]]
use = "mean-squared-error"
[[audit]]
use = "representation"
"""
POS = '{ use = "projection-onto-simplex" }'
BL = '{ use = "baseline" }'


def audited(folder, *, output, steps="", mechanism="laplace", epsilon=0.1):
    (folder / "data.csv").write_text(CSV)
    path = folder / "audit.toml"
    path.write_text(AUDIT.format(output=output, steps=steps, mechanism=mechanism, epsilon=epsilon))
    registry = Registry.discover()
    for module in (baseline, projection_onto_simplex):
        if module.__name__.rsplit(".")[-1].replace("_", "-") not in registry.names("postprocessor"):
            registry.add(module)
    return dpaudit.run(dpaudit.load(path), registry=registry)


def entity(results, quantity="bias"):
    return results.select(quantity=quantity, over="entity")[0].estimate


def kinds(results):
    return {note.kind for note in results.notes}


def checks_hold(results):
    checks = [dict(note.values) for note in results.notes if note.kind == "check"]
    return len(checks) > 2 and all(check["max_z"] <= check["limit"] for check in checks)


def test_a_projected_allotment_is_known_without_simulation(tmp_path):
    results = audited(tmp_path, output=POS)
    known = projected_allotment(COUNTS, np.ones(8), Laplace(10.0))
    bias = entity(results)
    assert bias.method == "quadrature"
    np.testing.assert_allclose(bias.value, 1000.0 * known.bias, rtol=1e-12)
    np.testing.assert_allclose(bias.high - bias.value, 1000.0 * known.bias_error, rtol=1e-6)
    square = entity(results, "mean-squared-error")
    np.testing.assert_allclose(square.value, 1e6 * known.square, rtol=1e-12)
    assert square.method == "quadrature"
    assert results.select(quantity="bias", over="total")[0].estimate.value == pytest.approx(0.0)
    assert checks_hold(results)


@pytest.mark.parametrize("output", [POS, BL])
def test_a_bounded_outcome_needs_no_guard(tmp_path, output):
    """The ratio itself has no expectation; what is made of it lies between 0 and the whole."""
    results = audited(tmp_path, output=output)
    assert kinds(results) == {"check"}


def test_the_baseline_of_outcomes_is_the_clipped_release(tmp_path):
    after = entity(audited(tmp_path, output=BL))
    before = entity(audited(tmp_path, output="", steps='{ use = "non-negative" }'))
    assert after.method == before.method == "quadrature"
    np.testing.assert_allclose(after.value, before.value, rtol=1e-12)
    assert (after.high >= before.high).all()


def test_what_is_valid_already_is_left_as_it_is(tmp_path):
    after = entity(audited(tmp_path, output=POS, steps='{ use = "non-negative" }'))
    before = entity(audited(tmp_path, output="", steps='{ use = "non-negative" }'))
    np.testing.assert_array_equal(after.value, before.value)


@pytest.mark.parametrize(
    ("mechanism", "epsilon", "output"),
    [
        ("geometric", 0.1, POS),  # whole-number noise
        ("laplace", 0.01, POS),  # the noisy total may well be negative
        ("laplace", 0.1, f'{POS}, {{ use = "round" }}'),
        ("laplace", 0.1, '{ use = "projection-onto-simplex", total = 900 }'),
    ],
)
def test_the_rest_is_simulated(tmp_path, mechanism, epsilon, output):
    results = audited(tmp_path, mechanism=mechanism, epsilon=epsilon, output=output)
    assert entity(results).method in {"simulated", "controlled"}
    assert "definition" not in kinds(results)


def test_a_sum_that_is_public_has_no_bias(tmp_path):
    results = audited(tmp_path, mechanism="geometric", output=POS)
    total = results.select(quantity="bias", over="total")[0].estimate
    assert (total.value, total.method) == (0.0, "exact")
