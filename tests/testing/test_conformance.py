"""The built-in plug-ins conform, and each kind of fault is found."""

import math

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.noise.gaussian import Gaussian as GaussianNoise
from dpaudit.noise.geometric import Geometric as GeometricNoise
from dpaudit.noise.laplace import Laplace as LaplaceNoise
from dpaudit.testing import (
    check_mechanism,
    check_postprocessor,
    mechanism_faults,
    postprocessor_faults,
)
from dpaudit_plugins.mechanisms.gaussian import Gaussian
from dpaudit_plugins.mechanisms.geometric import Geometric
from dpaudit_plugins.mechanisms.identity import Identity
from dpaudit_plugins.mechanisms.laplace import Laplace
from dpaudit_plugins.postprocessors.non_negative import NonNegative
from dpaudit_plugins.postprocessors.none import Unprocessed
from dpaudit_plugins.postprocessors.round import Round
from dpaudit_plugins.postprocessors.sum_preserving import SumPreserving

NOISES = [LaplaceNoise(5.0), GaussianNoise(5.0), GeometricNoise(0.3)]


@pytest.mark.parametrize("neighbours", ["add-remove", "replace"])
@pytest.mark.parametrize(
    "make",
    [
        Identity,
        lambda **kw: Laplace(epsilon=0.7, **kw),
        lambda **kw: Gaussian(epsilon=0.7, delta=1e-6, **kw),
        lambda **kw: Geometric(epsilon=0.7, **kw),
    ],
)
def test_built_in_mechanisms_conform(make, neighbours):
    check_mechanism(make(neighbours=neighbours), draws=5_000)


@pytest.mark.parametrize("noise", NOISES, ids=lambda noise: noise.family)
@pytest.mark.parametrize("step", [Unprocessed(), NonNegative(), Round(), SumPreserving(total=166)])
def test_built_in_postprocessors_conform(step, noise):
    check_postprocessor(step, noise=noise, draws=5_000)


@attrs.frozen(kw_only=True)
class Wrong(Laplace):
    """Laplace noise, but with a fault."""

    fault: str = ""

    def release(self, counts, rng):
        if self.fault == "raises":
            raise RuntimeError("no")
        if self.fault == "writes":
            counts += 1.0
        if self.fault == "shape":
            return counts[:-1]
        if self.fault == "nan":
            return np.full_like(counts, math.nan)
        if self.fault == "global":
            return counts + np.random.laplace(size=counts.size)  # noqa: NPY002
        scale = 1.3 if self.fault == "scale" else 0.5 if self.fault == "budget" else 1.0
        shift = 0.2 if self.fault == "bias" else 0.0
        return counts + shift + scale * self.noise().sample(rng, counts.shape)

    def privacy(self):
        other = "replace" if self.neighbours == "add-remove" else "add-remove"
        if self.fault == "neighbours":
            return dpaudit.Guarantee(neighbours=other, epsilon=self.epsilon)
        if self.fault == "promise":
            return "private"
        if self.fault == "delta":
            return dpaudit.Guarantee(neighbours=self.neighbours, epsilon=1.0, delta=2.0)
        return dpaudit.Guarantee(neighbours=self.neighbours, epsilon=self.epsilon)

    def variance(self, counts):
        return 3.0 * self.noise().variance if self.fault == "variance" else None

    def positive(self, counts):
        return np.full_like(counts, 0.5) if self.fault == "positive" else None


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ("raises", "release failed: RuntimeError: no"),
        ("writes", "read-only"),
        ("shape", "shape"),
        ("nan", "not finite"),
        ("global", "global random state"),
        ("scale", "does not follow the declared distribution"),
        ("bias", "declared bias disagrees"),
        ("variance", "declared variance disagrees"),
        ("positive", "chance of a positive release"),
        ("budget", "neighbouring counts differ by more"),
        ("neighbours", "the guarantee is for"),
        ("promise", "privacy() returns str"),
        ("delta", "is no guarantee"),
    ],
)
def test_a_faulty_mechanism_is_found(fault, what):
    """The negative controls: without the fault the same class conforms."""
    found = mechanism_faults(Wrong(epsilon=0.7, fault=fault), draws=20_000)
    assert any(what in str(each) for each in found), found
    assert all(each.hint for each in found)
    with pytest.raises(dpaudit.PluginError, match="mechanism 'laplace'"):
        check_mechanism(Wrong(epsilon=0.7, fault=fault), draws=20_000)
    assert not mechanism_faults(Wrong(epsilon=0.7), draws=20_000)


@attrs.frozen(kw_only=True)
class WrongStep(dpaudit.PostProcessor):
    """Clipping, but with a fault."""

    name = "wrong"
    fault: str = ""

    def process(self, release):
        if self.fault == "writes":
            release[0] = 0.0
        if self.fault == "shape":
            return release[:-1]
        if self.fault == "nan":
            return np.full_like(release, math.nan)
        if self.fault == "global":
            return release + np.random.normal(size=release.shape)  # noqa: NPY002
        return np.maximum(release - 0.1 * release.sum(), 0.0)

    def bias(self, counts, noise):
        return np.zeros_like(counts) if self.fault == "bias" else None


def flagged(**flags):
    return attrs.make_class("Flagged", {}, bases=(WrongStep,), class_body=flags, frozen=True)


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ("writes", "read-only"),
        ("shape", "shape"),
        ("nan", "not finite"),
        ("global", "global random state"),
        ("bias", "declared bias disagrees"),
    ],
)
def test_a_faulty_step_is_found(fault, what):
    found = postprocessor_faults(WrongStep(fault=fault), draws=2_000)
    assert any(what in str(each) for each in found), found
    with pytest.raises(dpaudit.PluginError, match="postprocessor 'wrong'"):
        check_postprocessor(WrongStep(fault=fault), draws=2_000)


