import math

import numpy as np
import pytest

from dpaudit.errors import UsageError
from dpaudit.noise.laplace import Laplace
from dpaudit.solvers.pool_score import pool_scores


def laplace(count, shown):
    return -np.abs(shown - count)


def test_scores_are_those_of_bayes_rule():
    sizes, shown = np.array([5.0, 0.0, 1.0, 12.0]), np.array([2.3, 1.0, -4.0, 30.0])
    expected = []
    for n, y in zip(sizes.astype(int), shown, strict=True):
        weight = [math.comb(n, m) * math.exp(-abs(y - m)) for m in range(n + 1)]
        mean = sum(m * w for m, w in enumerate(weight)) / sum(weight)
        expected.append(mean / n if n else 0.5)
    np.testing.assert_allclose(pool_scores(sizes, shown, laplace), expected, rtol=1e-12)


def test_scores_are_calibrated():
    """The mean score is 1/2 within 6 standard errors (2e-9); a shifted release is the control."""
    rng, sizes = np.random.default_rng(8), np.full(20_000, 7.0)
    shown = rng.binomial(7, 0.5, sizes.size) + Laplace(1.0).sample(rng, sizes.shape)
    for shift, holds in ((0.0, True), (0.2, False)):
        got = pool_scores(sizes, shown + shift, laplace)
        assert (abs(got.mean() - 0.5) < 6.0 * got.std() / math.sqrt(got.size)) == holds


@pytest.mark.parametrize(
    ("sizes", "shown", "named"),
    [([1.5], [1.0], "shape"), ([1.0, 2.0], [1.0], "shape"), ([2.0], [5.0], "5.0 of cell 0")],
)
def test_wrong_values_are_named(sizes, shown, named):
    def exact(count, release):
        return np.where(count == release, 0.0, -np.inf)

    with pytest.raises(UsageError, match=named) as raised:
        pool_scores(np.array(sizes), np.array(shown), exact)
    assert raised.value.hint
