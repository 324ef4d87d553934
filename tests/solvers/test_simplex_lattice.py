"""The exact bias under whole-number noise, against enumeration and simulation."""

import numpy as np
import pytest

from dpaudit.noise.discrete_gaussian import DiscreteGaussian
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.rounded import RoundedGaussian, RoundedLaplace
from dpaudit.solvers.centred import negative_part
from dpaudit.solvers.simplex import project_onto_simplex
from dpaudit.solvers.simplex_bias import simplex_bias
from dpaudit.stats.bands import agreement
from dpaudit.stats.moments import Moments


def enumerated(counts, total, noise, reach):
    """The bias summed over all values of three whole noises within ``reach``."""
    k = np.arange(-reach, reach + 1.0)
    mass = np.diff(noise.cdf(np.arange(-reach - 1.0, reach + 1.0)))
    grid = np.stack(np.meshgrid(k, k, k, indexing="ij"), axis=-1).reshape(-1, 3)
    weight = (mass[:, None, None] * mass[:, None] * mass).ravel()
    return weight @ (project_onto_simplex(counts + grid, total) - counts)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("counts", "total", "noise", "reach"),
    [
        ([2, 5, 9], 16, Geometric(0.5), 60),
        ([0, 0, 3], 3, Geometric(0.5), 60),
        ([1, 2, 0], 5, Geometric(0.5), 60),
        ([2, 5, 9], 16, RoundedGaussian(2.0), 22),
        ([0, 1, 1], 1, RoundedLaplace(1.0), 40),
        ([4, 0, 7], 0, RoundedLaplace(1.0), 40),
    ],
    ids=repr,
)
def test_three_entities_by_enumeration(counts, total, noise, reach):
    x = np.array(counts, dtype=float)
    found = simplex_bias(x, noise, float(total))
    want = enumerated(x, float(total), noise, reach)
    np.testing.assert_allclose(found.bias, want, rtol=0, atol=1e-11)
    assert found.bias_error.max() < 1e-11
    other = simplex_bias(x, Laplace(np.sqrt(noise.variance / 2)), float(total)).bias
    # continuous noise of the same variance is something else, but where the total is zero
    assert (np.abs(other - want).max() > 1e-3) == (total > 0)


HALF_SMALL = np.rint(np.exp(np.random.default_rng(0).normal(np.log(90.0), 1.2, 420)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("counts", "noise", "wrong"),
    [
        (HALF_SMALL, Geometric(0.01), Geometric(0.009)),
        (
            np.array([0.0, 3.0, 3.0, 9.0, 40.0]),
            Geometric([0.2, 0.5, 1.0, 0.2, 0.2]),
            Geometric(0.3),
        ),
        (np.array([0.0, 0.0, 1.0, 7.0, 12.0, 90.0]), RoundedGaussian(5.0), RoundedGaussian(5.5)),
    ],
    ids=["districts", "mixed", "normal"],
)
def test_simulation_agrees(counts, noise, wrong):
    """Simultaneous over the entities, false alarm 1e-6; another scale must not agree."""
    rng, parts = np.random.default_rng(4), []
    for _ in range(12 if counts.size > 100 else 80):
        drawn = noise.sample(rng, (2000, counts.size))
        released = project_onto_simplex(counts + drawn, counts.sum()) - counts
        parts.append(released - (drawn - drawn.mean(axis=1, keepdims=True)))
    moments = Moments.of(np.concatenate(parts))
    found = simplex_bias(counts, noise, largest_cost=1e10)
    worst, limit = agreement(found.bias, moments, found.bias_error)
    assert worst <= limit
    other = simplex_bias(counts, wrong, largest_cost=1e10)
    worst, limit = agreement(other.bias, moments, other.bias_error)
    assert worst > limit


def test_one_small_entity_and_pairs():
    counts = np.array([30.0, 9000.0, 12000.0, 8000.0])
    found = simplex_bias(counts, Geometric(0.1))
    want = negative_part(counts, Geometric(0.1))[0] * 4 / 3
    assert found.push[0] == pytest.approx(want, abs=1e-11)
    pair = simplex_bias(counts[:2], Geometric(0.1))
    part = negative_part(counts[:2], Geometric(0.1))
    np.testing.assert_allclose(pair.push, 2.0 * part, rtol=1e-12)


def test_where_nothing_is_known():
    counts = np.array([3.0, 1.0, 4.0])
    assert simplex_bias(counts + 0.5, Geometric(1.0)) is None
    assert simplex_bias(counts, Geometric(1.0), 7.5) is None
    assert simplex_bias(counts, RoundedGaussian(1e5)) is None
    assert simplex_bias(counts, Geometric(1e-9)) is None
    assert simplex_bias(counts, Geometric(1.0), largest_cost=1e4) is None


@pytest.mark.parametrize("sigma", [100.0, 1e5])
def test_noise_without_closed_form_counts_its_tables_as_cost(sigma):
    """The time is bounded: minutes of sums are not begun; a narrower noise is solved."""
    counts = np.array([0.0, 0.0, 5.0, 1000.0])
    assert simplex_bias(counts, DiscreteGaussian(sigma), largest_cost=2e8) is None
    assert simplex_bias(counts, DiscreteGaussian(2.0), largest_cost=2e8) is not None


def test_a_total_lost_in_the_digits_of_the_counts_has_no_exact_bias():
    counts = np.array([2.0**53, 0.0, 1.0, 2.0**53])
    assert simplex_bias(counts, Gaussian(1.0), 10.0) is None
    assert simplex_bias(counts, Gaussian(1.0), 2.0**54) is not None