@pytest.mark.parametrize(
    ("flag", "what"),
    [
        ({"vectorised": True}, "stacked draws"),
        ({"linear": True}, "declared linear"),
        ({"elementwise": True}, "changes the result of another"),
        ({"clips": True}, "not max(x, 0)"),
        ({"unbiased": True}, "moves its input"),
        ({"keeps": frozenset({"whole"})}, "do not stay whole"),
        ({"keeps": frozenset({"total"})}, "sum is not kept"),
        ({"sample": lambda self, release, rng: release + rng.random()}, "sample and process"),
    ],
)
def test_a_wrong_declaration_is_found(flag, what):
    found = postprocessor_faults(flagged(**flag)(), draws=2_000)
    assert any(what in str(each) for each in found), found
    assert not postprocessor_faults(WrongStep(), draws=2_000)


def test_a_negative_result_is_found():
    step = attrs.make_class(
        "Negative", {}, bases=(Unprocessed,), class_body={"nonnegative": True}, frozen=True
    )()
    assert any("negative" in str(each) for each in postprocessor_faults(step, draws=2_000))


TREE = dpaudit.Hierarchy.of(["state", "id"], [list("AABBB"), list("vwxyz")])
NODES = TREE.totals(np.array([0.0, 1.0, 3.0, 12.0, 150.0]))


@attrs.frozen(kw_only=True)
class Held(dpaudit.Mechanism):
    """Releases of others, or counts of which one in ten becomes the next, with a fault."""

    name = "held"
    fault: str = ""

    def release(self, counts, rng):
        if self.fault == "invented":
            return counts + 5.0
        if self.fault in {"", "one replicate"}:
            return self.replicates()[rng.integers(len(self.replicates()))]
        return counts + (rng.random(counts.shape) < 0.1)

    def privacy(self):
        delta = {"delta": 0.02, "right delta": 0.2}.get(self.fault, 1.0)
        return dpaudit.Guarantee(neighbours=self.neighbours, delta=delta, every_epsilon=True)

    def replicates(self):
        rows = np.stack([np.zeros(5), np.ones(5)])
        return {"": rows, "invented": rows, "one replicate": rows[:1]}.get(self.fault)


@pytest.mark.parametrize(
    ("fault", "what"),
    [("invented", "none of the replicates"), ("one replicate", "replicates have shape (1, 5)")],
)
def test_wrong_replicates_are_found(fault, what):
    assert not mechanism_faults(Held(), draws=200)
    found = mechanism_faults(Held(fault=fault), draws=200)
    assert any(what in str(each) for each in found), found


def test_a_delta_at_every_epsilon_is_put_to_the_test():
    """A count moves with probability 1/10: the total variation of neighbours is 9/10."""
    counts = np.full(5, 3.0)
    found = mechanism_faults(Held(fault="delta"), counts, draws=2_000)
    assert any("neighbouring counts differ by more" in str(each) for each in found), found
    assert not mechanism_faults(Held(fault="certain"), counts, draws=2_000)


def test_one_person_changes_every_level_of_a_tree():
    """The control spends on the root alone what the levels share."""
    shares = {"total": 0.2, "state": 0.3, "id": 0.5}
    right = Laplace(epsilon=1.0, levels=shares, hierarchy=TREE)
    assert not mechanism_faults(right, NODES, draws=5_000)

    class Spent(Laplace):
        def privacy(self):
            return dpaudit.Guarantee(neighbours=self.neighbours, epsilon=0.2)

    found = mechanism_faults(Spent(epsilon=1.0, levels=shares, hierarchy=TREE), NODES, draws=20_000)
    assert any("neighbouring counts differ by more" in str(each) for each in found), found


def test_what_no_draw_shows_is_no_fault():
    """An entity that is chosen once in 1e16 releases is never seen; one in ten is."""
    chosen = registry_mechanism("exponential", epsilon=0.5)
    assert not mechanism_faults(chosen, draws=2_000)

    class Sure(type(chosen)):
        def bias(self, counts):
            return np.full_like(counts, 0.1)

    found = mechanism_faults(Sure(epsilon=0.5), draws=2_000)
    assert any("declared bias disagrees" in str(each) for each in found), found


def registry_mechanism(name, **parameters):
    return dpaudit.Registry.discover().create("mechanism", name, **parameters)


def test_a_step_that_moves_values_further_than_it_says_is_found():
    @attrs.frozen(kw_only=True)
    class Close(WrongStep):
        most: float

        def process(self, release):
            return np.rint(release)

        def moves_at_most(self):
            return self.most

    def told(most):
        return [str(each) for each in postprocessor_faults(Close(most=most), draws=200)]

    assert any("moves_at_most" in each for each in told(0.3))
    assert not any("moves_at_most" in each for each in told(0.5))


def test_a_wrong_sum_and_sums_that_disagree_are_found():
    @attrs.frozen(kw_only=True)
    class Promised(WrongStep):
        def public_sum(self):
            return 1.0

    assert any("public_sum" in str(each) for each in postprocessor_faults(Promised(), draws=200))

    @attrs.frozen(kw_only=True)
    class Apart(WrongStep):
        hierarchical = True
        keeps = frozenset({"additive"})
        hierarchy: dpaudit.GivenHierarchy = TREE

    found = postprocessor_faults(Apart(), NODES, draws=200)
    assert any("disagree with their parts" in str(each) for each in found), found
