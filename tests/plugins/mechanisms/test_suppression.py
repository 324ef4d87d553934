"""Cell suppression, plain, decided by noise, and of noisy counts."""

import math

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dpaudit
from dpaudit.noise.laplace import Laplace
from dpaudit_plugins.mechanisms import cell_suppression, dp_cell_suppression, threshold_laplace
from dpaudit_plugins.mechanisms.cell_suppression import CellSuppression
from dpaudit_plugins.mechanisms.dp_cell_suppression import DpCellSuppression
from dpaudit_plugins.mechanisms.threshold_laplace import ThresholdLaplace

LIMIT = 6.5
COUNTS = np.array([0.0, 1.0, 4.0, 7.0, 9.0, 10.0, 11.0, 14.0, 300.0])
RANDOM = {
    "dpcs": DpCellSuppression(threshold=10, epsilon=0.4),
    "laplace": ThresholdLaplace(threshold=10, epsilon=0.4),
    "laplace-replace": ThresholdLaplace(threshold=10, epsilon=0.8, neighbours="replace"),
    "geometric": ThresholdLaplace(threshold=10, epsilon=0.4, family="geometric"),
}
rng = np.random.default_rng


@pytest.mark.parametrize("module", [cell_suppression, dp_cell_suppression, threshold_laplace])
def test_each_module_offers_its_mechanism(module):
    (offered,) = module.dpaudit_mechanisms()
    assert offered.name == module.__name__.rpartition(".")[2].replace("_", "-")


def test_counts_below_the_threshold_are_suppressed():
    counts = np.array([0.0, 1.0, 9.0, 10.0, 2.0**53])
    shown = CellSuppression(threshold=10, fill=4.5).release(counts, rng())
    assert shown.tolist() == [0.0, 4.5, 4.5, 10.0, 2.0**53]
    printed = CellSuppression(threshold=10, variant="zero").release(counts, rng())
    assert printed.tolist() == [0.0, 0.0, 0.0, 10.0, 2.0**53]
    assert CellSuppression(threshold=1).release(counts, rng()).tolist() == counts.tolist()


@pytest.mark.parametrize("fill", [0.0, 4.5])
@pytest.mark.parametrize("groups", [None, np.array(list("aaabbbccc"))])
def test_closed_forms_of_suppression(fill, groups, draws_of, disagreement):
    made = CellSuppression(threshold=10, fill=fill, complementary=groups)
    off = disagreement(made, COUNTS, draws_of(made, COUNTS, 2, one_by_one=True))
    assert off == {"bias": 0.0, "variance": 0.0, "positive": 0.0}


def test_a_lone_suppressed_count_gets_company():
    groups = np.array(["a", "a", "a", "b", "b", "c", "c", "c", "d", "e", "e"])
    counts = np.array([3.0, 20.0, 15.0, 3.0, 0.0, 4.0, 2.0, 50.0, 1.0, 30.0, 40.0])
    hidden = CellSuppression(threshold=10, complementary=groups).suppressed(counts)
    # a: the 15; b: nothing is left that is positive; c: two already; d: alone; e: none hidden.
    assert np.flatnonzero(hidden).tolist() == [0, 2, 3, 5, 6, 8]


def test_ties_go_to_the_first_and_columns_are_suppressed_one_by_one():
    made = CellSuppression(threshold=10, complementary=np.array([7.0, 7.0, 7.0]))
    counts = np.array([[1.0, 20.0], [20.0, 20.0], [20.0, 5.0]])
    assert made.suppressed(counts).tolist() == [[True, True], [True, False], [False, True]]
    assert made.release(counts, rng()).shape == counts.shape


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=1, max_size=20),
    st.integers(1, 12),
)
def test_no_group_is_left_with_one_suppressed_count_beside_others(cells, threshold):
    groups, counts = np.array([g for g, _ in cells]), np.array([float(c) for _, c in cells])
    made = CellSuppression(threshold=threshold, complementary=groups)
    hidden = made.suppressed(counts)
    assert np.all(hidden >= ((counts > 0) & (counts < threshold)))
    assert not np.any(hidden & (counts == 0))
    for group in np.unique(groups):
        inside = groups == group
        if hidden[inside].sum() == 1:
            assert (counts[inside] > 0).sum() == 1


