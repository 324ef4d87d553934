"""The adapter, and with it the library as an oracle of our own samplers."""

import sys

import numpy as np
import pytest
from scipy import stats

import dpaudit
from dpaudit.privacy.zcdp import gaussian_rho
from dpaudit_plugins.mechanisms import opendp
from dpaudit_plugins.mechanisms.opendp import OpenDP

KINDS = ("laplace", "geometric", "gaussian", "discrete-gaussian")


def cells(sample, edges):
    return np.bincount(np.searchsorted(edges, sample), minlength=edges.size + 1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_library_draws_the_declared_noise(kind):
    """Two-sample chi-square of the library against our sampler, and of each against the cdf.

    False alarm 1e-6; the control is our sampler with a scale 30 % off.
    """
    n, scale = 20_000, 5.0
    made = OpenDP(distribution=kind, scale=scale)
    exact = made.release(np.full(n, 10.0), np.random.default_rng(1)) - 10.0
    edges = np.arange(-12.0, 12.0) + 0.5
    expected = np.diff(np.concatenate([[0.0], made.noise().cdf(edges), [1.0]])) * n
    assert stats.chisquare(cells(exact, edges), expected).pvalue > 1e-6

    def against(noise):
        own = noise.sample(np.random.default_rng(3), (n,))
        return stats.chi2_contingency([cells(exact, edges), cells(own, edges)]).pvalue

    assert against(made.noise()) > 1e-6
    assert against(OpenDP(distribution=kind, scale=scale * 1.3).noise()) < 1e-6


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("neighbours", "distance"), [("add-remove", 1), ("replace", 2)])
def test_guarantees(kind, neighbours, distance):
    promised = OpenDP(distribution=kind, scale=4.0, neighbours=neighbours).privacy()
    if kind in ("laplace", "geometric"):
        assert promised.epsilon == distance / 4.0
    else:
        assert promised.rho == pytest.approx(gaussian_rho(4.0) * distance, rel=1e-15)


def test_shapes_and_whole_counts():
    counts = np.array([[0.0, 3.0], [5.0, 2.0**53]])
    for kind in KINDS:
        released = OpenDP(distribution=kind, scale=2.0).release(counts, np.random.default_rng(1))
        assert released.shape == counts.shape
    with pytest.raises(dpaudit.DataError, match="whole counts"):
        OpenDP(distribution="geometric", scale=2.0).release(
            np.array([0.5]), np.random.default_rng(1)
        )


def test_a_missing_library_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "opendp.prelude", None)
    with pytest.raises(dpaudit.UnavailableError, match="not installed") as caught:
        OpenDP(distribution="laplace", scale=2.0).release(np.zeros(2), np.random.default_rng(1))
    assert "dpaudit[exact]" in caught.value.hint
    assert OpenDP(distribution="laplace", scale=2.0).noise().variance == 8.0


def test_offered():
    assert opendp.dpaudit_mechanisms() == (OpenDP,)
    with pytest.raises(ValueError, match="scale"):
        OpenDP(distribution="laplace", scale=0.0)
