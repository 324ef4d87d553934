"""Additive mechanisms: one statement of the budget, noise for each entity and for each level."""

import math

import numpy as np
import pytest

import dpaudit
from dpaudit.model.hierarchy import Hierarchy
from dpaudit.parameters import given, parameters
from dpaudit.privacy.gaussian import gaussian_delta
from dpaudit.privacy.zcdp import epsilon_of, rho_of
from dpaudit_plugins.mechanisms.callable import CallableMechanism
from dpaudit_plugins.mechanisms.discrete_gaussian import DiscreteGaussian
from dpaudit_plugins.mechanisms.gaussian import Gaussian
from dpaudit_plugins.mechanisms.geometric import Geometric
from dpaudit_plugins.mechanisms.laplace import Laplace
from dpaudit_plugins.mechanisms.replicates import Replicates

PURE, CONCENTRATED = (Laplace, Geometric), (Gaussian, DiscreteGaussian)
EVERY = (*PURE, *CONCENTRATED)
TREE = Hierarchy.of(("state", "district"), (("A", "A", "B"), ("a1", "a2", "b1")))
SHARES = {"total": 0.2, "state": 0.3, "district": 0.5}
SCALES = np.array([4.0, 2.0, 8.0])


def budget(make):
    return {"epsilon": 0.5} if make in PURE else {"rho": 0.25}


def amount(make, value):
    return {"scale": value} if make in PURE else {"sigma": value}


def spread_of(mechanism):
    """The scale, or sigma, of the noise."""
    noise = mechanism.noise()
    if hasattr(noise, "epsilon_per_unit"):
        return 1.0 / noise.epsilon_per_unit
    return noise.scale if hasattr(noise, "scale") else noise.sigma


@pytest.mark.parametrize("make", EVERY)
def test_a_budget_is_stated_in_one_way(make):
    with pytest.raises(ValueError, match=r"one way: give .*, or .*; given: nothing"):
        make()
    with pytest.raises(ValueError, match=r"given: (epsilon|rho) = .* and (scale|sigma) = 1.0"):
        make(**budget(make), **amount(make, 1.0))