@pytest.mark.parametrize("neighbours", ["add-remove", "replace"])
def test_suppression_promises_delta_one(neighbours):
    for made in (
        CellSuppression(threshold=10, neighbours=neighbours),
        DpCellSuppression(threshold=10, epsilon=1.0, neighbours=neighbours),
    ):
        promised = made.privacy()
        assert (promised.delta, promised.every_epsilon) == (1.0, True)
        assert promised.neighbours == neighbours
        assert not promised.promises
        assert promised.uncovered
        assert made.caveats()
    promised = ThresholdLaplace(threshold=10, epsilon=0.5, neighbours=neighbours).privacy()
    assert (promised.epsilon, promised.delta, promised.every_epsilon) == (0.5, 0.0, False)


def test_neighbours_of_suppression_share_no_output():
    """Why delta is 1: nothing is random, and every step from k - 1 on changes the output."""
    for fill in (0.0, 4.5):
        made = CellSuppression(threshold=10, fill=fill)
        outputs = made.release(np.arange(9.0, 40.0), rng())
        assert np.all(np.diff(outputs) != 0)


def test_parameters_of_suppression():
    with pytest.raises(ValueError, match=r"4\.5 must be 0"):
        CellSuppression(threshold=10, variant="zero", fill=4.5)
    for bad in (
        {"threshold": 0},
        {"threshold": 3, "fill": -1.0},
        {"threshold": 3, "fill": math.inf},
    ):
        with pytest.raises(ValueError, match=next(reversed(bad))):
            CellSuppression(**bad)
    short = CellSuppression(threshold=3, complementary=np.array([1.0]))
    with pytest.raises(dpaudit.DataError, match="for 2 entities"):
        short.release(np.ones(2), rng())


@pytest.mark.parametrize("name", RANDOM)
def test_closed_forms_against_simulation(name, draws_of, disagreement):
    """False alarm below 1e-6 over all moments and counts; see ``LIMIT`` beside the draws."""
    made = RANDOM[name]
    off = disagreement(made, COUNTS, draws_of(made, COUNTS))
    assert max(off.values()) < LIMIT


@pytest.mark.parametrize("name", RANDOM)
def test_draws_of_another_threshold_disagree(name, draws_of, disagreement):
    """The control: draws with k = 10 against the closed forms for k = 11."""
    counts = COUNTS[2:-1]
    drawn = draws_of(RANDOM[name], counts)
    off = disagreement(attrs.evolve(RANDOM[name], threshold=11), counts, drawn)
    assert min(off.values()) > LIMIT


@pytest.mark.parametrize("family", ["laplace", "geometric"])
@pytest.mark.parametrize("neighbours", ["add-remove", "replace"])
def test_the_scale_follows_the_neighbours(family, neighbours):
    made = ThresholdLaplace(threshold=3, epsilon=0.5, neighbours=neighbours, family=family)
    other = ThresholdLaplace(threshold=3, epsilon=0.25, family=family)
    plain = ThresholdLaplace(threshold=3, epsilon=0.5, family=family)
    same = other if neighbours == "replace" else plain
    assert float(made.added.variance) == float(same.added.variance)


@pytest.mark.parametrize("family", ["laplace", "geometric"])
def test_whole_table_of_geometric_outputs(family):
    """Bias and variance by summing the distribution of whole-number noise, exactly."""
    made = ThresholdLaplace(threshold=6, epsilon=0.7, family="geometric")
    z = np.arange(-200.0, 201.0)
    p = made.added.cdf(z) - made.added.cdf(z - 1.0)
    for x in range(15):
        released = np.where(x + z >= 6, x + z, 0.0)
        mean = float(p @ released)
        counts = np.array([float(x)])
        assert made.bias(counts)[0] == pytest.approx(mean - x, rel=1e-9, abs=1e-12)
        spread = float(p @ (released - mean) ** 2)
        assert made.variance(counts)[0] == pytest.approx(spread, rel=1e-9, abs=1e-12)
        assert made.positive(counts)[0] == pytest.approx(p[x + z >= 6].sum(), rel=1e-9)


