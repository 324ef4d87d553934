"""Every installed mechanism and post-processor does what it declares.

A call of the kit raises a false alarm with probability at most 1e-5 (nine comparisons of 1e-6
each); seeds are fixed. Its negative controls stand in tests/testing.
"""

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.noise.discrete_gaussian import DiscreteGaussian
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.testing import check_mechanism, check_postprocessor

REGISTRY = dpaudit.Registry.discover()
COUNTS = np.array([0.0, 1.0, 3.0, 12.0, 12.0, 150.0])
TREE = dpaudit.Hierarchy.of(["state", "id"], [list("ABBABA"), list("uvwxyz")])
TABLE = dpaudit.Domain(names=("area", "sex"), values=(("A", "B", "C"), ("f", "m")))
LIST = dpaudit.Domain(names=("id",), values=(tuple("uvwxyz"),))
WEIGHTS = np.array([4.0, 1.0, 2.0, 3.0, 6.0, 5.0])
SHARES = {"total": 0.25, "state": 0.25, "id": 0.5}
BELOW = {"state": 0.5, "id": 0.5}
FUNCTION = """
def shifted(counts, rng, *, by):
    return counts + by * (rng.integers(0, 2, size=counts.shape) - 0.5)
"""
REPLICATES = "id,rep1,rep2,rep3\n" + "".join(f"{e},{i},{i + 2},0\n" for i, e in enumerate("uvwxyz"))


def additive(one, column):
    """A budget, noise of each entity's own, and the levels of a tree, with an invariant too."""
    tree = {**one, "hierarchy": TREE}
    exact = {"levels": BELOW, "invariants": ("total",)}
    return [one, column, {**tree, "levels": SHARES}, {**tree, **exact}]


MECHANISMS = {
    "identity": [{}],
    "laplace": additive({"epsilon": 0.7}, {"scale": WEIGHTS}),
    "geometric": additive({"epsilon": 0.7}, {"scale": WEIGHTS}),
    "gaussian": [*additive({"rho": 0.1}, {"sigma": WEIGHTS}), {"epsilon": 0.7, "delta": 1e-6}],
    "discrete-gaussian": [
        *additive({"rho": 0.1}, {"sigma": WEIGHTS}),
        {"epsilon": 0.7, "delta": 1e-6},
    ],
    "exponential": [{"epsilon": 0.05}],
    "noisy-max": [{"epsilon": 0.05}, {"epsilon": 0.05, "distribution": "exponential"}],
    "randomized-response": [
        {"epsilon": 0.7},
        {"epsilon": 0.7, "unbiased": False},
        {"epsilon": 0.7, "attribute": "sex", "domain": TABLE},
    ],
    "sampling-error": [{"margin_of_error": WEIGHTS}],
    "data-error": [
        {"coefficient_of_variation": 0.3},
        {"coefficient_of_variation": 0.3, "epsilon": 0.7},
        {"coefficients": (0.9, 0.1), "bounds": (3.0,), "size": WEIGHTS},
    ],
    "opendp": [
        {"distribution": kind, "scale": 4.0}
        for kind in ("laplace", "geometric", "gaussian", "discrete-gaussian")
    ],
    "cell-suppression": [
        {"threshold": 10},
        {"threshold": 10, "complementary": np.array([*"aabbcc"])},
    ],
    "dp-cell-suppression": [{"threshold": 10, "epsilon": 0.5}],
    "threshold-laplace": [
        {"threshold": 5, "epsilon": 0.7, "family": family} for family in ("laplace", "geometric")
    ],
    "random-rounding": [{"base": 5}],
    "cell-key": [{"max_noise": 3, "variance": 1.5}],
    "record-swapping": [{"rate": 0.4, "swap": "area", "match": ("sex",), "domain": TABLE}],
    "callable": [{"function": "mine.py:shifted", "arguments": {"by": 3.0}}],
    "replicates": [{"file": "wide.csv", "columns": "rep", "domain": LIST}],
}
STEPS = {
    "none": [{}],
    "non-negative": [{}],
    "round": [{}],
    "random-round": [{}, {"base": 5.0}],
    "largest-remainder": [{}],
    "sum-preserving": [{"total": 178.0}],
    "simplex": [{"total": 178.0}, {"total": 178.0, "whole": True}],
    "projection-onto-simplex": [{"total": 178.0}],
    "baseline": [{"total": 178.0}],
    "proportional-scaling": [{"total": 178.0}],
    "iterative-proportional-fitting": [{"targets": {"sex": (15.0, 163.0)}, "domain": TABLE}],
    "hierarchical-least-squares": [{"hierarchy": TREE}],
    "non-negative-hierarchical": [{"hierarchy": TREE}],
    "top-down": [{"hierarchy": TREE}, {"hierarchy": TREE, "whole": False}],
    "shrinkage": [{}, {"method": "empirical-bayes"}, {"by": np.array([*"aabbcc"])}],
    "posterior-mean": [{}],
    "debiased-clip": [{}],
}
NOISES = [Laplace(5.0), Gaussian(5.0), Geometric(0.3), DiscreteGaussian(4.0)]
DRAWS = {"exponential": 20_000, "noisy-max": 20_000}
NEEDS_POSITIVE = {"largest-remainder"}
"""Steps for releases that are not negative: they are tried on counts far above the noise."""

PROJECTIONS = ["none", "non-negative", "round", "largest-remainder", "sum-preserving", "simplex",
               "projection-onto-simplex", "baseline", "proportional-scaling",
               "hierarchical-least-squares", "non-negative-hierarchical",
               "top-down"]  # fmt: skip
