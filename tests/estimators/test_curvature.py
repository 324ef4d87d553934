"""The ladder of second-order biases, and what the theorems on curvature really say.

METHODS-decisions 3.2 and section 10: a linear rule is fair; constant second derivatives give
the same α for all counts ("if", and not "only if"); a rule that bends may be perfectly fair.
"""

from typing import ClassVar

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.estimators.chain import Chain
from dpaudit.estimators.clipped_allotment import clipped_allotment
from dpaudit.estimators.curvature import curvature_of
from dpaudit.noise.laplace import Laplace as LaplaceNoise
from dpaudit_plugins.decisions.allotment import Allotment
from dpaudit_plugins.decisions.counts import Counts
from dpaudit_plugins.decisions.formula import Formula
from dpaudit_plugins.mechanisms.cell_suppression import CellSuppression
from dpaudit_plugins.mechanisms.laplace import Laplace
from dpaudit_plugins.postprocessors.non_negative import NonNegative
from dpaudit_plugins.postprocessors.round import Round
from dpaudit_plugins.postprocessors.simplex import Simplex
from dpaudit_plugins.postprocessors.sum_preserving import SumPreserving

COUNTS = np.array([40.0, 120.0, 300.0, 1000.0])
WEIGHTS = np.array([1.0, 1.2, 0.8, 1.0])
SCALE = 5.0
VARIANCE = np.full(4, 2.0 * SCALE**2)


@attrs.frozen(kw_only=True)
class Bent(dpaudit.Decision):
    """P_i = factor_i x_i^2."""

    name: ClassVar[str] = "bent"
    vectorised: ClassVar[bool] = True
    factor: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)

    def decide(self, counts):
        return np.asarray(self.factor) * counts**2


@attrs.frozen(kw_only=True)
class Above(dpaudit.Decision):
    """1 for every count that is at least ``at``."""

    name: ClassVar[str] = "above"
    vectorised: ClassVar[bool] = True
    at: float = 100.0

    def decide(self, counts):
        return (counts >= self.at).astype(float)


def chain(*steps, counts=COUNTS):
    return Chain(counts=counts, mechanism=Laplace(epsilon=1.0 / SCALE), steps=steps)


@pytest.mark.learn
@pytest.mark.slow
def test_closed_form_automatic_derivatives_and_differences_agree():
    ways = {
        "closed": (Allotment(weights=WEIGHTS), "exact"),
        "automatic": (Formula(formula="a * x / sum(a * x)", where={"a": WEIGHTS}), "exact"),
        "differences": (
            Formula(formula="a * maximum(x, -1000) / sum(a * x)", where={"a": WEIGHTS}),
            "asymptotic",
        ),
    }
    exact = Allotment(weights=WEIGHTS).curvature(COUNTS, VARIANCE)
    for decision, method in ways.values():
        found = curvature_of(decision, chain(), change=True)
        assert found.estimate.method == method
        assert found.defined.all()
        assert found.missing == ""
        rtol = 1e-9 if method == "exact" else 1e-3
        np.testing.assert_allclose(found.estimate.value, exact, rtol=rtol)
        assert ((found.estimate.low <= exact) & (exact <= found.estimate.high)).all()
        assert found.change.high > 0


def test_without_torch_a_smooth_formula_is_left_to_differences(monkeypatch):
    monkeypatch.setattr("dpaudit.estimators.curvature.can_differentiate", lambda: False)
    found = curvature_of(Formula(formula="x / sum(x)"), chain())
    assert found.estimate.method == "asymptotic"


def test_clipping_is_left_out_and_rounding_is_part_of_the_noise():
    decision = Allotment(weights=WEIGHTS)
    plain, clipped = curvature_of(decision, chain()), curvature_of(decision, chain(NonNegative()))
    np.testing.assert_array_equal(plain.estimate.value, clipped.estimate.value)
    rounded = curvature_of(decision, chain(Round(), NonNegative()))
    assert (np.abs(rounded.estimate.value / plain.estimate.value) > 1.0001).all()
    projected = curvature_of(decision, chain(), (Simplex(total=1.0),))
    np.testing.assert_array_equal(plain.estimate.value, projected.estimate.value)


def test_linear_steps_are_kept():
    """Where the noise sums to zero, the denominator of a plain share does not move at all."""
    found = curvature_of(Allotment(), chain(SumPreserving(total=COUNTS.sum())))
    assert found.estimate.method == "asymptotic"
    scale = np.abs(Allotment().curvature(COUNTS, VARIANCE)).max()
    assert np.abs(found.estimate.value).max() <= 1e-6 * scale
    assert (np.abs(found.estimate.value) <= found.estimate.high - found.estimate.value).all()


def test_a_linear_decision_has_none():
    found = curvature_of(Counts(), chain())
    np.testing.assert_array_equal(found.estimate.high, np.zeros(4))
    assert found.change.high == 0.0


