import numpy as np
import pytest

from dpaudit.privacy.black_box.learned import Boosted, Densities, Logistic
from dpaudit.privacy.black_box.library import library
from dpaudit.privacy.black_box.scores import Bins

ZERO, ONE = np.zeros(1), np.ones(1)


def auc(score, draw, size=4_000):
    rng = np.random.default_rng(1)
    score.learn(*draw(rng, size))
    ours, theirs = (score.logit(side) for side in draw(rng, size))
    order = np.argsort(np.argsort(np.concatenate([ours, theirs])))
    return (order[:size].sum() - size * (size - 1) / 2) / size**2


def shifted(rng, size):
    return rng.normal(size=(size, 1)), 1.0 + rng.normal(size=(size, 1))


def wider(rng, size):
    return 2.0 * rng.laplace(size=(size, 1)), rng.laplace(size=(size, 1))


def around(rng, size):
    """Only both entries together tell the sides apart."""
    x, y = rng.normal(size=(2, size, 2))
    x[:, 1] = np.abs(x[:, 1]) * np.sign(x[:, 0])
    y[:, 1] = -np.abs(y[:, 1]) * np.sign(y[:, 0])
    return x, y


@pytest.mark.parametrize(
    "make", [Densities, Logistic, Boosted, lambda a, b: Bins(a, b, runs=False)]
)
@pytest.mark.parametrize(("draw", "best"), [(shifted, 0.7602), (wider, 2 / 3)])
def test_a_score_learns_most_of_what_there_is_to_know(make, draw, best):
    """Areas: Phi(1 / sqrt 2), and 2/3 of Laplace noise of twice the width; +- 4 errors."""
    found = auc(make(ZERO, ONE), draw)
    assert best - 0.035 < found < best + 0.03


def test_trees_see_what_no_entry_shows_by_itself():
    assert auc(Boosted(np.zeros(2), np.ones(2)), around) > 0.9
    assert abs(auc(Densities(np.zeros(2), np.ones(2)), around) - 0.5) < 0.1


def test_nothing_is_guessed_before_anything_is_learned():
    for score in library(ZERO, ONE):
        np.testing.assert_array_equal(score.logit(np.ones((3, 1))), 0.0)


STRANGE = {
    "constant": np.zeros((64, 1)),
    "nan": np.full((64, 2), np.nan),
    "inf": np.full((64, 1), np.inf),
    "huge": np.tile([1e300, -1e300], (64, 1)),
    "subnormal": np.arange(64.0)[:, None] * 5e-324,
}


@pytest.mark.parametrize("outputs", STRANGE.values(), ids=STRANGE)
def test_strange_outputs_neither_fail_nor_tell_anything(outputs):
    zero = np.zeros(outputs.shape[1])
    for score in library(zero, zero + 1.0):
        score.learn(outputs, outputs)
        score.learn(outputs, outputs)
        np.testing.assert_allclose(score.logit(outputs), 0.0, atol=1e-6)
