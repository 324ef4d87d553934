import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