"""Steps that leave alone what they have made."""


def of(kind, name, **parameters):
    """Make a plug-in; what the engine gives it may be left out of the table."""
    made = REGISTRY.get(kind, name)
    known = {field.alias or field.name for field in attrs.fields(made)}
    return made(**{key: value for key, value in parameters.items() if key in known})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(FUNCTION)
    (tmp_path / "wide.csv").write_text(REPLICATES)
    return tmp_path


def found(name, folder):
    """What the engine says of where files lie."""
    return {"callable": {"folder": folder}, "replicates": {"base": folder}}.get(name, {})


def cases(table):
    return [
        pytest.param(name, parameters, id=f"{name}-{i}")
        for name, ways in table.items()
        for i, parameters in enumerate(ways)
    ]


def test_every_plugin_has_an_entry():
    assert set(MECHANISMS) == set(REGISTRY.names("mechanism"))
    assert set(STEPS) == set(REGISTRY.names("postprocessor"))
    assert not REGISTRY.broken


@pytest.mark.slow
@pytest.mark.parametrize("neighbours", ["add-remove", "replace"])
@pytest.mark.parametrize(("name", "parameters"), cases(MECHANISMS))
def test_mechanisms_conform(name, parameters, neighbours, folder):
    made = of("mechanism", name, **parameters, **found(name, folder), neighbours=neighbours)
    counts = TREE.totals(COUNTS) if made.measures == "hierarchy" else COUNTS
    check_mechanism(made, counts, draws=DRAWS.get(name, 4_000))


def noise_of(step, noise):
    return {"noise": noise} if "noise" in {f.name for f in attrs.fields(type(step))} else {}


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISES, ids=lambda noise: noise.family)
@pytest.mark.parametrize(("name", "parameters"), cases(STEPS))
def test_postprocessors_conform(name, parameters, noise):
    step = of("postprocessor", name, **parameters, noise=noise)
    counts = COUNTS + 1_000.0 if name in NEEDS_POSITIVE else COUNTS
    check_postprocessor(
        step, TREE.totals(counts) if step.hierarchical else counts, noise=noise, draws=4_000
    )


def release_for(step, *, seed=1):
    noisy = COUNTS + 200.0 + np.random.default_rng(seed).normal(0.0, 60.0, COUNTS.size)
    return TREE.totals(noisy) + np.arange(TREE.size) if step.hierarchical else noisy - 150.0


@pytest.mark.parametrize("name", PROJECTIONS)
def test_a_projection_applied_twice_is_applied_once(name):
    for parameters in STEPS[name]:
        step = of("postprocessor", name, **parameters, noise=Gaussian(60.0))
        release = release_for(step)
        release = np.abs(release) if name in NEEDS_POSITIVE else release
        once = step.process(release)
        assert np.abs(once - release).max() > 0.01 or name == "none"
        np.testing.assert_allclose(step.process(once), once, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("name", sorted(set(STEPS) - set(PROJECTIONS)))
def test_other_steps_are_no_projections(name):
    """The negative control; what is rounded to a base at random stays rounded."""
    step = of("postprocessor", name, **STEPS[name][0], noise=Gaussian(60.0))
    once = step.sample(release_for(step), np.random.default_rng(1))
    again = step.sample(once, np.random.default_rng(2))
    assert np.allclose(again, once, rtol=1e-9, atol=1e-9) == (name == "random-round")


TELLS_APART = (np.ndarray, dict, dpaudit.Domain, dpaudit.Hierarchy)


def is_blind(parameters):
    """Whether no parameter tells one entity from another."""
    return not any(isinstance(value, TELLS_APART) for value in parameters.values())


BLIND_STEPS = [(n, p) for n, ways in STEPS.items() for p in ways if is_blind(p)]
BLIND = [(n, p) for n, ways in MECHANISMS.items() for p in ways if is_blind(p)]


@pytest.mark.parametrize("order", [[1, 0, 2, 3, 4, 5], [5, 3, 1, 0, 2, 4]], ids=str)
@pytest.mark.parametrize(("name", "parameters"), BLIND_STEPS)
def test_steps_follow_the_order_of_the_entities(name, parameters, order):
    step = of("postprocessor", name, **parameters, noise=Gaussian(60.0))
    release = np.abs(release_for(step))
    made, moved = step.process(release), step.process(release[order])
    np.testing.assert_allclose(moved, made[order], rtol=1e-12, atol=1e-9)
    noise = Laplace(20.0)
    for known in (step.bias, step.variance):
        value, turned = known(COUNTS, noise), known(COUNTS[order], noise)
        assert (value is None) == (turned is None)
        if value is not None:
            value, turned = (getattr(each, "value", each) for each in (value, turned))
            np.testing.assert_allclose(turned, value[order], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("order", [[1, 0, 2, 3, 4, 5], [5, 3, 1, 0, 2, 4]], ids=str)
@pytest.mark.parametrize(("name", "parameters"), BLIND)
def test_moments_follow_the_order_of_the_entities(name, parameters, order, folder):
    made = of("mechanism", name, **parameters, **found(name, folder))
    for known in (made.bias, made.variance, made.positive, made.truth):
        value, turned = known(COUNTS), known(COUNTS[order])
        assert (value is None) == (turned is None)
        if value is not None:
            value, turned = (getattr(each, "value", each) for each in (value, turned))
            np.testing.assert_allclose(turned, value[order], rtol=1e-9, atol=1e-11)
