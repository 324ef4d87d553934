"""Post-processors that make outcomes valid: PoS and BL."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import dpaudit
from dpaudit_plugins.decisions.allotment import Allotment
from dpaudit_plugins.postprocessors import baseline, projection_onto_simplex
from dpaudit_plugins.postprocessors.proportional_scaling import ProportionalScaling
from dpaudit_plugins.postprocessors.simplex import Simplex

POS, BL = projection_onto_simplex.ProjectionOntoSimplex, baseline.Baseline
NOISY = hnp.arrays(np.float64, (3, 5), elements=st.floats(-100, 100))


def test_each_module_offers_its_step():
    assert projection_onto_simplex.dpaudit_postprocessors() == (POS,)
    assert baseline.dpaudit_postprocessors() == (BL,)


def test_each_says_how_it_makes_outcomes_valid():
    assert POS().feasible == Simplex().feasible == "nearest"
    assert BL().feasible == ProportionalScaling().feasible == "rescaled"
    assert Simplex(whole=True).feasible is None


@given(noisy=NOISY, total=st.floats(1e-9, 1e9))
def test_outcomes_are_valid(noisy, total):
    for step in (POS(total=total), BL(total=total)):
        made = step.process(noisy)
        assert made.min() >= 0
        np.testing.assert_allclose(made.sum(axis=-1), total, rtol=1e-12)
        np.testing.assert_allclose(step.process(made), made, rtol=1e-9, atol=1e-9)


@given(noisy=NOISY.filter(lambda rows: (rows.sum(axis=-1) > 1e-6).all()))
def test_the_baseline_of_shares_is_the_share_of_clipped_counts(noisy):
    rule = Allotment(weights=np.array([1.0, 2.0, 0.5, 1.0, 3.0]), appropriation=50.0)
    noisy = noisy / rule.weights  # the weighted sum is what was found positive
    made = BL(total=50.0).process(rule.decide(noisy))
    np.testing.assert_allclose(made, rule.decide(np.maximum(noisy, 0.0)), rtol=1e-9, atol=1e-9)


@given(noisy=NOISY.filter(lambda rows: (np.abs(rows.sum(axis=-1)) > 1e-3).all()))
def test_the_projection_changes_shares_most_alike_and_both_by_as_much(noisy):
    """Theorems 2 and 3, draw by draw."""
    shares = noisy / noisy.sum(axis=-1, keepdims=True)
    projected, rescaled = (step(total=1.0).process(shares) - shares for step in (POS, BL))
    size = 1e-9 * np.abs(shares).max()
    assert (np.ptp(projected, axis=-1) <= np.ptp(rescaled, axis=-1) + size).all()
    sums = [np.abs(change).sum(axis=-1) for change in (projected, rescaled)]
    np.testing.assert_allclose(sums[0], sums[1], rtol=1e-9, atol=size)


@pytest.mark.parametrize("step", [POS, BL])
def test_faults_say_what_to_do(step):
    with pytest.raises(dpaudit.UsageError, match="has no total"):
        step().process(np.ones(3))
    with pytest.raises(dpaudit.UsageError, match=r"total -1\.0"):
        step(total=-1.0).process(np.ones(3))
