"""Mechanisms that choose an entity: exact chances, simulation, privacy."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats

import dpaudit
from dpaudit_plugins.mechanisms import exponential, noisy_max
from dpaudit_plugins.mechanisms.exponential import Exponential
from dpaudit_plugins.mechanisms.noisy_max import NoisyMax

FALSE_ALARM = 1e-6
MAKERS = {
    "exponential": Exponential,
    "noisy-max": NoisyMax,
    "permute-and-flip": lambda **kw: NoisyMax(distribution="exponential", **kw),
}
COUNTS = np.array([3.0, 5.0, 5.0, 0.0, 4.0])


@pytest.fixture(params=MAKERS)
def make(request):
    return MAKERS[request.param]


def test_each_module_offers_its_mechanism():
    assert exponential.dpaudit_mechanisms() == (Exponential,)
    assert noisy_max.dpaudit_mechanisms() == (NoisyMax,)
    assert Exponential.gives == NoisyMax.gives == "selection"
    assert not Exponential.independent


def test_the_release_chooses_one(make):
    released = make(epsilon=1.0).release(COUNTS, np.random.default_rng(1))
    assert sorted(released) == [0, 0, 0, 0, 1]


def test_chances_against_simulation(make):
    """Chi-square over the choices, false alarm 1e-6; the control has epsilon 30 % off."""
    rng, made = np.random.default_rng(2), make(epsilon=0.7)
    chosen = sum(made.release(COUNTS, rng) for _ in range(20_000))
    p = made.probabilities(COUNTS).value
    assert stats.chisquare(chosen, p * 20_000).pvalue > FALSE_ALARM
    wrong = make(epsilon=0.7 * 1.3).probabilities(COUNTS).value
    assert stats.chisquare(chosen, wrong / wrong.sum() * 20_000).pvalue < FALSE_ALARM


def test_moments_follow_from_the_chances(make):
    made = make(epsilon=0.7)
    p = made.probabilities(COUNTS)
    truth = np.array([0.0, 0.5, 0.5, 0.0, 0.0])
    np.testing.assert_array_equal(made.truth(COUNTS), truth)
    np.testing.assert_array_equal(made.bias(COUNTS).value, p.value - truth)
    np.testing.assert_array_equal(made.variance(COUNTS).value, p.value * (1 - p.value))
    np.testing.assert_array_equal(made.positive(COUNTS), p.value)
    assert p.method == ("exact" if isinstance(made, Exponential) else "quadrature")
    assert p.value[1] == pytest.approx(p.value[2], abs=1e-15)
    assert p.value.sum() == pytest.approx(1.0, abs=1e-11)
    assert (p.high - p.low).max() < 1e-11


def by_quad(below, i, law, breaks):
    def integrand(t):
        others = np.prod([law.cdf(t + z) for j, z in enumerate(below) if j != i])
        return law.pdf(t + below[i]) * others

    edges = sorted({60.0, *breaks})
    return sum(
        integrate.quad(integrand, a, b, epsabs=1e-14, limit=200)[0]
        for a, b in itertools.pairwise(edges)
    )


@pytest.mark.parametrize("epsilon", [0.3, 2.0])
def test_noisy_max_against_adaptive_quadrature(epsilon):
    below = (COUNTS.max() - COUNTS) * epsilon / 2
    got = NoisyMax(epsilon=epsilon).probabilities(COUNTS).value
    want = [by_quad(below, i, stats.laplace, [-60.0, *-below]) for i in range(5)]
    np.testing.assert_allclose(got, want, atol=1e-11)
    got = NoisyMax(epsilon=epsilon, distribution="exponential").probabilities(COUNTS).value
    want = [by_quad(below, i, stats.expon, [0.0]) for i in range(5)]
    np.testing.assert_allclose(got, want, atol=1e-11)


@pytest.mark.parametrize("distribution", ["laplace", "exponential"])
def test_many_entities(distribution):
    """Chances add up to 1 within the stated error, more distinct values than panels."""
    counts = np.random.default_rng(3).integers(0, 3000, 1500).astype(float)
    made = NoisyMax(epsilon=0.02, distribution=distribution).probabilities(counts)
    assert abs(made.value.sum() - 1.0) < (made.high - made.low).max()
    assert (made.high - made.low).max() < 1e-6
    order = np.argsort(counts)
    assert (np.diff(made.value[order]) >= -1e-9).all()


def losses(make, counts, neighbours, **kw):
    """The largest log-ratio of the chances over all neighbours of some counts."""
    made = make(neighbours=neighbours, **kw)
    base, n = made.probabilities(counts).value, counts.size
    steps = list(np.eye(n))
    if neighbours == "replace":
        steps = [a - b for a in steps for b in steps if a is not b]
    found = [made.probabilities(counts + step).value for step in steps]
    return max(np.abs(np.log(other / base)).max() for other in found)


@pytest.mark.parametrize(
    ("neighbours", "monotone"), [("add-remove", False), ("add-remove", True), ("replace", False)]
)
def test_the_loss_is_at_most_epsilon(make, neighbours, monotone):
    """Over all neighbours of several counts; the control claims 45 % of epsilon."""
    worst = max(
        losses(make, np.array(counts), neighbours, epsilon=0.8, monotone=monotone)
        for counts in ([2.0, 3.0, 3.0], [0.0, 1.0, 9.0], [4.0, 4.0, 4.0])
    )
    assert worst <= 0.8 * (1 + 1e-9)
    reached = 0.45 if monotone or neighbours == "replace" else 0.2
    assert worst > reached * 0.8


def test_guarantees(make):
    promised = make(epsilon=2.0, neighbours="replace").privacy()
    assert (promised.epsilon, promised.delta, promised.neighbours) == (2.0, 0.0, "replace")
    assert promised.rho == (0.5 if make is Exponential else None)


def test_monotone_under_replace_is_refused(make):
    with pytest.raises(ValueError, match="add-remove"):
        make(epsilon=1.0, monotone=True, neighbours="replace")
    with pytest.raises(ValueError, match="epsilon"):
        make(epsilon=0.0)


@pytest.mark.parametrize("epsilon", [1e-300, 1e-17, 1.0, 709.0, 1e300, math.inf])
@pytest.mark.parametrize(
    "counts", [[0.0], [0.0, 0.0, 0.0], [2.0**53, 2.0**53 - 1, 0.0], [2.0**53, 2.0**53]]
)
def test_degenerate_inputs(make, epsilon, counts):
    counts = np.array(counts)
    made = make(epsilon=epsilon)
    p = made.probabilities(counts)
    assert p.value.sum() == pytest.approx(1.0, abs=1e-10)
    released = made.release(counts, np.random.default_rng(4))
    assert released.sum() == 1.0
    assert made.bias(counts).value.shape == counts.shape
    if epsilon == math.inf:
        np.testing.assert_allclose(p.value, made.truth(counts), atol=1e-11)
        assert counts[released > 0] == counts.max()
    if epsilon == 1e-300:
        np.testing.assert_allclose(p.value, 1 / counts.size, atol=1e-11)


def test_closed_forms_are_estimates_of_their_shape():
    assert isinstance(NoisyMax(epsilon=1.0).bias(COUNTS), dpaudit.Estimate)
