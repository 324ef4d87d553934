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