@pytest.mark.parametrize(
    ("bad", "given"),
    [
        ({"epsilon": 1.0, "rho": 0.5}, "epsilon = 1.0 and rho = 0.5"),
        (
            {"epsilon": 1.0, "delta": 1e-6, "rho": 0.5},
            "epsilon = 1.0 and delta = 1e-06 and rho = 0.5",
        ),
        ({"rho": 0.5, "delta": 1e-6}, "delta = 1e-06 and rho = 0.5"),
        ({"delta": 1e-6}, "delta = 1e-06"),
        ({"delta": 0.0}, "delta = 0.0"),
    ],
)
@pytest.mark.parametrize(
    "make",
    [
        lambda **budget: CallableMechanism(function="a:b", **budget),
        lambda **budget: Replicates(file="a.csv", **budget),
    ],
)
def test_what_others_state_is_one_budget_too(make, bad, given):
    ways = r"give epsilon, or epsilon and delta, or rho, or nothing"
    with pytest.raises(ValueError, match=f"{ways}; given: {given}$"):
        make(**bad)
    for wrong in ({"epsilon": 0.0}, {"epsilon": math.inf}, {"rho": math.nan}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            make(**wrong)


@pytest.mark.parametrize("make", CONCENTRATED)
@pytest.mark.parametrize("half", [{"epsilon": 1.0}, {"delta": 1e-6}, {"rho": 1.0, "delta": 1e-6}])
def test_half_a_budget_is_none(make, half):
    with pytest.raises(ValueError, match="epsilon and delta, or rho, or sigma"):
        make(**half)


@pytest.mark.parametrize("make", EVERY)
@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_wrong_amounts(make, bad):
    with pytest.raises(ValueError, match=r"scale|sigma"):
        make(**amount(make, bad))
    with pytest.raises(dpaudit.DataError, match=f"{bad}, which is not a number of 0 or more"):
        make(**amount(make, np.array([1.0, bad])))
    with pytest.raises(dpaudit.DataError, match="is not a number of 0 or more"):
        make(**amount(make, np.array(["1", "2"])))


@pytest.mark.parametrize("make", CONCENTRATED)
@pytest.mark.parametrize("bad", [{"rho": 0.0}, {"rho": math.inf}, {"rho": math.nan}])
def test_wrong_rho(make, bad):
    with pytest.raises(ValueError, match="rho"):
        make(**bad)


@pytest.mark.parametrize("make", EVERY)
@pytest.mark.parametrize("neighbours", ["add-remove", "replace"])
@pytest.mark.parametrize("cells", [1, 3])
def test_budget_and_amount_are_inverse(make, neighbours, cells):
    kw = {"neighbours": neighbours, "cells_per_person": cells}
    first = make(**budget(make), **kw)
    again = make(**amount(make, float(spread_of(first))), **kw)
    np.testing.assert_allclose(spread_of(again), spread_of(first), rtol=1e-14)
    assert again.privacy().epsilon == pytest.approx(first.privacy().epsilon, rel=1e-12)
    if make in CONCENTRATED:
        assert again.privacy().rho == pytest.approx(0.25, rel=1e-12)


@pytest.mark.parametrize("make", CONCENTRATED)
def test_rho_is_stated_with_its_epsilon(make):
    promised = make(rho=0.25, neighbours="replace").privacy()
    assert (promised.rho, promised.delta) == (0.25, 1e-10)
    assert promised.epsilon == epsilon_of(1e-10, 0.25)
    assert spread_of(make(rho=0.25, neighbours="replace")) == pytest.approx(2.0, rel=1e-15)


def test_discrete_gaussian_from_epsilon_and_delta():
    made = DiscreteGaussian(epsilon=1.0, delta=1e-6)
    rho = rho_of(1.0, 1e-6)
    assert spread_of(made) == pytest.approx(1.0 / math.sqrt(2.0 * rho), rel=1e-15)
    promised = made.privacy()
    assert (promised.epsilon, promised.delta) == (1.0, 1e-6)
    assert promised.rho == pytest.approx(rho, rel=1e-12)
    assert spread_of(made) > spread_of(Gaussian(epsilon=1.0, delta=1e-6))


def worst_move(losses, neighbours):
    """The largest loss over every way in which one person can change the counts."""
    n = len(losses)
    if neighbours == "add-remove":
        return max(losses)
    return max(losses[i] + losses[j] for i in range(n) for j in range(n) if i != j)


@pytest.mark.parametrize("neighbours", ["add-remove", "replace"])
def test_noise_for_each_entity_promises_what_the_worst_gets(neighbours):
    for make in PURE:
        made = make(scale=SCALES, neighbours=neighbours)
        assert made.privacy().epsilon == pytest.approx(worst_move(1 / SCALES, neighbours))
        np.testing.assert_allclose(spread_of(made), SCALES, rtol=1e-15)
    for make in CONCENTRATED:
        made = make(sigma=SCALES, neighbours=neighbours)
        assert made.privacy().rho == pytest.approx(worst_move(0.5 / SCALES**2, neighbours))


@pytest.mark.parametrize("neighbours", ["add-remove", "replace"])
def test_the_loss_of_whole_noise_for_each_entity(neighbours):
    """Directly: the largest log-ratio of the joint pmf over outputs, for every move."""
    made = Geometric(scale=np.array([1.0, 2.0]), neighbours=neighbours)
    k = np.arange(-30.0, 31.0)[:, None]
    pmf = made.noise().cdf(k) - made.noise().cdf(k - 1)
    up = np.log(pmf[1:] / pmf[:-1]).max(axis=0)
    assert made.privacy().epsilon == pytest.approx(worst_move(list(up), neighbours), rel=1e-9)


@pytest.mark.parametrize("make", EVERY)
def test_an_entity_without_noise_has_no_promise(make):
    made = make(**amount(make, np.array([0.0, 3.0])))
    assert not made.privacy().promises
    released = made.release(np.array([5.0, 2.0**40]), np.random.default_rng(1))
    assert released[0] == 5.0
    assert not make(**amount(make, 0.0)).privacy().promises


@pytest.mark.parametrize("make", EVERY)
def test_a_column_may_wait_for_its_data(make):
    name = next(iter(amount(make, 1.0)))
    assert parameters(make)[name].is_column
    waiting = make(**amount(make, "sigma_column"))
    assert waiting.measures == "entities"
    with pytest.raises(ValueError, match="exclude one another"):
        make(**amount(make, "sigma_column"), levels=SHARES)


@pytest.mark.parametrize("make", EVERY)
@pytest.mark.parametrize("neighbours", ["add-remove", "replace"])
def test_levels_share_the_budget(make, neighbours):
    made = make(**budget(make), neighbours=neighbours, levels=SHARES, hierarchy=TREE)
    whole = make(**budget(make), neighbours=neighbours)
    assert made.measures == "hierarchy"
    assert made.privacy() == whole.privacy()
    power = 1.0 if make in PURE else 0.5
    want = TREE.spread([float(spread_of(whole)) / SHARES[name] ** power for name in TREE.levels])
    np.testing.assert_allclose(spread_of(made), want, rtol=1e-14)
    assert made.noise().variance.shape == (TREE.size,)
    # Composition: each level's own loss adds up to the whole budget.
    spreads = [made.noise().variance[TREE.part(level)][0] for level in range(TREE.depth)]
    if make in CONCENTRATED:
        distance = 2.0 if neighbours == "replace" else 1.0
        total = sum(distance / (2.0 * s) for s in spreads)
        assert total == pytest.approx(0.25, rel=1e-3)


def test_levels_of_gaussian_noise_are_together_as_private_as_one_release():
    made = Gaussian(epsilon=0.7, delta=1e-6, levels=SHARES, hierarchy=TREE)
    sigmas = [float(made.noise().sigma[TREE.part(level)][0]) for level in range(TREE.depth)]
    together = 1.0 / math.sqrt(sum(1.0 / s**2 for s in sigmas))
    assert gaussian_delta(0.7, together) == pytest.approx(1e-6, rel=1e-9)


@pytest.mark.parametrize("make", EVERY)
def test_invariants_are_exact_and_outside_the_guarantee(make):
    made = make(
        **budget(make),
        levels={"state": 0.5, "district": 0.5},
        invariants=("total",),
        hierarchy=TREE,
    )
    counts = TREE.totals(np.array([3.0, 0.0, 2.0**40]))
    released = made.release(counts, np.random.default_rng(2))
    assert released.shape == (TREE.size,)
    assert released[0] == counts[0]
    assert (released[1:] != counts[1:]).any()
    assert made.privacy().uncovered == ("the total of the counts",)


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ({"total": 0.5, "state": 0.4}, "sum to 0.9, not to 1"),
        ({"total": 0.5, "state": 0.5000001}, "sum to 1.0000001"),
        ({"total": 1.0, "state": 0.0}, "levels.state 0.0"),
        ({"total": math.nan}, "levels.total nan"),
        ({}, "sum to 0"),
    ],
)
@pytest.mark.parametrize("make", EVERY)
def test_wrong_shares(make, levels, message):
    with pytest.raises(ValueError, match=message):
        make(**budget(make), levels=levels)


