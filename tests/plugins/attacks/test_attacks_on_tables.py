"""Every attack on a small table whose answer is known by hand or in closed form."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.estimators.chain import Chain
from dpaudit.estimators.law import law_of, printed
from dpaudit.privacy.tradeoff import ApproximateDp, GaussianCurve, LaplaceCurve, suppressed
from dpaudit_plugins.attacks.attribute_inference import AttributeInference
from dpaudit_plugins.attacks.bayes_pool import BayesPool
from dpaudit_plugins.attacks.dataset_reconstruction import DatasetReconstruction
from dpaudit_plugins.attacks.differencing import Differencing
from dpaudit_plugins.attacks.likelihood_ratio import LikelihoodRatio
from dpaudit_plugins.attacks.linear_reconstruction import LinearReconstruction
from dpaudit_plugins.attacks.linkage import Linkage
from dpaudit_plugins.attacks.printed_count import PrintedCount
from dpaudit_plugins.attacks.read_out import ReadOut
from dpaudit_plugins.attacks.suppression_interval import SuppressionInterval
from dpaudit_plugins.attacks.table_reconstruction import TableReconstruction
from dpaudit_plugins.mechanisms.cell_key import CellKey
from dpaudit_plugins.mechanisms.cell_suppression import CellSuppression
from dpaudit_plugins.mechanisms.dp_cell_suppression import DpCellSuppression
from dpaudit_plugins.mechanisms.gaussian import Gaussian
from dpaudit_plugins.mechanisms.geometric import Geometric
from dpaudit_plugins.mechanisms.identity import Identity
from dpaudit_plugins.mechanisms.laplace import Laplace
from dpaudit_plugins.mechanisms.random_rounding import RandomRounding
from dpaudit_plugins.mechanisms.threshold_laplace import ThresholdLaplace
from dpaudit_plugins.postprocessors.non_negative import NonNegative

DOMAIN = dpaudit.Domain(names=("TOWN", "RACE"), values=(("a", "b"), ("x", "y", "z")))
COUNTS = np.array([8.0, 2.0, 0.0, 3.0, 1.0, 4.0])
SUMS = {("TOWN",): np.array([10.0, 8.0]), ("RACE",): np.array([11.0, 3.0, 4.0])}
RNG = np.random.default_rng(0)


def public(mechanism=None, *, game="pool", sizes=COUNTS, steps=(), counts=COUNTS):
    chain = Chain(counts=counts, mechanism=mechanism or Identity(), steps=steps)
    noise, rest = chain.reduced()
    return dpaudit.Public(
        game=game,
        sizes=sizes,
        known=np.maximum(counts - 1, 0),
        domain=DOMAIN,
        simulate=lambda true, rng: printed(chain, true, rng),
        law=law_of(chain),
        noise=noise,
        clips=bool(rest),
    )


def target(shown, **how):
    return dpaudit.Target(
        public=public(**how),
        printed=np.asarray(shown, dtype=float),
        candidates=2 * COUNTS,
        people=int(COUNTS.sum()),
        totals=SUMS,
    )


LAWS = {
    "laplace": (Laplace(epsilon=1.0), (), LaplaceCurve(1.0)),
    "clipped laplace": (Laplace(epsilon=1.0), (NonNegative(),), LaplaceCurve(1.0)),
    "geometric": (Geometric(epsilon=0.5), (NonNegative(),), ApproximateDp(0.5)),
    "gaussian": (Gaussian(sigma=2.0), (), GaussianCurve(0.5)),
}


@pytest.mark.parametrize("name", LAWS)
def test_the_likelihood_ratio_has_the_area_of_the_noise(name):
    mechanism, steps, curve = LAWS[name]
    found = LikelihoodRatio().rates(
        public(mechanism, game="known-rest", steps=steps), np.where(COUNTS > 0, COUNTS - 1, -1.0)
    )
    some = COUNTS > 0
    np.testing.assert_allclose(found.auc.value[some], curve.auc, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        found.tpr[:, some], np.tile(curve.tpr(found.fpr)[:, None], some.sum()), rtol=0, atol=1e-12
    )


def test_clipped_normal_noise_gives_less_away_near_zero():
    one = LikelihoodRatio().rates(
        public(Gaussian(sigma=2.0), game="known-rest", steps=(NonNegative(),)),
        np.array([0.0, 1.0, 40.0, -1.0, -1.0, -1.0]),
    )
    wanted = [GaussianCurve(0.5, count=c).auc for c in (0.0, 1.0, 40.0)]
    np.testing.assert_allclose(one.auc.value[:3], wanted, rtol=0, atol=1e-9)


@pytest.mark.parametrize("variant", ["marker", "zero"])
def test_suppression_tells_where_it_prints_differently(variant):
    counts = np.array([0.0, 1.0, 3.0, 4.0, 5.0, 9.0])
    found = LikelihoodRatio().rates(
        public(CellSuppression(threshold=5, variant=variant), game="known-rest"), counts
    )
    wanted = [suppressed(int(c), 5, marked=variant == "marker").auc for c in counts]
    np.testing.assert_allclose(found.auc.value, wanted, rtol=0, atol=1e-12)


def test_rounding_leaves_one_in_b():
    found = LikelihoodRatio().rates(
        public(RandomRounding(base=5), game="known-rest"), np.arange(6.0)
    )
    np.testing.assert_allclose(found.auc.value, 0.6, rtol=0, atol=1e-12)


LAWFUL = [
    Laplace(epsilon=1.0), Geometric(epsilon=1.0), Gaussian(sigma=1.5), Identity(),
    CellSuppression(threshold=4), DpCellSuppression(threshold=4, epsilon=1.0),
    ThresholdLaplace(threshold=4, epsilon=1.0), RandomRounding(base=3),
    CellKey(max_noise=3, variance=1.0),
]  # fmt: skip


@pytest.mark.parametrize("mechanism", LAWFUL, ids=lambda one: one.name)
@pytest.mark.parametrize("count", [0.0, 1.0, 3.0, 4.0, 9.0])
def test_a_stated_law_is_that_of_what_is_printed(mechanism, count):
    """Shares of printed values against the law: five standard errors over at most 30 values."""
    draws = 20_000
    chain = Chain(counts=np.full(draws, count), mechanism=mechanism)
    shown = printed(chain, chain.counts, np.random.default_rng(4))
    law = law_of(chain)
    cells = np.zeros(1, dtype=np.intp)
    noise = chain.reduced()[0]
    if noise is not None and not noise.lattice:
        at = np.linspace(count - 20, count + 20, 4001)
        density = np.exp(law(np.full(at.size, count), at, np.zeros(at.size, dtype=np.intp)))
        assert np.trapezoid(density, at) == pytest.approx(1.0, abs=1e-3)
        return
    values = np.unique(shown[~np.isnan(shown)])[:30]
    values = values[values == np.rint(values)]
    for value in [*values, *([np.nan] if np.isnan(shown).any() else [])]:
        share = np.isnan(shown).mean() if np.isnan(value) else (shown == value).mean()
        chance = float(np.exp(law(np.array([count]), np.array([value]), cells)[0]))
        room = 5 * np.sqrt(chance * (1 - chance) / draws) + 10 / draws
        assert abs(share - chance) <= (room if 0 < chance < 1 else 0.0), value


def test_the_best_score_of_an_exact_table_is_the_share_that_is_in():
    found = BayesPool().score(target([4, 1, 0, 3, 0, 1]), RNG)
    np.testing.assert_allclose(found, [0.5, 0.5, 0.5, 1.0, 0.0, 0.25])


def test_a_list_of_members_takes_the_likeliest_first():
    made = DatasetReconstruction().score(target([8, 0, 0, 3, 1, 0]), RNG)
    assert made.sum() == pytest.approx(COUNTS.sum())
    np.testing.assert_allclose(made[[0, 3, 4]], 2 * COUNTS[[0, 3, 4]] * made[0] / 16, atol=4)
    assert made[1] == made[5] == 0.0


def test_reading_out_writes_whole_records_without_bias():
    shown = [7.25, np.nan, -1.0, 3.0, 0.5, 4.0]
    whole = np.mean([ReadOut().score(target(shown), RNG) for _ in range(4000)], axis=0)
    np.testing.assert_allclose(whole, [7.25, 0, 0, 3, 0.5, 4], atol=5 * 0.5 / np.sqrt(4000))
    plain = ReadOut(records=False).score(target(shown), RNG)
    np.testing.assert_array_equal(plain, [7.25, 0, 0, 3, 0.5, 4])


def test_an_attribute_is_guessed_as_the_most_common():
    found = AttributeInference(attribute="RACE").score(target([8, 2, 0, 3, 1, 4]), RNG)
    np.testing.assert_array_equal(found, [1, 0, 0, 0, 0, 1])
    tied = AttributeInference(attribute="RACE").score(target([2, 2, 0, 0, 0, 0]), RNG)
    np.testing.assert_array_equal(tied, [0.5, 0.5, 0, np.nan, np.nan, np.nan])
    with pytest.raises(dpaudit.SpecError, match="no attributes AGE"):
        AttributeInference(attribute="AGE").score(target(COUNTS), RNG)


def test_a_record_is_linked_where_it_is_alone():
    found = Linkage(known=("RACE",)).score(target([1, 2, 0, 0, 0, 1]), RNG)
    np.testing.assert_array_equal(found, [1, np.nan, 0, 0, np.nan, 1])


def test_hidden_counts_follow_from_totals():
    shown = np.where((COUNTS > 0) & (COUNTS < 3), np.nan, COUNTS)
    claim = Differencing(totals=(("TOWN",),)).score(target(shown), RNG)
    np.testing.assert_array_equal(claim[[1, 4]], [2.0, 1.0])
    two = np.array([8, np.nan, 0, np.nan, np.nan, 4.0])
    again = Differencing(totals=(("TOWN",), ("RACE",))).score(target(two), RNG)
    np.testing.assert_array_equal(again[[1, 3, 4]], [2.0, 3.0, 1.0])
    bounds = SuppressionInterval(totals=(("TOWN",), ("RACE",)), threshold=5)
    np.testing.assert_array_equal(bounds.score(target(two), RNG)[[1, 3, 4]], [2.0, 3.0, 1.0])


def test_totals_pull_noisy_counts_together():
    noisy = COUNTS + np.array([1.0, 0.0, 0.0, 0.0, 0.0, -1.0])
    made = LinearReconstruction(totals=(("TOWN",), ("RACE",))).score(
        target(noisy, mechanism=Laplace(epsilon=1.0)), RNG
    )
    assert made.reshape(2, 3).sum(axis=1) == pytest.approx(SUMS["TOWN",])
    assert made.reshape(2, 3).sum(axis=0) == pytest.approx(SUMS["RACE",])
    square = LinearReconstruction(totals=(("TOWN",), ("RACE",)), method="least-squares")
    found = square.score(target(noisy), RNG)
    assert found.reshape(2, 3).sum(axis=1) == pytest.approx(SUMS["TOWN",], abs=0.5)
    assert LinearReconstruction().score(target([-1.0, 2, 0, 3, 1, 4]), RNG).min() == 0.0


def test_records_are_rebuilt_from_the_tables_of_a_block():
    attack = TableReconstruction(block=("TOWN",), tables=(("RACE",),))
    np.testing.assert_array_equal(attack.score(target(COUNTS), RNG), COUNTS)
    known = attack.further(target(COUNTS), RNG)
    assert known == {"block-variability": 0.0, "certain-blocks": 1.0, "proved-blocks": 1.0}
    loose = TableReconstruction(block=("TOWN",), tables=(("TOWN",),))
    assert loose.further(target(COUNTS), RNG)["certain-blocks"] == 0.0
    seen = loose.confidence(target(COUNTS), RNG)
    assert seen.max() < 1.0


def test_a_printed_count_is_itself_or_relative():
    np.testing.assert_array_equal(PrintedCount().score(target(COUNTS), RNG), COUNTS)
    relative = PrintedCount(relative=True).score(target(COUNTS, game="elsewhere"), RNG)
    np.testing.assert_allclose(relative[COUNTS > 0], 1.0)


def test_every_attack_is_frozen_and_says_what_it_plays():
    registry = dpaudit.Registry.discover()
    for cls in registry.all("attack").values():
        assert attrs.has(cls)
        assert cls.games
        assert cls.outcome in {"membership", "pick", "table", "attribute", "cells"}
