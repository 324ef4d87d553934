import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpaudit.estimators import clipped_allotment as rules
from dpaudit.estimators.clipped_allotment import clipped_allotment
from dpaudit.noise.discrete_gaussian import DiscreteGaussian
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.rounded import RoundedGaussian
from dpaudit.stats.bands import agreement
from dpaudit.stats.moments import Moments

WEIGHTS = np.array([1.0, 1.2, 0.8, 1.0])
NOISES = [Laplace(10.0), Gaussian(12.0), Geometric(0.1)]


@pytest.mark.parametrize("noise", NOISES, ids=lambda noise: noise.family)
@pytest.mark.parametrize("counts", [(40, 120, 300, 1000), (0, 1, 3, 10), (0, 0, 0, 5)])
def test_quadrature_agrees_with_plain_simulation(noise, counts):
    """Family-wise false-alarm rate 1e-6 a case, by Bonferroni."""
    counts = np.array(counts, dtype=float)
    exact = clipped_allotment(counts, WEIGHTS, noise)
    assert exact.defect < 1e-10
    errors = simulated_errors(counts, noise)
    for truth, rows in ((exact.bias, errors), (exact.square, errors**2)):
        worst, limit = agreement(truth, Moments.of(rows), 0.0)
        assert worst <= limit


def test_the_comparison_would_notice_noise_of_another_scale():
    counts = np.array([0.0, 1.0, 3.0, 10.0])
    exact = clipped_allotment(counts, WEIGHTS, Laplace(13.0))
    worst, limit = agreement(exact.bias, Moments.of(simulated_errors(counts, Laplace(10.0))), 0.0)
    assert worst > limit


@given(
    counts=st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(any),
    scale=st.sampled_from([1e-3, 0.1, 1.0, 10.0, 1e3, 1e6]),
)
@settings(max_examples=80, deadline=None)
def test_biases_of_shares_sum_to_zero(counts, scale):
    counts = np.array(counts, dtype=float)
    found = clipped_allotment(counts, np.ones_like(counts), Laplace(scale))
    assert abs(found.bias.sum()) <= 1e-10
    assert (found.square >= found.bias**2 * (1 - 1e-9) - 1e-15).all()


def settings_at_random(rng, i):
    n = int(rng.choice([2, 3, 5, 12, 40]))
    counts = np.round(10.0 ** rng.uniform(0, rng.choice([1, 2, 3]), n)) * (rng.random(n) < 0.9)
    counts[0] = np.round(10.0 ** rng.uniform(1, 5))
    scale = 10.0 ** rng.uniform(-1, 2)
    noise = (
        Laplace(scale),
        Gaussian(scale),
        Geometric(1.0 / scale),
        DiscreteGaussian(min(scale, 60.0)),
        Laplace(scale * rng.uniform(0.5, 2.0, n)),
    )
    return counts, 10.0 ** rng.uniform(-0.5, 0.5, n), noise[i % 5]


def on_fine_panels(counts, weights, noise):
    """Bias and mean squared error by panels, finer and farther than those in use."""
    problem = rules._Problem.of(counts, weights, np.ones_like(counts), noise)
    found = rules._integrate(problem, *rules._panels(24, 1e13))
    fallback = weights / weights.sum() - problem.shares
    square = found.square + problem.empty * fallback**2
    return found.bias + problem.empty * fallback, square, problem.defect(found)


def test_stated_errors_cover_what_few_nodes_miss():
    """The rounding of the finer panels is theirs; a twentieth of what is stated would not do."""
    rng, short = np.random.default_rng(2), 0
    for i in range(60):
        setting = settings_at_random(rng, i)
        found = clipped_allotment(*setting)
        bias, square, missed = on_fine_panels(*setting)
        missed += 4e-15
        assert missed < 1e-11
        assert (np.abs(found.bias - bias) <= found.bias_error + missed).all()
        assert (np.abs(found.square - square) <= found.square_error + missed).all()
        short += bool((np.abs(found.bias - bias) > found.bias_error / 20.0 + missed).any())
    assert short > 0


@pytest.mark.parametrize(
    "noise",
    [*NOISES, DiscreteGaussian(14.0), DiscreteGaussian(1400.0), Laplace(1000.0)],
    ids=lambda noise: f"{noise.family}-{float(np.sqrt(noise.variance)):.0f}",
)
def test_many_entities_take_a_dozen_nodes(monkeypatch, noise):
    rng = np.random.default_rng(1)
    counts, weights = np.round(np.exp(rng.normal(5.3, 1.4, 4000))), rng.uniform(4e3, 9e3, 4000)
    nodes, integrate = [], rules._integrate
    monkeypatch.setattr(
        rules, "_integrate", lambda *a, **k: nodes.append(a[1].size) or integrate(*a, **k)
    )
    found = clipped_allotment(counts, weights, noise)
    assert sum(nodes) <= 26
    assert found.defect <= 1e-14
    assert found.bias_error.max() <= 1e-9 * np.ptp(found.bias)
    monkeypatch.setattr(rules, "_by_laguerre", lambda _: None)
    panels = clipped_allotment(counts[:500], weights[:500], noise)
    monkeypatch.undo()
    few = clipped_allotment(counts[:500], weights[:500], noise)
    assert (np.abs(few.bias - panels.bias) <= few.bias_error + panels.bias_error).all()
    assert (np.abs(few.square - panels.square) <= few.square_error + panels.square_error).all()
    np.testing.assert_allclose(few.square, panels.square, rtol=1e-7)


@pytest.mark.shared_data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("epsilon", "alpha", "cost"),
    [
        (0.1, 2.668989e-7, 7.865782e-6),
        (0.01, 1.780706e-5, 7.476276e-4),
        (0.001, 9.577201e-4, 3.679431e-2),
    ],
)
def test_national_title_i_shares(shared, epsilon, alpha, cost):
    with (shared / "data" / "saipe_school_districts_2019.csv").open(encoding="utf-8") as file:
        counts = np.array([float(row["children_5_17"]) for row in csv.DictReader(file)])
    found = clipped_allotment(counts, np.ones_like(counts), Laplace(1 / epsilon))
    assert np.ptp(found.bias) == pytest.approx(alpha, rel=1e-5)
    assert np.clip(-found.bias, 0, None).sum() == pytest.approx(cost, rel=1e-5)


def simulated_errors(counts, noise, draws=200_000):
    rng = np.random.default_rng(5)
    weighted = WEIGHTS * np.maximum(counts + noise.sample(rng, (draws, counts.size)), 0.0)
    total = weighted.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        shares = np.where(total > 0, weighted / total, WEIGHTS / WEIGHTS.sum())
    return shares - WEIGHTS * counts / (WEIGHTS * counts).sum()


def test_terms_of_transforms_tell_what_they_cost():
    """Only noise without a closed form sums; the ladder asks for no sum that takes minutes."""
    assert Laplace(1e6).terms == Geometric(1e-6).terms == DiscreteGaussian(1e6).terms == 0.0
    own = RoundedGaussian(np.array([10.0, 1000.0]))
    assert own.terms == RoundedGaussian(1000.0).terms > 50.0 * RoundedGaussian(10.0).terms > 0
