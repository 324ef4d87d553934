"""Whole audits that ask whether curvature explains the bias, or clipping does."""

import numpy as np
import pytest

import dpaudit
from dpaudit.stats.causes import causes

AUDIT = """
title = "Why"
[data]
file = "{file}"
status = "public"
entity = "{entity}"
count = "{count}"
groups = ["{group}"]
[run]
draws = {draws}
[[audit]]
use = "bias"
[[audit]]
use = "curvature"
[[release]]
name = "clipped"
mechanism = {{ use = "laplace", epsilon = {epsilon} }}
neighbours = "add-remove"
postprocess = [{{ use = "non-negative" }}]
[[release]]
name = "unprocessed"
mechanism = {{ use = "laplace", epsilon = {epsilon} }}
neighbours = "add-remove"
"""
ALLOTMENT = '[[decision]]\nuse = "allotment"\nappropriation = 11_700_000_000\n'


def run(folder, decisions, **settings):
    path = folder / "audit.toml"
    path.write_text(AUDIT.format(**settings) + decisions)
    return dpaudit.run(dpaudit.load(path))


def small(folder, decisions, counts, epsilon=0.1, draws=2000):
    rows = [f"e{i},{n},{'AB'[i % 2]}" for i, n in enumerate(counts)]
    (folder / "d.csv").write_text("\n".join(["id,persons,state", *rows, ""]))
    return run(
        folder, decisions, file="d.csv", entity="id", count="persons", group="state",
        epsilon=epsilon, draws=draws,
    )  # fmt: skip


def find(results, quantity, over, release):
    (found,) = [
        m
        for m in results.measurements
        if (m.quantity, m.over, m.per) == (quantity, over, "total") and release in m.task
    ]
    return found


@pytest.mark.shared_data
@pytest.mark.slow
def test_title_i_curvature_is_negligible_and_clipping_is_the_whole_story(tmp_path, shared):
    """METHODS-decisions 3.3: 13,184 districts, $11.7bn, a = 1, noise of scale 10."""
    results = run(
        tmp_path, ALLOTMENT, file=shared / "data" / "saipe_school_districts_2019.csv",
        entity="leaid", count="children_5_17_poverty", group="usps", epsilon=0.1, draws=64,
    )  # fmt: skip
    curved = {name: find(results, "curvature", "entity", name) for name in ("clipped", "unproc")}
    value = curved["clipped"].estimate.value
    assert value.size == 13_184
    np.testing.assert_array_equal(value, curved["unproc"].estimate.value)
    assert value.max() == pytest.approx(12.95, abs=0.005)
    assert value.min() == pytest.approx(-0.03, abs=0.005)
    assert curved["clipped"].estimate.method == "exact"
    bias = find(results, "bias", "entity", "clipped").estimate
    assert bias.value.min() == pytest.approx(-140_587, abs=1.0)
    spread = find(results, "curvature-spread", "entity", "clipped").estimate
    assert spread.value == pytest.approx(12.98, abs=0.01)
    found = causes(bias, curved["clipped"].estimate, least=1.0)
    assert set(found) == {"beyond"}
    rest = find(results, "bias-beyond-curvature", "entity", "clipped").estimate
    np.testing.assert_allclose(rest.value + value, bias.value, rtol=1e-12, atol=1e-6)
    states = find(results, "curvature", "usps", "clipped").estimate
    assert states.value.sum() == pytest.approx(value.sum(), abs=1e-6)


def test_curvature_explains_the_bias_of_large_counts_and_clipping_that_of_small_ones(tmp_path):
    counts = (900, 700, 800, 1500)
    results = small(tmp_path, ALLOTMENT, counts, epsilon=0.05)
    for release in ("clipped", "unprocessed"):
        bias = find(results, "bias", "entity", release).estimate
        second = find(results, "curvature", "entity", release).estimate
        assert set(causes(bias, second)) <= {"curvature", "unknown"}
    assert set(causes(find(results, "bias", "entity", "clipped").estimate, second)) == {"curvature"}
    results = small(tmp_path, ALLOTMENT, (2, 3, 800, 1500))
    bias = find(results, "bias", "entity", "clipped").estimate
    second = find(results, "curvature", "entity", "clipped").estimate
    assert set(causes(bias, second)) == {"beyond"}


