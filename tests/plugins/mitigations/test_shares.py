"""Mitigations of an allotment that change the decision: corrected, projected, expanded, floored."""

import json

import numpy as np
import pytest

import dpaudit
from dpaudit_plugins.decisions.allotment import Allotment
from dpaudit_plugins.mitigations.hold_harmless import raised_to
from dpaudit_plugins.mitigations.output_debiasing import Debiased

ALLOTMENT = 'use = "allotment"\nweights = "a"'
RAW = 'mechanism = { use = "laplace", epsilon = 0.5 }'
CLIPPED = 'mechanism = { use = "laplace", epsilon = 0.1 }\npostprocess = [{ use = "non-negative" }]'
SMALL = {"x": [0, 1, 3, 5, 8, 400, 900, 2000], "a": [1.0] * 8}


def test_projected_outcomes_halve_alpha_where_small_counts_are_clipped(audit):
    """Table 2 of the paper, in small: PoS is fairer than BL, and still hands out all there is."""
    found = audit(
        SMALL, release=CLIPPED, decision=ALLOTMENT, mitigation='use = "projected-outcomes"'
    )
    assert found.alpha("before").method == "quadrature"
    assert found.alpha("after").high < 0.6 * found.alpha("before").low
    assert found.after.output == ("simplex",)
    assert found.after.postprocess == ()
    assert abs(found.get("after", "bias", over="total").value) < 1e-12


def test_projected_outcomes_change_nothing_where_nothing_is_clipped(audit, sixty):
    """The negative control: with the smallest count at 10 scales both have the same alpha."""
    release = RAW + '\npostprocess = [{ use = "non-negative" }]'
    found = audit(
        sixty, release=release, decision=ALLOTMENT, mitigation='use = "projected-outcomes"'
    )
    after = found.alpha("after")
    assert after.low <= found.alpha("before").value <= after.high
    assert after.high < 1.3 * found.alpha("before").value


def test_debiasing_leaves_a_sixth_of_alpha_at_most(audit, sixty):
    """METHODS 7.2: alpha 1.04e-7 falls, here to what 12,800 draws can tell from nothing."""
    found = audit(
        sixty, release=RAW, decision=ALLOTMENT, mitigation='use = "output-debiasing"', draws=12_800
    )
    assert found.alpha("before").value == pytest.approx(1.04e-7, rel=0.005)
    after = found.alpha("after")
    assert after.low == 0
    assert after.high < found.alpha("before").low / 5
    assert abs(found.get("after", "bias", over="total").value) < 1e-14


@pytest.mark.parametrize(("epsilon", "most"), [(0.5, 5e-12), (0.1, 1.2e-9)])
def test_debiasing_leaves_what_is_of_fourth_order(sixty, epsilon, most):
    """METHODS 7.2: 3.8e-13 and 2.4e-10 are left; mirrored noise and its square as the control."""
    x, a = sixty["x"].astype(float), sixty["a"]
    variance = np.full(60, 2.0 / epsilon**2)
    rule = Allotment(weights=a)
    debiased = Debiased(decision=rule, variance=variance)
    truth, curvature, total = rule.decide(x), rule.curvature(x, variance), (a * x).sum()
    noise = np.random.default_rng(1).laplace(0.0, 1.0 / epsilon, (4_000, 60))
    left, plain = np.zeros(60), np.zeros(60)
    for eta in noise:
        own = a * eta / total
        square = -(own - truth * own.sum()) * own.sum() - curvature
        mean = (debiased.decide(x + eta) + debiased.decide(x - eta)) / 2 - truth - square
        left += mean / len(noise)
        plain += (mean + curvature) / len(noise)
    assert np.ptp(left) < most
    assert np.ptp(plain) > 100 * most
    assert np.ptp(plain) == pytest.approx(np.ptp(curvature), rel=1e-3)


def test_debiasing_does_nothing_near_a_total_of_zero():
    rule = Allotment(appropriation=6.0)
    debiased = Debiased(decision=rule, variance=np.full(3, 100.0))
    near = np.array([10.0, 5.0, -12.0])
    np.testing.assert_allclose(debiased.decide(near), 6.0 * near / np.sqrt(300.0))
    far = np.array([100.0, 50.0, 120.0])
    np.testing.assert_allclose(
        debiased.decide(far), rule.decide(far) - rule.curvature(far, np.full(3, 100.0))
    )


def test_debiasing_works_with_equal_weights_too(audit, sixty):
    """All entities are alike where all counts are: that says nothing of the curvature."""
    decision, mitigation = 'use = "allotment"', 'use = "output-debiasing"'
    found = audit({"x": sixty["x"]}, release=RAW, decision=decision, mitigation=mitigation)
    assert found.alpha("after").high < found.alpha("before").low / 3


def test_debiasing_takes_any_curvature_away(audit):
    """E (x + X)^2 is x^2 + v with v = 8: nothing is left of it, in the unit of the decision."""
    found = audit(
        {"x": [3, 40, 500]},
        release=RAW,
        decision='use = "squared"',
        mitigation='use = "output-debiasing"',
    )
    before, after = found.bias("before"), found.bias("after")
    assert ((before.low <= 8.0) & (before.high >= 8.0)).all()
    assert (before.low > 4.0).all()
    assert ((after.low <= 0.0) & (after.high >= 0.0)).all()
    assert (after.high < 4.0).all()
    assert found.after.unit == "square persons"


