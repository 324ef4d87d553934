"""The smallest budget under a limit: exact harms, measured ones, and harms that do not fall."""

import csv
import math

import attrs
import numpy as np
import pytest
from scipy import stats

import dpaudit
from dpaudit.estimators.clipped_allotment import clipped_allotment
from dpaudit.model.estimate import Estimate
from dpaudit.noise.laplace import Laplace
from dpaudit.stats.budget import smallest_budget
from dpaudit.stats.spread import alpha, cost_of_privacy

MARGINS = np.array([12.0, 30.0, 55.0])


def threshold_loss(epsilon, _confidence):
    """Loss of entities above a count threshold by a margin m: P(miss) = exp(-m ε) / 2."""
    return Estimate.exact(np.exp(-MARGINS * epsilon) / 2.0)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-6, 1e-9])
@pytest.mark.parametrize("limit", [0.4, 0.01, 1e-12])
def test_a_count_threshold_has_a_closed_form(limit, tolerance):
    exact = math.log(0.5 / limit) / MARGINS.min()
    found = smallest_budget(threshold_loss, limit, least=1e-3, most=1e3, tolerance=tolerance)
    assert found.low <= exact <= found.high <= found.low * (1.0 + tolerance) * (1 + 1e-15)
    assert found.value == found.high
    assert found.level == 1.0
    assert found.is_monotone
    assert len(found.probes) <= 9 + math.ceil(math.log2(math.log(1e6) / 8 / tolerance)) + 2


def allotment(counts, functional):
    weights = np.ones_like(counts)

    def harm(epsilon, _confidence):
        shares = clipped_allotment(counts, weights, Laplace(1.0 / epsilon))
        bias = Estimate.exact(shares.bias, error=shares.bias_error, method="quadrature")
        return functional(bias)

    return harm


@pytest.mark.parametrize("functional", [alpha, cost_of_privacy])
def test_the_budget_of_an_allotment_gives_back_its_harm(functional):
    harm = allotment(np.array([3.0, 8.0, 40.0, 900.0]), functional)
    limit = float(harm(0.2, 0.95).value)
    found = smallest_budget(harm, limit, least=1e-3, most=10.0, tolerance=1e-6)
    assert found.value == pytest.approx(0.2, rel=1e-6)
    assert found.low <= 0.2 * (1 + 1e-9)
    assert found.is_monotone
    assert float(harm(found.high, 0.95).high) <= limit < float(harm(found.low, 0.95).low)


@pytest.mark.shared_data
@pytest.mark.slow
def test_the_budget_of_national_title_i_shares(shared):
    with (shared / "data" / "saipe_school_districts_2019.csv").open(encoding="utf-8") as file:
        counts = np.array([float(row["children_5_17"]) for row in csv.DictReader(file)])
    found = smallest_budget(
        allotment(counts, alpha), 2.668989e-7, least=0.01, most=1.0, tolerance=1e-4, grid=3
    )
    assert found.value == pytest.approx(0.1, rel=2e-4)


def test_every_budget_or_none_may_do():
    never = smallest_budget(threshold_loss, 1e-9, least=1e-3, most=0.1)
    assert (never.low, never.value, never.high) == (0.1, math.inf, math.inf)
    always = smallest_budget(threshold_loss, 0.499, least=0.5, most=10.0)
    assert (always.low, always.value, always.high) == (0.0, 0.5, 0.5)
    nothing = smallest_budget(lambda *_: Estimate.exact(0.0), 1.0, least=0.5, most=10.0)
    assert nothing.high == 0.5


def test_a_harm_that_rises_again_is_named():
    """The last time that it falls below the limit counts."""
    found = smallest_budget(
        lambda epsilon, _: Estimate.exact(1.0 / epsilon + 5.0 * math.exp(-((epsilon - 3.0) ** 2))),
        1.0, least=0.1, most=50.0, grid=40,
    )  # fmt: skip
    assert not found.is_monotone
    assert found.high > 4.0


def measured(rng, careless=None):
    """The loss of one entity, from 2,000 draws, with its normal interval."""

    def harm(epsilon, asked):
        confidence = careless or asked
        chance = math.exp(-12.0 * epsilon) / 2.0
        value = rng.binomial(2000, chance) / 2000
        reach = stats.norm.isf((1 - confidence) / 2) * math.sqrt(max(value, 0.005) / 2000)
        return Estimate(
            value=value, low=max(0.0, value - reach), high=value + reach, level=confidence,
            method="simulated", draws=2000,
        )  # fmt: skip

    return harm


@pytest.mark.slow
def test_measured_harms_give_an_interval_that_covers():
    """False-alarm rate 1e-6; with intervals of another confidence than asked for it must miss."""
    rng, exact, times = np.random.default_rng(2), math.log(0.5 / 0.05) / 12.0, 300
    missed = {"planned": 0, "careless": 0}
    for _ in range(times):
        for name, careless in (("planned", None), ("careless", 0.2)):
            harm = measured(rng, careless)
            found = smallest_budget(harm, 0.05, least=0.02, most=2.0, tolerance=0.02)
            missed[name] += not found.low <= exact <= found.high
            assert found.low <= found.value <= found.high
    assert missed["planned"] <= stats.binom.isf(1e-6, times, 0.05)
    assert missed["careless"] > stats.binom.isf(1e-6, times, 0.05)
    assert found.level == 0.95


def test_what_was_measured_is_kept_in_order():
    found = smallest_budget(threshold_loss, 0.01, least=1e-3, most=10.0)
    budgets = [probe.budget for probe in found.probes]
    assert budgets == sorted(set(budgets))
    assert attrs.asdict(found.probes[0])["value"] == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"limit": 0.0}, r"a limit of 0\.0"),
        ({"least": 2.0, "most": 1.0}, r"budgets from 2\.0 to 1\.0"),
        ({"tolerance": 0.0}, r"a tolerance of 0\.0"),
        ({"grid": 1}, "a grid of 1 budgets"),
    ],
)
def test_questions_that_make_no_sense(changed, message):
    given = {"limit": 1.0, "least": 0.1, "most": 1.0, **changed}
    with pytest.raises(dpaudit.UsageError, match=message):
        smallest_budget(threshold_loss, given.pop("limit"), **given)
