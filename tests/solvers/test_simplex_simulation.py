"""The simulated bias of the simplex projection, against the exact one."""

import numpy as np
import pytest

from dpaudit.errors import UsageError
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.none import NoNoise
from dpaudit.solvers import simplex_simulation
from dpaudit.solvers.centred import negative_part
from dpaudit.solvers.simplex_bias import simplex_bias
from dpaudit.solvers.simplex_simulation import simulated_bias

CASES = [
    (np.array([0.0, 0.0, 3.0, 12.0, 40.0, 145.0]), Laplace(10.0), None),
    (np.array([0.0, 3.0, 12.0, 4000.0, 5000.0]), Gaussian(12.0), None),
    (np.array([0.0, 3.0, 12.0, 40.0]), Geometric(0.3), 60.0),
    (np.array([5.0, 70.0]), Laplace(10.0), None),
    (np.array([40.0, 45.0, 50.0, 60.0]), Gaussian([12.0, 9.0, 3.0, 12.0]), None),
]
LEVEL = 1.0 - 1e-6


@pytest.mark.slow
@pytest.mark.parametrize(("counts", "noise", "total"), CASES)
def test_the_band_holds_the_exact_bias(counts, noise, total):
    """False alarm 1e-6 each; the bias of noise twice as wide must be outside."""
    rng = np.random.default_rng(2)
    found = simulated_bias(counts, noise, rng, draws=8192, confidence=LEVEL, total=total)
    exact = simplex_bias(counts, noise, total, largest_cost=1e10)
    slack = exact.bias_error + 1e-12
    assert (found.low - slack <= exact.bias).all()
    assert (exact.bias <= found.high + slack).all()
    assert found.method == "controlled"
    assert found.draws == 8192
    wide = simplex_bias(counts, type(noise)(*_doubled(noise)), total, largest_cost=1e10).bias
    assert ((wide < found.low) | (wide > found.high)).any()


def _doubled(noise):
    (parameter,) = noise._arrays().values()
    return (parameter / 2.0,) if isinstance(noise, Geometric) else (parameter * 2.0,)


def test_the_control_leaves_nothing_where_one_entity_is_small():
    counts = np.array([30.0, 5000.0, 7000.0, 9000.0])
    rng = np.random.default_rng(3)
    found = simulated_bias(counts, Laplace(10.0), rng, draws=512, confidence=0.95)
    assert (found.high - found.low).max() < 1e-10
    np.testing.assert_allclose(found.value, simplex_bias(counts, Laplace(10.0)).bias, atol=1e-10)


def test_rare_clipping_is_bounded_instead_of_trusted(monkeypatch):
    """With others clipped in few draws, half widths are at least the proved bound of 5.6.

    The bound is the sum of the others' negative parts in the problem without entity i. The
    control: were the few draws trusted, the widths would be smaller than that.
    """
    counts, noise = np.array([55.0, 60.0, 110.0, 5000.0]), Laplace(10.0)
    total = counts.sum()
    bound = [negative_part(np.delete(counts, i), noise, total).sum() for i in range(3)]

    def half():
        rng = np.random.default_rng(4)
        found = simulated_bias(counts, noise, rng, draws=512, confidence=0.95)
        return found, (found.high - found.value)[:3]

    found, widths = half()
    exact = simplex_bias(counts, noise).bias
    assert ((found.low <= exact) & (exact <= found.high)).all()
    assert (widths >= bound).all()
    monkeypatch.setattr(simplex_simulation, "_ENOUGH", 0)
    assert (half()[1] < bound).all()


@pytest.mark.parametrize(
    ("counts", "noise", "total"),
    [
        (np.array([3.0]), Laplace(1.0), None),
        (np.zeros(3), Laplace(1.0), None),
        (np.ones(3), NoNoise(), None),
    ],
)
def test_what_is_not_simulated(counts, noise, total):
    with pytest.raises(UsageError, match="not simulated"):
        simulated_bias(
            counts, noise, np.random.default_rng(1), draws=512, confidence=0.9, total=total
        )