def test_debiasing_is_not_for_clipped_counts(audit):
    with pytest.raises(dpaudit.SpecError, match="applies to no release"):
        audit(SMALL, release=CLIPPED, decision=ALLOTMENT, mitigation='use = "output-debiasing"')


def test_an_expansion_at_the_truth_itself_has_no_bias(audit, sixty):
    columns = {**sixty, "p": sixty["x"]}
    found = audit(
        columns, release=RAW, decision=ALLOTMENT, mitigation='use = "linearised"\nproxy = "p"'
    )
    assert found.alpha("before").low > 1e-7
    assert found.alpha("after").high < 1e-15


def test_an_expansion_elsewhere_is_off_by_the_second_order_of_the_change(audit, sixty):
    """The negative control: 5 percent more in one place is a bias that no noise explains."""
    x, a = sixty["x"].astype(float), sixty["a"]
    proxy = x.copy()
    proxy[np.argmax(x)] *= 1.05
    columns = {**sixty, "p": proxy}
    found = audit(
        columns, release=RAW, decision=ALLOTMENT, mitigation='use = "linearised"\nproxy = "p"'
    )
    rule, total = Allotment(weights=a), (a * proxy).sum()
    gap, at = x - proxy, rule.decide(proxy)
    expanded = at + a * gap / total - at * (a * gap).sum() / total
    np.testing.assert_allclose(found.bias("after").value, expanded - rule.decide(x), atol=1e-12)
    assert found.alpha("after").low > found.alpha("before").high


def test_derivatives_by_differences_agree_with_exact_ones(audit, sixty):
    columns = {**sixty, "p": sixty["x"] + 3}
    mitigation = 'use = "linearised"\nproxy = "p"'
    exact = audit(columns, release=RAW, decision=ALLOTMENT, mitigation=mitigation)
    formula = 'use = "formula"\nformula = "a * x / maximum(sum(a * x), 1)"\nwhere = { a = "a" }'
    release = RAW + '\npostprocess = [{ use = "non-negative" }]'
    found = audit(columns, release=release, decision=formula, mitigation=mitigation)
    np.testing.assert_allclose(
        found.bias("after").value, exact.bias("after").value, rtol=1e-5, atol=1e-10
    )


def held(amounts, share, audit):
    mitigation = f'use = "hold-harmless"\nlast_year = "last"\nshare = {share}'
    decision = 'use = "allotment"\nappropriation = 1e6'
    return audit(
        {**SMALL, "last": amounts}, release=CLIPPED, decision=decision, mitigation=mitigation
    )


def test_hold_harmless_caps_losses_and_hides_bias(audit):
    """METHODS 7.7: nobody loses over 5 percent, and the largest pays: alpha grows."""
    x = np.array(SMALL["x"])
    found = held(1e6 * x / x.sum(), 0.95, audit)
    np.testing.assert_array_equal(found.after.truth, found.before.truth)
    loss = found.get("after", "expected-shortfall").value
    assert (loss <= 0.05 * found.after.truth + 1e-6).all()
    assert found.get("before", "expected-shortfall").value[5] > 0.05 * found.after.truth[5] / 5
    assert found.alpha("after").low > 1.2 * found.alpha("before").high
    assert abs(found.get("after", "bias", over="total").value) < 1e-6


def test_floors_of_nothing_change_nothing(audit):
    x = np.array(SMALL["x"])
    found = held(1e6 * x / x.sum(), 0.0, audit)
    after = found.alpha("after")
    assert after.low <= found.alpha("before").value <= after.high


@pytest.mark.shared_data
@pytest.mark.golden
def test_hold_harmless_golden(shared):
    items = json.loads((shared / "golden" / "decisions.json").read_text())["items"]
    (case,) = (item for item in items if item["id"] == "titlei.hold_harmless")
    given = {name: np.array(value, dtype=float) for name, value in case["inputs"].items()}
    made = raised_to(given["rate"] * given["prev"], given["auth"], float(given["budget"]))
    np.testing.assert_allclose(made, case["output"], atol=case["tolerance"])


@pytest.mark.parametrize(
    ("floors", "amounts", "budget", "made"),
    [
        ([0, 0], [1, 3], 8, [2, 6]),
        ([6, 6], [1, 3], 8, [4, 4]),  # floors exceed the budget
        ([1, 3], [0, 0], 8, [2, 6]),  # nothing but floors
        ([0, 0], [0, 0], 8, [4, 4]),
        ([1, 0], [0, 5], 8, [1, 7]),
        ([3, 0, 0], [1e-300, 1, 1], 9, [3, 3, 3]),
    ],
)
def test_floors_at_the_edges(floors, amounts, budget, made):
    found = raised_to(np.array(floors, float), np.array(amounts, float), float(budget))
    np.testing.assert_allclose(found, made)


def test_a_negative_amount_of_last_year_is_refused(audit):
    with pytest.raises(dpaudit.DataError, match=r"last_year has the value -1\.0"):
        held(np.array([-1.0, *np.ones(7)]), 0.9, audit)