@pytest.mark.parametrize("epsilon", [1e-300, 1e-12, 1.0, 1e300, math.inf])
@pytest.mark.parametrize("kind", ["dpcs", "laplace", "geometric"])
def test_degenerate_tables_and_extreme_budgets(kind, epsilon):
    if kind == "dpcs":
        made = DpCellSuppression(threshold=10, epsilon=epsilon)
    else:
        made = ThresholdLaplace(threshold=10, epsilon=epsilon, family=kind)
    for counts in (np.zeros(3), np.array([2.0**53]), np.array([10.0, 10.0, 9.0])):
        released = made.release(counts, rng(1))
        assert np.isfinite(released).all()
        assert np.all(released >= 0)
        assert not np.isnan(made.bias(counts)).any()
        assert not np.isnan(made.variance(counts)).any()
        assert np.all(made.variance(counts) >= 0)
        assert np.all((made.positive(counts) >= 0) & (made.positive(counts) <= 1))
    if epsilon == math.inf:
        assert made.release(np.array([9.0, 10.0]), rng(1)).tolist() == [0.0, 10.0]
        assert made.bias(np.array([9.0, 10.0])).tolist() == [-9.0, 0.0]
        assert made.variance(np.array([9.0, 10.0])).tolist() == [0.0, 0.0]
        assert made.positive(np.array([9.0, 10.0])).tolist() == [0.0, 1.0]


def test_tiny_deltas_keep_their_digits():
    """Half of e^{-epsilon (k - c - 1)}, at 1e-300 as well."""
    made = DpCellSuppression(threshold=10_000, epsilon=0.07)
    for c in (0.0, 137.0, 9_000.0):
        wanted = 0.5 * math.exp(-0.07 * (9_999.0 - c))
        assert made.tight_delta(np.array([c]))[0] == pytest.approx(wanted, rel=1e-12, abs=0)


@given(st.integers(0, 60), st.sampled_from([0.0, 0.1, 1.0, 3.0]), st.sampled_from([0.1, 0.7, 2.0]))
def test_delta_is_tight_at_every_epsilon(count, epsilon, budget):
    """Sums (p - e^epsilon q)^+ over the three outputs 0, c and c + 1, both ways round."""
    made = DpCellSuppression(threshold=10, epsilon=budget)

    def outputs(x):
        shown = float(made.positive(np.array([float(x)]))[0])
        masses = {0: 1.0 - shown}
        if x > 0:
            masses[x] = shown
        return masses

    def delta(one, other):
        return sum(max(0.0, p - math.exp(epsilon) * other.get(y, 0.0)) for y, p in one.items())

    few, many = outputs(count), outputs(count + 1)
    worst = max(delta(few, many), delta(many, few))
    assert worst == pytest.approx(made.tight_delta(np.array([float(count)]))[0], rel=1e-9)


def test_no_epsilon_is_refuted_for_a_threshold_on_noise_but_is_for_one_on_the_truth():
    """Events {release = c + 1}: impossible for c where the true count is shown."""
    honest = ThresholdLaplace(threshold=3, epsilon=1.0)
    shown = DpCellSuppression(threshold=3, epsilon=1.0)
    counts = np.full(10_000, 10.0)
    assert not np.any(honest.release(counts, rng(2)) == 10.0)
    assert np.mean(shown.release(counts, rng(2)) == 10.0) > 0.9
    assert not np.any(shown.release(counts - 1.0, rng(2)) == 10.0)


def test_variance_of_large_counts_does_not_cancel():
    counts = np.array([2.0**40])
    made = ThresholdLaplace(threshold=10, epsilon=0.5)
    assert made.variance(counts)[0] == Laplace(2.0).variance