@pytest.mark.parametrize(
    ("levels", "invariants", "message"),
    [
        ({"total": 0.5, "county": 0.5}, (), "no level 'county'"),
        ({"total": 0.5, "state": 0.5}, (), "'district' is neither measured nor exact"),
        (SHARES, ("state",), "'state' is both measured and exact"),
        (SHARES, ("nation",), "no level 'nation'"),
    ],
)
def test_levels_and_the_tree_must_agree(levels, invariants, message):
    with pytest.raises(dpaudit.SpecError, match=message):
        Laplace(epsilon=1.0, levels=levels, invariants=invariants, hierarchy=TREE)


def test_levels_need_a_tree():
    made = Laplace(epsilon=1.0, levels=SHARES)
    with pytest.raises(dpaudit.SpecError, match="the data have no tree") as caught:
        made.noise()
    assert "[data]" in caught.value.hint
    with pytest.raises(ValueError, match="no levels are measured"):
        Laplace(epsilon=1.0, invariants=("total",))


@pytest.mark.parametrize("make", EVERY)
def test_the_tree_is_given_by_the_engine(make):
    assert given(make) == {"hierarchy": "hierarchy"}
    assert "hierarchy" not in parameters(make)


@pytest.mark.parametrize("make", EVERY)
@pytest.mark.parametrize("value", [1e-300, 1e300])
def test_extreme_amounts(make, value):
    counts = np.array([0.0, 2.0**53])
    made = make(**amount(make, value))
    assert np.isfinite(made.release(counts, np.random.default_rng(1))).all()
    if value < 1:
        released = made.release(counts, np.random.default_rng(1))
        np.testing.assert_allclose(released, counts, atol=1e-290)
    promised = made.privacy()
    assert promised.epsilon >= 0
    assert not math.isnan(promised.epsilon)


@pytest.mark.parametrize("make", EVERY)
def test_moments_and_chances_against_simulation(make):
    """Simultaneously over 3 entities and 3 quantities, false alarm 1e-6; control 30 % off."""
    from scipy import stats

    counts, draws = np.array([0.0, 2.0, 40.0]), 40_000
    made = make(**amount(make, SCALES))
    rng = np.random.default_rng(6)
    released = made.release(np.broadcast_to(counts, (draws, 3)), rng)
    limit = stats.norm.isf(1e-6 / 18)

    def worst(mechanism):
        errors = released - counts
        pairs = (
            (errors, mechanism.bias(counts)),
            (errors**2, mechanism.variance(counts)),
            ((released > 0) * 1.0, mechanism.positive(counts)),
        )
        return max(
            np.abs((sample.mean(axis=0) - truth) / sample.std(axis=0).clip(0.01))
            .max() * math.sqrt(draws)
            for sample, truth in pairs
        )  # fmt: skip

    assert worst(made) < limit
    assert worst(make(**amount(make, SCALES * 1.3))) > limit
