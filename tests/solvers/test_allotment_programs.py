"""PoS and BL are optimal for the programs that define them, by a general solver."""

import numpy as np
import pytest

from dpaudit.errors import UsageError
from dpaudit.solvers.allotment_programs import smallest_distance, smallest_spread
from dpaudit.solvers.scaling import scale_to_total
from dpaudit.solvers.simplex import project_onto_simplex, simplex_threshold


def instance(seed):
    """Noisy weighted counts of which some are negative, and their shares."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 40))
    weights = rng.uniform(0.5, 2.0, n)
    noisy = weights * (rng.gamma(0.7, 20.0, n) + rng.laplace(0.0, 12.0, n))
    if not 0.05 * np.abs(noisy).sum() < abs(noisy.sum()):
        return instance(seed + 10_000)  # shares of moderate size, which the solver can judge
    return noisy, noisy / noisy.sum()


def clipped(noisy):
    """BL: the clipped counts' shares, equal where no count is positive."""
    return scale_to_total(np.maximum(noisy, 0.0), 1.0)


def check(seed):
    noisy, shares = instance(seed)
    projected = project_onto_simplex(shares, 1.0)
    change = projected - shares
    solution, spread = smallest_spread(shares)
    np.testing.assert_allclose(projected, solution, rtol=0, atol=1e-7)
    assert np.ptp(change) == pytest.approx(spread, abs=1e-7)
    threshold = float(simplex_threshold(shares, 1.0))
    optimum = threshold - shares.min() if shares.min() < 0 else 0.0
    assert np.ptp(change) == pytest.approx(optimum, abs=1e-12)

    _, distance = smallest_distance(shares)
    missing = 2.0 * np.clip(-shares, 0.0, None).sum()
    assert distance == pytest.approx(missing, abs=1e-7)
    assert np.abs(change).sum() == pytest.approx(missing, abs=1e-12)
    baseline = np.abs(clipped(noisy) - shares).sum()
    if noisy.sum() > 0:
        assert baseline == pytest.approx(missing, abs=1e-12)
    elif (noisy > 0).any():
        assert baseline > missing + 1e-6
    return noisy.sum() > 0


def test_ten_random_instances():
    assert {check(seed) for seed in range(10)} >= {True}


@pytest.mark.slow
def test_three_hundred_random_instances():
    signs = [check(seed) for seed in range(300)]
    assert 5 < signs.count(False) < 150  # negative totals are among them


def test_what_is_no_share_is_refused():
    with pytest.raises(UsageError, match=r"shares sum to 1\.5"):
        smallest_spread(np.array([1.0, 0.5]))
