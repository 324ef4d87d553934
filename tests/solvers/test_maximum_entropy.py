import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpaudit.errors import UsageError
from dpaudit.solvers.maximum_entropy import maximum_entropy, variance_range


@st.composite
def problems(draw):
    whole = st.integers(-25, 25)
    support = np.array(sorted(draw(st.sets(whole, min_size=1, max_size=30))), dtype=np.float64)
    support = np.unique(np.append(support, [-1.0 if support[0] > 0 else support[0]]))
    support = np.unique(np.append(support, [1.0 if support[-1] < 0 else support[-1]]))
    return support, draw(st.floats(0.0, 1.0))


@given(problems())
def test_moments_are_met_over_the_whole_range(problem):
    support, share = problem
    low, high = variance_range(support)
    variance = low + share * (high - low)
    p = maximum_entropy(support, variance)
    assert np.all(p >= 0)
    assert p.sum() == pytest.approx(1.0, abs=1e-14)
    assert p @ support == pytest.approx(0.0, abs=1e-10)
    assert p @ support**2 == pytest.approx(variance, rel=1e-10, abs=1e-9)


@given(st.floats(0.1, 0.9), st.integers(0, 2**32 - 1))
def test_no_other_distribution_with_these_moments_has_more_entropy(share, seed):
    """Random directions that keep total, mean and variance: entropy falls along each."""
    support = np.arange(-3.0, 6.0)
    p = maximum_entropy(support, share * 15.0)
    kept = np.stack([np.ones_like(support), support, support**2])
    away = np.random.default_rng(seed).normal(size=support.size)
    away -= np.linalg.pinv(kept) @ (kept @ away)
    other = p + 0.3 * away * (p / np.maximum(np.abs(away), 1e-9)).min()
    assert np.all(other > 0)
    assert -(other @ np.log(other)) < -(p @ np.log(p))


def test_ends_of_the_range_have_two_values():
    support = np.array([-2.0, -1.0, 3.0, 6.0])
    assert variance_range(support) == (3.0, 12.0)
    assert maximum_entropy(support, 3.0).tolist() == [0.0, 0.75, 0.25, 0.0]
    assert maximum_entropy(support, 12.0).tolist() == [0.75, 0.0, 0.0, 0.25]
    assert maximum_entropy(np.array([-1.0, 0.0, 1.0]), 0.0).tolist() == [0.0, 1.0, 0.0]
    assert maximum_entropy(np.array([0.0]), 0.0).tolist() == [1.0]


@pytest.mark.parametrize(
    ("support", "variance"),
    [
        ([1.0, 2.0], 1.0),
        ([-2.0, -1.0], 1.0),
        ([], 1.0),
        ([-1.0, 2.0], 1.9),
        ([-1.0, 0.0, 2.0], 2.1),
    ],
)
def test_what_cannot_be(support, variance):
    with pytest.raises(UsageError):
        maximum_entropy(np.array(support), variance)
    with pytest.raises(UsageError):
        maximum_entropy(np.array([-1.0, 0.0, 1.0]), np.nan)