def test_a_black_box_is_measured_with_its_error(tmp_path):
    bent = '[[decision]]\nuse = "formula"\nformula = "x * maximum(x, 0 - 1000)"\n'
    results = small(tmp_path, bent, (500, 700, 800, 1500), draws=200)
    second = find(results, "curvature", "entity", "unprocessed").estimate
    assert second.method == "asymptotic"
    assert ((second.low <= 200.0) & (second.high >= 200.0)).all()
    assert find(results, "curvature-spread", "entity", "unproc").estimate.low == 0.0
    assert find(results, "curvature-change", "entity", "unproc").estimate.low == 0.0
    total = find(results, "curvature", "total", "unprocessed").estimate
    assert total.value == pytest.approx(800.0)
    rest = find(results, "bias-beyond-curvature", "entity", "unprocessed").estimate
    assert ((rest.low <= 0.0) & (rest.high >= 0.0)).all()


def test_entities_at_a_kink_are_left_out_with_their_group_and_named(tmp_path):
    kinked = '[[decision]]\nuse = "formula"\nformula = "maximum(x, 0)"\n'
    results = small(tmp_path, kinked, (0, 700, 800, 1500), draws=200)
    assert find(results, "curvature", "entity", "unprocessed").labels == ("e1", "e2", "e3")
    assert find(results, "curvature", "state", "unprocessed").labels == ("B",)
    assert not [m for m in results.measurements if (m.quantity, m.over) == ("curvature", "total")]
    assert any("1 of 4 entities" in note.message for note in results.notes)


def test_where_the_noise_is_not_known_nothing_is_measured_and_the_report_says_why(tmp_path):
    everybody = '[[decision]]\nuse = "counts"\n'
    path = tmp_path / "audit.toml"
    small(tmp_path, everybody, (5, 700), draws=64)
    text = path.read_text().replace(
        '{ use = "laplace", epsilon = 0.1 }', '{ use = "cell-suppression", threshold = 10 }'
    )
    path.write_text(text)
    results = dpaudit.run(dpaudit.load(path))
    assert not [m for m in results.measurements if m.quantity.startswith("curvature")]
    assert any("the noise of the release is not known" in note.message for note in results.notes)
    dpaudit.write_report(results, tmp_path / "out", formats=("html", "json"))


def test_an_audit_that_does_not_ask_is_told_how_to(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import dpaudit\n\n"
        '@dpaudit.audit(name="bent")\n'
        "def bent(subject, rng):\n"
        "    return [subject.curvature()]\n"
    )
    path = tmp_path / "audit.toml"
    small(tmp_path, ALLOTMENT, (5, 700), draws=64)
    text = path.read_text().replace('use = "curvature"', 'use = "bent"')
    path.write_text('plugins = ["mine.py"]\n' + text)
    failures = dpaudit.run(dpaudit.load(path)).failures
    assert failures
    assert all("curvature was not measured" in failure.message for failure in failures)


def test_a_linear_rule_is_fair_and_its_interval_knows(tmp_path):
    """Simulated as a black box, the plain estimate of α is above 0; its lower end is not."""
    linear = '[[decision]]\nuse = "formula"\nformula = "2 * x + 0 * abs(x)"\n'
    small(tmp_path, linear, (500, 700, 800, 1500), draws=200)
    path = tmp_path / "audit.toml"
    text = path.read_text().replace('use = "curvature"', 'use = "alpha-fairness"')
    path.write_text(text)
    results = dpaudit.run(dpaudit.load(path))
    found = find(results, "alpha-fairness", "entity", "unprocessed").estimate
    assert np.ptp(find(results, "bias", "entity", "unprocessed").estimate.value) > 0
    assert found.low == 0.0
    own = find(results, "xi", "entity", "unprocessed")
    assert own.labels == ("e0", "e1", "e2", "e3")
    np.testing.assert_array_equal(own.estimate.low, 0.0)
    needed = [m for m in results.measurements if m.quantity == "draws-for-alpha"]
    assert all(m.unit == "draws" and m.estimate.value > 200 for m in needed)
    dpaudit.write_report(results, tmp_path / "out", formats=("html", "json"))