def test_what_is_not_known_is_said():
    unknown = curvature_of(
        Allotment(), Chain(counts=COUNTS, mechanism=CellSuppression(threshold=10))
    )
    assert "the noise of the release is not known" in unknown.missing
    assert not unknown.defined.any()
    refused = curvature_of(Bent(), chain(), most_work=10)
    assert "more than 10" in refused.missing
    broken = curvature_of(Formula(formula="abs(sqrt(x))"), chain(counts=np.array([1.0, 50.0])))
    assert "not measured" in broken.missing
    kinked = curvature_of(Formula(formula="maximum(x, 120)"), chain())
    assert "1 of 4 entities" in kinked.missing


def test_constant_second_derivatives_make_the_same_alpha_for_all_counts():
    """B_i = factor_i v exactly, for these counts and any others: α is finite over all data."""
    decision = Bent(factor=(1.0, 2.0, 3.0, 4.0))
    near, far = (
        curvature_of(decision, chain(counts=x), change=True) for x in (COUNTS, 50.0 * COUNTS[::-1])
    )
    for found in (near, far):
        np.testing.assert_allclose(
            found.estimate.value, np.array([1.0, 2, 3, 4]) * VARIANCE, rtol=1e-6
        )
        assert found.change.low == 0.0
        assert found.change.high <= 1e-3 * VARIANCE[0]


def test_a_rule_that_bends_may_be_perfectly_fair():
    """P_i = x_i^2 has bias v for everybody: 'impossible for any non-linear P' is false."""
    found = curvature_of(Bent(), chain())
    assert np.ptp(found.estimate.value) <= 1e-8 * VARIANCE[0]
    rng = np.random.default_rng(3)
    drawn = LaplaceNoise(SCALE).sample(rng, (200_000, 4))
    bias = 2.0 * COUNTS * drawn.mean(axis=0) + np.square(drawn).mean(axis=0)
    error = np.sqrt((4.0 * COUNTS**2 * VARIANCE + 5.0 * VARIANCE**2) / len(drawn))
    assert (np.abs(bias - VARIANCE) <= 6.0 * error).all()


def test_finite_alpha_does_not_need_second_derivatives():
    """'Only if' is false: an indicator never has α above 1, nor shares above 2, on any data."""
    for at in (40.0, 100.0, 5000.0):
        chance = 1.0 - LaplaceNoise(SCALE).cdf(at - COUNTS)
        assert np.ptp(chance - (at <= COUNTS)) <= 1.0
    jumps = curvature_of(Above(at=120.0), chain())
    np.testing.assert_array_equal(jumps.defined, [True, False, True, True])
    for counts in (COUNTS, np.array([0.0, 0, 0, 5]), np.array([1.0, 1, 1, 1])):
        found = clipped_allotment(counts, WEIGHTS, LaplaceNoise(SCALE))
        assert np.ptp(found.bias) <= 2.0


def test_shares_are_fair_to_second_order_only_where_the_noise_follows_the_counts():
    """The corrected theorem: for shares α = 0 needs a_i^2 v_i in proportion to P_i."""
    shares = WEIGHTS * COUNTS / (WEIGHTS * COUNTS).sum()
    fitting = 1e4 * shares / WEIGHTS**2
    decision = Allotment(weights=WEIGHTS)
    assert np.ptp(decision.curvature(COUNTS, fitting)) <= 1e-12
    assert np.ptp(decision.curvature(COUNTS, VARIANCE)) > 1e-6
    assert abs(decision.curvature(COUNTS, VARIANCE).sum()) <= 1e-15
    alike = np.full(4, 250.0)
    assert np.ptp(Allotment().curvature(alike, VARIANCE)) <= 1e-15


@pytest.mark.parametrize("rule", [Bent(), Above()])
def test_what_changes_with_the_counts_is_told_from_what_differs_between_entities(rule):
    """Spread over entities and change with the counts are two questions."""
    curved = curvature_of(Allotment(weights=WEIGHTS), chain(), change=True)
    assert curved.change.low > 0.0
    assert curvature_of(rule, chain(), change=True).change.low == 0.0


def test_the_change_is_measured_where_it_is_asked_for():
    """It takes as many outcomes again: who asks for curvature alone does not pay for it."""
    called = []

    class Counting(Bent):
        def decide(self, counts):
            called.append(len(counts))
            return super().decide(counts)

    assert curvature_of(Counting(), chain()).change is None
    alone = sum(called)
    called.clear()
    assert curvature_of(Counting(), chain(), change=True).change is not None
    assert sum(called) == 2 * alone


def test_what_has_no_room_is_refused_before_it_starts():
    called = []

    class Watched(Bent):
        def decide(self, counts):
            called.append(len(counts))
            return super().decide(counts)

    refused = curvature_of(Watched(), chain(), memory_limit=1e3)
    assert "second differences of 4 counts and 4 outcomes would need about" in refused.missing
    assert "and the limit is" in refused.missing
    assert refused.refused == refused.missing
    assert not refused.defined.any()
    assert called == [1]
    enough = curvature_of(Watched(), chain(), memory_limit=1e6)
    assert enough.defined.all()
    assert enough.refused == ""


@pytest.mark.learn
def test_automatic_differentiation_is_refused_before_torch_is_imported():
    formula = Formula(formula="x / sum(x)")
    refused = curvature_of(formula, chain(), memory_limit=1e8)
    assert "automatic differentiation of 4 counts would need about 270 MB" in refused.refused
    assert "the limit is 100 MB" in refused.refused
