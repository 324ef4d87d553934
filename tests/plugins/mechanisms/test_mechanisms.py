import math

import numpy as np
import pytest
from scipy import stats

import dpaudit
from dpaudit.privacy.gaussian import gaussian_delta
from dpaudit_plugins.mechanisms import gaussian, geometric, identity, laplace

COUNTS = np.array([0.0, 3.0, 50.0, 2.0**53])
MADE = {
    "identity": identity.Identity,
    "laplace": lambda **kw: laplace.Laplace(epsilon=0.5, **kw),
    "gaussian": lambda **kw: gaussian.Gaussian(epsilon=0.5, delta=1e-6, **kw),
    "geometric": lambda **kw: geometric.Geometric(epsilon=0.5, **kw),
}


@pytest.mark.parametrize("name", MADE)
def test_each_module_offers_its_mechanism(name):
    module = {"identity": identity, "laplace": laplace, "gaussian": gaussian}.get(name, geometric)
    (offered,) = module.dpaudit_mechanisms()
    assert offered.name == name
    assert issubclass(offered, dpaudit.Mechanism)


@pytest.mark.parametrize("name", MADE)
def test_release_is_counts_plus_the_declared_noise(name):
    mechanism = MADE[name]()
    for counts in (COUNTS, COUNTS.reshape(2, 2), COUNTS[:1]):
        released = mechanism.release(counts, np.random.default_rng(1))
        noise = mechanism.noise().sample(np.random.default_rng(1), counts.shape)
        np.testing.assert_array_equal(released, counts + noise)
    assert MADE[name]().release(COUNTS, np.random.default_rng(1)) is not COUNTS


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("neighbours", ["add-remove", "replace"])
def test_guarantees(name, neighbours):
    promised = MADE[name](neighbours=neighbours).privacy()
    assert promised.neighbours == neighbours
    assert promised.epsilon == (math.inf if name == "identity" else 0.5)
    assert promised.delta == (1e-6 if name == "gaussian" else 0.0)


@pytest.mark.parametrize(
    ("neighbours", "cells", "distance"),
    [("add-remove", 1, 1), ("replace", 1, 2), ("add-remove", 3, 3), ("replace", 3, 6)],
)
def test_scales_follow_the_sensitivity(neighbours, cells, distance):
    kw = {"neighbours": neighbours, "cells_per_person": cells}
    assert laplace.Laplace(epsilon=0.5, **kw).noise().scale == distance / 0.5
    assert geometric.Geometric(epsilon=0.5, **kw).noise().epsilon_per_unit == 0.5 / distance
    sigma = float(gaussian.Gaussian(epsilon=0.5, delta=1e-6, **kw).noise().sigma)
    assert gaussian_delta(0.5, sigma, math.sqrt(distance)) == pytest.approx(1e-6, rel=1e-9)


def test_geometric_ratio_is_epsilon():
    """The log-ratio of neighbouring outputs, largest over shifts up to the sensitivity."""
    noise = geometric.Geometric(epsilon=0.7, neighbours="replace").noise()
    k = np.arange(-40.0, 41.0)
    pmf = noise.cdf(k) - noise.cdf(k - 1)
    losses = [np.abs(np.log(pmf[shift:] / pmf[: pmf.size - shift])).max() for shift in (1, 2)]
    assert max(losses) == pytest.approx(0.7, rel=1e-9)


def test_geometric_keeps_whole_counts_whole():
    released = geometric.Geometric(epsilon=0.01).release(COUNTS, np.random.default_rng(2))
    np.testing.assert_array_equal(released, np.rint(released))


def test_laplace_privacy_cannot_be_refuted_but_a_smaller_scale_can():
    """Events {release >= t} of two neighbours, 200,000 draws; false alarm 1e-6 by Bonferroni.

    The control claims epsilon = 0.5 of noise made for epsilon = 1.
    """

    def violated(mechanism, claimed):
        rng, n = np.random.default_rng(4), 200_000
        one, other = (mechanism.release(np.full(n, x), rng) for x in (11.0, 10.0))
        thresholds = np.arange(8.0, 16.0)
        level = 1e-6 / thresholds.size / 2
        for t in thresholds:
            low = stats.beta.ppf(level, (one >= t).sum(), n - (one >= t).sum() + 1)
            high = stats.beta.isf(level, (other >= t).sum() + 1, n - (other >= t).sum())
            if low > math.exp(claimed) * high:
                return True
        return False

    assert not violated(laplace.Laplace(epsilon=0.5), 0.5)
    assert violated(laplace.Laplace(epsilon=1.0), 0.5)
    assert not violated(geometric.Geometric(epsilon=0.5), 0.5)
    assert violated(geometric.Geometric(epsilon=1.0), 0.5)


@pytest.mark.parametrize("epsilon", [0.0, -1.0, math.nan])
@pytest.mark.parametrize("make", [laplace.Laplace, geometric.Geometric])
def test_epsilon_is_positive(make, epsilon):
    with pytest.raises(ValueError, match="epsilon"):
        make(epsilon=epsilon)


@pytest.mark.parametrize("bad", [{"epsilon": 0.0}, {"epsilon": math.inf}, {"delta": 0.0}])
@pytest.mark.parametrize("also_bad", [{"delta": 1.0}, {"epsilon": -1.0}])
def test_gaussian_parameters(bad, also_bad):
    for wrong in (bad, also_bad):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            gaussian.Gaussian(**{"epsilon": 1.0, "delta": 1e-6, **wrong})


def test_extreme_budgets():
    for epsilon in (1e-300, 1e300):
        for mechanism in (
            laplace.Laplace(epsilon=epsilon),
            geometric.Geometric(epsilon=epsilon),
            gaussian.Gaussian(epsilon=epsilon, delta=1e-6),
        ):
            assert np.isfinite(mechanism.release(COUNTS, np.random.default_rng(3))).all()
    assert laplace.Laplace(epsilon=math.inf).noise().variance == 0
    assert geometric.Geometric(epsilon=math.inf).noise().variance == 0
    with pytest.raises(dpaudit.UsageError, match="larger epsilon"):
        laplace.Laplace(epsilon=1e-310).noise()
