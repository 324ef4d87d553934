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
LIMIT = 300.0
"""Seconds after which a test counts as hanging."""
MOST_TERMS = 5e5
"""The engine asks no noise for transforms that sum more."""
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
    "data-error": [
        lambda s, _: {"coefficient_of_variation": s},
        lambda s, _: {"coefficient_of_variation": 0.3, "epsilon": s},
        lambda s, n: {"coefficients": (0.5, 0.1), "bounds": (s,), "size": np.arange(n)},
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
            known = np.r_[values, values / 2, 1 / values, 2 / values, values.sum()]
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
    if noise.terms > MOST_TERMS:
        return
    phi, psi, chi = noise.clipped_transform(x, theta)
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


def every_noise(scales):
    for scale in scales:
        for kind in (Laplace, Gaussian, DiscreteGaussian, RoundedLaplace, RoundedGaussian):
            yield kind(scale)
    yield NoNoise()


def mixed(n):
    """Noise with other scales for each entity, from none at all to the largest."""
    scales = np.resize([0.0, 1e300, 1.0, 1e-300], n)
    rates = np.resize([math.inf, 1e-300, 1.0, 1e300], n)
    return [*(kind(scales) for kind in (Laplace, Gaussian, DiscreteGaussian)), Geometric(rates)]


def noises(n):
    rates = [Geometric(rate) for rate in (1e-300, 1.0, 1e300, math.inf)]
    return [*every_noise((0.0, 1e-300, 1e-3, 1.0, 1e200, 1e300)), *rates, *mixed(n)]


def plain(_noise, _n):
    return {}


def noise_only(noise, _n, **more):
    return {"noise": noise, **more}


def of_tree(noise, n, **more):
    return {"noise": noise, "hierarchy": TREES[n], **more}


def totals(**more):
    return [
        lambda _noise, _n, total=total: {"total": total, **more}
        for total in (0.0, 1e-300, 10.0, 2.0**53, 1e300)
    ]


def margins(*targets):
    return [
        lambda _noise, n, target=target: {
            "targets": {"area": target[:n]},
            "domain": dpaudit.Domain(names=("area",), values=(tuple("abcd")[:n],)),
        }
        for target in targets
    ]


STEPS = {
    "none": [plain],
    "non-negative": [plain],
    "round": [plain],
    "largest-remainder": [plain],
    "random-round": [plain, lambda _s, _n: {"base": 2.5}, lambda _s, _n: {"base": 2.0**53}],
    "sum-preserving": totals(),
    "simplex": [*totals(), lambda _noise, _n: {"total": 10.0, "whole": True}],
    "projection-onto-simplex": totals(),
    "baseline": totals(),
    "proportional-scaling": totals(),
    "iterative-proportional-fitting": margins(
        (0.0,) * 4, (1e-300,) * 4, (10.0, 0.0, 0.0, 0.0), (2.0**53,) * 4, (1e300,) * 4
    ),
    "hierarchical-least-squares": [of_tree],
    "non-negative-hierarchical": [of_tree],
    # exact counts among noisy ones are refused: the noise is left out, which moves nothing else
    "top-down": [
        lambda _noise, n: of_tree(None, n),
        lambda _noise, n: of_tree(None, n, whole=False),
    ],
    "shrinkage": [
        noise_only,
        lambda noise, n: noise_only(noise, n, method="empirical-bayes"),
        lambda noise, n: noise_only(noise, n, by=np.arange(n)),
    ],
    "posterior-mean": [noise_only],
    "debiased-clip": [noise_only],
}
RELEASES = {
    "zero": (0.0,),
    "negative zero": (-0.0,),
    "equal": (5.0,),
    "equal halves": (0.5,),
    "negative": (-7.0,),
    "huge": (1e300,),
    "hugely negative": (-1e300,),
    "huge and small": (1e300, -1e300, 0.0, 5.0),
    "tiny": (5e-324,),
    "tiny of either sign": (1e-300, -1e-300, 0.0, 1.0),
    "2^53": (2.0**53,),
    "mixed": (2.0**53, -3.5, 0.5, 1e-9, 2.5),
}


def size_of(name, entities):
    is_tree = REGISTRY.get("postprocessor", name).hierarchical
    return TREES[entities].size if is_tree else entities


@pytest.mark.parametrize("entities", TREES)
@pytest.mark.parametrize("name", STEPS)
def test_postprocessors(name, entities):
    size = size_of(name, entities)
    own = {field.name for field in attrs.fields(REGISTRY.get("postprocessor", name))}
    for way in STEPS[name]:
        for noise in noises(size) if "noise" in own else [NoNoise()]:
            step = REGISTRY.get("postprocessor", name)(**way(noise, entities))
            for values in RELEASES.values():
                check_step(step, noise, np.resize(values, size))


def check_step(step, noise, release):
    """Alone and stacked: finite, of the right shape, and as declared."""
    facts = [release, noise.variance, getattr(step, "total", None) or 0.0]
    facts += list(getattr(step, "targets", {}).values())
    for given in [release, np.stack([release, release[::-1]])] if step.vectorised else [release]:
        given.flags.writeable = False
        done = attempt(lambda given=given: step.sample(given, np.random.default_rng(1)), *facts)
        if done is None:
            continue
        assert done.shape == given.shape
        assert np.isfinite(done).all()
        assert not step.nonnegative or done.min() >= 0
        size = 1e-9 * np.abs(given).max()
        total = step.public_sum()
        if total is not None:
            np.testing.assert_allclose(done.sum(axis=-1), total, rtol=1e-9, atol=size)
        if "additive" in step.keeps and step.hierarchical:
            tree = step.hierarchy
            sums = tree.totals(done[..., tree.entities])
            np.testing.assert_allclose(sums, done, rtol=1e-9, atol=max(size, 1e-300))
        if getattr(step, "whole", False) or step.name in {"round", "largest-remainder"}:
            np.testing.assert_array_equal(done, np.rint(done))


@pytest.mark.slow
@pytest.mark.parametrize("entities", TREES)
@pytest.mark.parametrize("name", STEPS)
def test_closed_forms_of_postprocessors(name, entities):
    size = size_of(name, entities)
    for way in STEPS[name]:
        for noise in noises(size):
            step = REGISTRY.get("postprocessor", name)(**way(noise, entities))
            for case in (np.zeros(4), np.full(4, 5.0), np.eye(4)[0], np.array([2.0**53, 0, 1, 5])):
                counts = case[:entities]
                counts = TREES[entities].totals(counts) if step.hierarchical else counts
                check_closed_forms(step, counts, noise)


def check_closed_forms(step, counts, noise):
    """Biases and controls are finite; variances may be infinite with that of the noise."""
    bias, variance = step.bias(counts, noise), step.variance(counts, noise)
    assert bias is None or np.isfinite(values_of(bias)).all()
    assert variance is None or (values_of(variance) >= 0).all()
    is_known = variance is not None and not np.isinf(noise.variance).any()
    assert not is_known or np.isfinite(values_of(variance)).all()
    bounds = step.spread_bounds(counts, noise)
    assert bounds is None or 0 <= bounds.low <= bounds.high * (1 + 1e-9)
    control = step.control(counts, noise)
    if control is not None:
        noisy = counts + noise.sample(np.random.default_rng(1), (3, counts.size))
        assert np.isfinite(control.mean).all()
        assert np.isfinite(control.deviation(noisy)).all()
    after = step.noise_after(noise)
    if after is not None:
        check_noise(after, counts)
