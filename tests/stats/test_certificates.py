"""Bounds from draws that were kept. False-alarm rate of a coverage test: 1e-6."""

import numpy as np
import pytest
from scipy import stats

import dpaudit
from dpaudit.stats.bands import band
from dpaudit.stats.certificates import bounded_band, split_lower, widest_difference
from dpaudit.stats.moments import Moments
from dpaudit.stats.spread import Halves, alpha

REPLICATIONS = 400
ALLOWED = int(stats.binom.isf(1e-6, REPLICATIONS, 0.05))
TRUTHS = {
    "nobody differs": np.zeros(20),
    "one pays for all": np.r_[-1.0, np.full(19, 1 / 19)],
    "all differ": np.linspace(-0.4, 0.4, 20),
}


def draws(kind, truth, size, rng):
    own = rng.normal(size=(size, truth.size))
    if kind == "common":
        own = 0.5 * own + rng.normal(size=(size, 1))
    if kind == "opposed":
        own = own * 0.3 + rng.normal(size=(size, 1)) * np.sign(np.arange(truth.size) - 9.5)
    return truth + own


@pytest.mark.slow
@pytest.mark.parametrize("with_bootstrap", [True, False], ids=["bootstrap", "bonferroni"])
@pytest.mark.parametrize("kind", ["independent", "common", "opposed"])
@pytest.mark.parametrize("name", TRUTHS)
def test_pairwise_intervals_cover_and_are_narrower(name, kind, with_bootstrap):
    rng = np.random.default_rng(4)
    truth, missed, widths = TRUTHS[name], 0, []
    for _ in range(REPLICATIONS if not with_bootstrap else 150):
        rows = draws(kind, truth, 200, rng)
        found = widest_difference(rows, 0.95, rng if with_bootstrap else None)
        missed += not found.low <= np.ptp(truth) <= found.high
        first, second = Moments.of(rows[:100]), Moments.of(rows[100:])
        parts = Halves(first=first, second=second, unseen=np.zeros(20))
        usual = alpha(band(first + second, 0.95, draws=200, method="simulated"), parts)
        widths.append((found.high, usual.high))
    assert missed <= stats.binom.isf(1e-6, len(widths), 0.05)
    pairwise, usual = np.mean(widths, axis=0)
    assert pairwise < usual


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["independent", "common", "opposed"])
@pytest.mark.parametrize("name", TRUTHS)
def test_what_one_half_chooses_the_other_bounds(name, kind):
    rng = np.random.default_rng(5)
    truth = TRUTHS[name]
    found = [split_lower(draws(kind, truth, 200, rng), 0.95) for _ in range(REPLICATIONS)]
    assert sum(low > np.ptp(truth) for low in found) <= ALLOWED
    if name == "one pays for all" and kind == "independent":
        assert np.mean(found) > 0.5


@pytest.mark.slow
def test_the_same_draws_may_not_choose_and_bound():
    """The negative control of both lower ends."""
    rng = np.random.default_rng(6)
    missed = 0
    for _ in range(REPLICATIONS):
        rows = draws("independent", np.zeros(20), 200, rng)
        mean = rows.mean(axis=0)
        pair = Moments.of((rows[:, mean.argmax()] - rows[:, mean.argmin()])[:, None])
        missed += (pair.mean - 1.66 * pair.standard_error)[0] > 0
    assert missed > ALLOWED


@pytest.mark.parametrize("shape", [(200, 1), (200, 513), (7, 3)])
def test_pairs_that_cannot_be_had_are_refused(shape):
    with pytest.raises(dpaudit.UsageError, match="shape"):
        widest_difference(np.zeros(shape), 0.95)


def test_seven_draws_cannot_be_split():
    with pytest.raises(dpaudit.UsageError, match="7 draws"):
        split_lower(np.zeros((7, 3)), 0.95)


def test_draws_that_are_all_alike_prove_that_nothing_differs():
    found = widest_difference(np.full((16, 3), 2.0), 0.95)
    assert (found.low, found.value, found.high) == (0.0, 0.0, 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("chance", [0.0005, 0.02, 0.5, 0.999])
def test_bounded_means_are_covered_whatever_their_law(chance):
    """Even where the event is too rare for the draws to show, unlike a normal band."""
    rng = np.random.default_rng(7)
    missed = {"bounded": 0, "normal": 0}
    for _ in range(REPLICATIONS):
        moments = Moments.of((rng.random((300, 10)) < chance).astype(float))
        for name, found in (
            ("bounded", bounded_band(moments, 0.0, 1.0, 0.95)),
            ("normal", band(moments, 0.95, draws=300, method="simulated")),
        ):
            missed[name] += not ((found.low <= chance) & (chance <= found.high)).all()
    assert missed["bounded"] <= ALLOWED
    if chance == 0.0005:
        assert missed["normal"] > ALLOWED, "the negative control must fail"


def test_a_bounded_band_stays_within_its_bounds():
    rows = np.array([[0.0, 1.0, 0.5]] * 4)
    found = bounded_band(Moments.of(rows), 0.0, 1.0, 0.95)
    np.testing.assert_array_equal(found.low, [0.0, 0.0, 0.0])
    np.testing.assert_array_equal(found.high, [1.0, 1.0, 1.0])
    with pytest.raises(dpaudit.UsageError, match="between 1 and 1"):
        bounded_band(Moments.of(rows), 1.0, 1.0, 0.95)
