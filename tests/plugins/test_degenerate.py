"""Degenerate inputs: a value as documented or a typed error, never a warning, NaN or a hang."""

import math
import re
import signal

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.noise.discrete_gaussian import DiscreteGaussian
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.none import NoNoise
from dpaudit.noise.rounded import RoundedGaussian, RoundedLaplace

REGISTRY = dpaudit.Registry.discover()
LIMIT = 60.0
"""Seconds after which a test counts as hanging."""
STRENGTHS = (5e-324, 1e-300, 1e-17, 1e-3, 1.0, 709.0, 1e300, math.inf)
COUNTS = {
    "all zero": np.zeros(4),
    "one entity": np.array([7.0]),
    "one empty entity": np.zeros(1),
    "ties": np.full(4, 5.0),
    "one person": np.array([0.0, 1.0, 0.0, 0.0]),
    "2^53": np.array([2.0**53, 0.0, 2.0**53, 1.0]),
}
TREES = {
    1: dpaudit.Hierarchy.of(["id"], [["x"]]),
    4: dpaudit.Hierarchy.of(["state", "id"], [["A", "B", "B", "B"], list("wxyz")]),
}


@pytest.fixture(autouse=True)
def _deadline():
    def late(*_):
        raise TimeoutError(f"a degenerate input takes over {LIMIT:g} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def table(n):
    names = ("area", "sex")
    return dpaudit.Domain(names=names, values=(("A", "B"), ("f", "m")) if n == 4 else (("A",), "f"))


def budget(*names):
    """Each named budget at one strength for all, and once as a column beside exact entities."""
    one = [lambda s, _, name=name: {name: s} for name in names]
    column = [lambda s, n, name=name: {name: np.r_[s, np.zeros(n - 1)]} for name in names[1:]]
    return [*one, *column]


def normal(s, _n):
    return {"epsilon": s, "delta": 1e-6}


def levels(name):
    return lambda s, n: {
        name: s,
        "levels": {"total": 0.5, "id": 0.5},
        "invariants": ("state",) if n == 4 else (),
        "hierarchy": TREES[n],
    }


MECHANISMS = {
    "identity": [lambda _s, _n: {}],
    "laplace": [*budget("epsilon", "scale"), levels("epsilon")],
    "geometric": [*budget("epsilon", "scale"), levels("epsilon")],
    "gaussian": [normal, *budget("rho", "sigma"), levels("rho")],
    "discrete-gaussian": [normal, *budget("rho", "sigma"), levels("rho")],
    "exponential": [lambda s, _: {"epsilon": s}],
    "noisy-max": [
        lambda s, _: {"epsilon": s},
        lambda s, _: {"epsilon": s, "distribution": "exponential"},
    ],
    "randomized-response": [
        lambda s, _: {"epsilon": s},
        lambda s, _: {"epsilon": s, "unbiased": False},
        lambda s, n: {"epsilon": s, "attribute": "area", "domain": table(n)},
    ],
    "sampling-error": [
        lambda s, n: {"margin_of_error": np.full(n, s)},
        lambda s, n: {"coefficient_of_variation": s, "of": np.full(n, 5.0)},
    ],
    "opendp": [
        lambda s, _, kind=kind: {"distribution": kind, "scale": s}
        for kind in ("laplace", "geometric", "gaussian", "discrete-gaussian")
    ],
    "cell-suppression": [
        lambda s, _: {"threshold": 3, "fill": s},
        lambda _, n: {"threshold": 10, "complementary": np.arange(n)},
        lambda _s, _n: {"threshold": 2**60},
    ],
    "dp-cell-suppression": [lambda s, _: {"threshold": 3, "epsilon": s}],
    "threshold-laplace": [
        lambda s, _: {"threshold": 3, "epsilon": s},
        lambda s, _: {"threshold": 2**53, "epsilon": s, "family": "geometric"},
    ],
    "random-rounding": [lambda _s, _n: {"base": 2}, lambda _s, _n: {"base": 2**31}],
    "cell-key": [
        lambda s, _: {"max_noise": 3, "variance": s},
        lambda s, _: {"max_noise": 3, "variance": s, "smallest": 2},
    ],
    "record-swapping": [
        lambda s, n: {"rate": s, "swap": "area", "domain": table(n)},
        lambda s, n: {"rate": s, "swap": "area", "match": ("sex",), "domain": table(n)},
    ],
}
ELSEWHERE = {"callable", "replicates"}
"""What comes from the user's own function or files: tested in whole audits below."""


def number(text):
    """Every number of a text."""
    found = re.findall(r"-?\d[\d,]*\.?\d*(?:e[+-]?\d+)?|\binf\b", text)
    return [float(each.replace(",", "").rstrip(".")) for each in found]


def attempt(call, *given):
    """Return what a call gives; ``None`` for a typed error that repeats one of the values."""
    try:
        return call()
    except (dpaudit.DpauditError, ValueError) as error:
        message = getattr(error, "message", str(error))
        values = np.concatenate([np.ravel(value).astype(np.float64) for value in given])
        with np.errstate(over="ignore", divide="ignore"):
            known = np.concatenate([values, 1 / values, 2 / values, [values.sum()]])
        said = np.array(number(message))
        assert np.isclose(said[:, None], known, rtol=1e-5, atol=0).any(), message
        return None


def values_of(known):
    """Return the numbers of a closed form: an array, or an estimate with its bounds."""
    if isinstance(known, dpaudit.Estimate):
        return np.stack([known.low, known.value, known.high])
    return np.asarray(known)


def check_noise(noise, x):
    """No property of a noise is NaN; those of bounded size are finite."""
    theta = np.array([[0.0], [1e-3], [1.0]])
    for whole in (noise.variance, noise.fourth_cumulant, noise.mean_absolute, noise.strip):
        assert not np.isnan(whole).any()
    assert (np.asarray(noise.variance) >= 0).all()
    for t in (x, -x):
        chance = noise.cdf(t)
        assert ((chance >= 0) & (chance <= 1)).all()
        assert np.isfinite(noise.excess(t)).all()
        assert (noise.excess_square(t) >= 0).all()
    assert noise.rests(x, 1000).dtype == bool
    for phi in (noise.characteristic(theta), noise.clipped_characteristic(x, theta)):
        if phi is not None:
            assert (np.abs(phi) <= 1 + 1e-9).all()
            np.testing.assert_allclose(phi[0], 1.0, rtol=1e-9)
    phi, psi, chi = noise.clipped_transform(x, np.array([[0.0], [1e-3], [1.0]]))
    assert ((phi >= 0) & (phi <= 1 + 1e-9)).all()
    assert (psi >= 0).all()
    assert (chi >= 0).all()


def test_every_plugin_has_an_entry():
    assert MECHANISMS.keys() | ELSEWHERE == set(REGISTRY.names("mechanism"))
    assert set(STEPS) == set(REGISTRY.names("postprocessor"))


@pytest.mark.parametrize("case", COUNTS)
@pytest.mark.parametrize("name", MECHANISMS)
def test_mechanisms(name, case):
    for way in MECHANISMS[name]:
        for strength in STRENGTHS:
            for neighbours in ("add-remove", "replace"):
                check_mechanism(name, way, strength, neighbours, COUNTS[case])


def check_mechanism(name, way, strength, neighbours, counts):
    make = REGISTRY.get("mechanism", name)
    given = attempt(lambda: make(neighbours=neighbours, **way(strength, counts.size)), strength)
    if given is None:
        return
    if given.measures == "hierarchy":
        counts = TREES[counts.size].totals(counts)
    counts = np.array(counts)
    counts.flags.writeable = False
    released = attempt(lambda: given.release(counts, np.random.default_rng(1)), strength, counts)
    if released is None:
        return
    assert released.shape == counts.shape
    assert np.isfinite(released).all()
    assert not given.nonnegative or released.min() >= 0
    promised = given.privacy()
    assert promised.epsilon >= 0
    bias, variance, positive = (
        what(counts) for what in (given.bias, given.variance, given.positive)
    )
    assert bias is None or np.isfinite(values_of(bias)).all()
    assert variance is None or (values_of(variance)[-1:] >= 0).all()
    assert positive is None or ((positive >= 0) & (positive <= 1)).all()
    assert np.isfinite(given.truth(counts)).all()
    noise = given.noise()
    if noise is not None:
        check_noise(noise, counts)
