"""Compares the closed forms of a mechanism with its own draws."""

import numpy as np
import pytest

DRAWS = 40_000
TINY = 1e-9
LIMIT = 6.5
"""Standard errors: a two-sided normal tail of 8e-11, so that 1e-6 covers ten thousand checks."""


@pytest.fixture(scope="session")
def draws_of():
    def draw(mechanism, counts, draws=DRAWS, seed=5, *, one_by_one=False):
        rng = np.random.default_rng(seed)
        if not one_by_one:
            return mechanism.release(np.tile(counts, (draws, 1)), rng)
        return np.stack([mechanism.release(counts, rng) for _ in range(draws)])

    return draw


@pytest.fixture(scope="session")
def disagreement():
    """How many standard errors a closed form is off, at most, by moment.

    Counts whose closed form says that nothing is random must be met exactly.
    """

    def measure(mechanism, counts, drawn):
        bias, variance = mechanism.bias(counts), mechanism.variance(counts)
        certain = variance < TINY
        wanted = np.broadcast_to((counts + bias)[certain], drawn[:, certain].shape)
        np.testing.assert_allclose(drawn[:, certain], wanted, rtol=0, atol=TINY)
        errors = drawn[:, ~certain] - (counts + bias)[~certain]
        excess = errors**2 - variance[~certain]
        found = {"bias": _z(errors), "variance": _z(excess)}
        positive = mechanism.positive(counts)
        if positive is not None:
            share = (drawn > 0).mean(axis=0)
            assert np.all(share[positive == 0] == 0)
            assert np.all(share[positive == 1] == 1)
            inner = (positive > 0) & (positive < 1)
            p = positive[inner]
            found["positive"] = (share[inner] - p) / np.sqrt(p * (1.0 - p) / len(drawn))
        return {name: float(np.abs(z).max(initial=0.0)) for name, z in found.items()}

    return measure


def _z(values):
    """The mean of each column in standard errors; a constant must be 0."""
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    constant = deviation < TINY
    np.testing.assert_allclose(mean[constant], 0.0, atol=TINY)
    return mean[~constant] / deviation[~constant] * np.sqrt(len(values))
