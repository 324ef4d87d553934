"""Scores of membership against closed forms of a Gaussian loss model."""

import numpy as np
import pytest
from scipy import special

import dpaudit
from dpaudit.stats import membership
from dpaudit.stats.roc import Ranking

SHIFT, NOISE, HARDNESS = 1.0, 0.8, 1.5
"""d, s, tau: the logit of person i is mu_i + s N, and d more if learnt from; mu_i ~ N(0, tau)."""


def area(scores, members):
    inside = members.astype(float)
    return Ranking.of(scores, inside, 1.0 - inside).auc


def spread_of_area(n):
    """Return an upper bound of the standard deviation of an area of n people, half of them in."""
    return np.sqrt((n + 1.0) / (12.0 * (n / 2.0) ** 2)) * np.sqrt(3.0)


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(1)
    n = 40_000
    hard = HARDNESS * rng.standard_normal(n)
    members = rng.random(n) < 0.5
    signal = hard + SHIFT * members + NOISE * rng.standard_normal(n)
    return hard, members, signal


def test_logits_are_those_of_the_chances():
    chances = np.array([1e-9, 0.1, 0.5, 0.9, 1.0 - 1e-6])
    want = np.log(chances) - np.log1p(-chances)
    np.testing.assert_allclose(membership.logits(-np.log(chances)), want, rtol=1e-7)
    assert np.isfinite(membership.logits(np.array([0.0, 1e3]))).all()


def test_the_likelihood_ratio_reaches_its_closed_form(world):
    """Phi(d / (s sqrt 2)) with known moments; 6 deviations, false alarm 2e-9."""
    hard, members, signal = world
    own = np.full(hard.shape, NOISE**2)
    inside, outside = (membership.Moments(hard + shift, own) for shift in (SHIFT, 0.0))
    scores = membership.log_likelihood_ratio(signal, inside, outside)
    np.testing.assert_allclose(
        scores, SHIFT / NOISE**2 * (signal - hard - 0.5 * SHIFT), rtol=1e-9, atol=1e-9
    )
    want = special.ndtr(SHIFT / (NOISE * np.sqrt(2.0)))
    assert abs(area(scores, members) - want) < 6 * spread_of_area(len(hard))
    # The control: one threshold for all is told from it by a hundred deviations.
    assert want - area(signal, members) > 20 * spread_of_area(len(hard))


def test_one_threshold_for_all_reaches_its_closed_form(world):
    hard, members, signal = world
    want = special.ndtr(SHIFT / np.sqrt(2.0 * (NOISE**2 + HARDNESS**2)))
    assert abs(area(signal, members) - want) < 6 * spread_of_area(len(hard))


def test_moments_from_many_shadow_models_come_near_the_closed_form(world):
    hard, members, signal = world
    rng = np.random.default_rng(2)
    hard, members, signal = hard[:4000], members[:4000], signal[:4000]
    inside = rng.permuted(np.tile(np.arange(60) < 30, (4000, 1)), axis=1).T
    shadows = hard + SHIFT * inside + NOISE * rng.standard_normal(inside.shape)
    pooled, own = (
        [membership.moments(shadows, side, spread) for side in (inside, ~inside)]
        for spread in ("pooled", "own")
    )
    # 120,000 squares: the pooled variance within 6 deviations.
    assert abs(float(pooled[0].variance[0]) / NOISE**2 - 1) < 6 * np.sqrt(2 / 116_000)
    assert np.ptp(own[0].variance) > 0.5 * NOISE**2
    want = special.ndtr(SHIFT / (NOISE * np.sqrt(2.0)))
    found = area(membership.log_likelihood_ratio(signal, *pooled), members)
    assert want - 0.01 - 6 * spread_of_area(4000) < found < want + 6 * spread_of_area(4000)
    one_sided = area(membership.one_sided(signal, pooled[1]), members)
    assert one_sided < want + 6 * spread_of_area(4000)
    assert one_sided > area(signal, members) + 0.05


def test_too_few_shadow_models_are_refused():
    inside = np.ones((3, 2), dtype=bool)
    inside[0, 1] = False
    with pytest.raises(dpaudit.UsageError, match="1 shadow models are on one side of person 1"):
        membership.moments(np.zeros((3, 2)), ~inside | (np.arange(2) == 0), "own")


def test_the_share_of_a_population_follows_the_ratio_and_not_gamma():
    rng = np.random.default_rng(3)
    ratios, population = rng.exponential(size=50), rng.exponential(size=200)
    order = np.argsort(ratios)
    for gamma in (0.5, 1.0, 2.0):
        scores = membership.dominated(ratios, population, gamma)
        assert (np.diff(scores[order]) > 0).all()
        share = (ratios[:, None] >= gamma * population).mean(axis=1)
        assert np.abs(scores - share).max() <= 1 / 200
    np.testing.assert_allclose(
        membership.relative_chances(np.log([2.0, 4.0]), np.array([0.25, 0.5])), [2.0, 0.5]
    )


def test_a_population_of_the_same_label_is_compared_with():
    made = membership.above_population(
        np.array([1.0, 1.0, 1.0]), np.array([0.0, 1.0, 2.0]),
        np.array([0.5, 1.0, 3.0, 4.0]), np.array([0.0, 0.0, 1.0, 1.0]),
    )  # fmt: skip
    # Label 0: a tie of two; label 1: both larger; label 2: nobody has it, one tie of four.
    np.testing.assert_allclose(made, [0.25, 1.0, 0.625])
