"""Rules made of rules: independent ones in closed form, others not at all."""

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.inputs import DecisionName
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.testing.faults import share_differs
from dpaudit_plugins.decisions import all_of, any_of, exactly_one_of
from dpaudit_plugins.decisions.all_of import AllOf
from dpaudit_plugins.decisions.any_of import AnyOf
from dpaudit_plugins.decisions.exactly_one_of import ExactlyOneOf
from dpaudit_plugins.decisions.ratio_threshold import RatioThreshold

NAMES = ("a", "b", "c", "d", "e")
ROWS = np.array([[5.0, 10.0, 7.0, 3.0, 9.0], [9.0, 4.0, 2.0, 8.0, 9.0], [0.0, 0.0, 6.0, 2.0, 10.0]])
WANTED = {AllOf: all, AnyOf: any, ExactlyOneOf: lambda outcomes: sum(outcomes) == 1}
KINDS = tuple(WANTED)


@attrs.frozen(kw_only=True, eq=False)
class OneCount(dpaudit.Decision):
    """A threshold of one count of the row, as an engine hands it over."""

    name = "one-count"
    rows = True
    vectorised = True

    column: int
    at: float
    says: float = 1.0

    @property
    def reads(self):
        return (self.column,)

    def decide(self, counts):
        return np.where(counts[..., self.column] >= self.at, self.says, 0.0)

    def probability(self, counts, noise, *, clipped):
        n, k = counts.shape
        own = noise.at(np.arange(self.column, n * k, k))
        return own.cdf(counts[:, self.column] - self.at) if self.at > 0 else None


@attrs.frozen(kw_only=True, eq=False)
class Anything(OneCount):
    """A rule that does not say what it reads."""

    @property
    def reads(self):
        return None


def ratio(numerator, denominator, value=0.5):
    return RatioThreshold(numerator=numerator, denominator=denominator, ratio=value, counts=NAMES)


DISJOINT = (ratio("a", "b"), ratio("c", "d", 1.5), OneCount(column=4, at=9.5))
SHARED = (ratio("a", "b"), ratio("a", "d"))


def test_each_module_offers_its_decision():
    for module, kind in zip((all_of, any_of, exactly_one_of), KINDS, strict=True):
        assert tuple(module.dpaudit_decisions()) == (kind,)
        assert kind.rows
        assert kind.name == module.__name__.rsplit(".", 1)[-1].replace("_", "-")


@pytest.mark.parametrize(("kind", "wanted"), tuple(WANTED.items()))
def test_outcomes(kind, wanted):
    noisy = np.random.default_rng(1).normal(6, 4, (50, 3, 5))
    outcomes = np.stack([rule.decide(noisy) for rule in DISJOINT])
    decided = kind(of=DISJOINT).decide(noisy)
    for at in np.ndindex(50, 3):
        assert decided[at] == wanted(outcomes[(slice(None), *at)])
    assert set(np.unique(decided)) == {0.0, 1.0}


@pytest.mark.parametrize("clipped", [False, True])
@pytest.mark.parametrize("noise", [Laplace(2.0), Gaussian(2.0), Geometric(0.5)])
@pytest.mark.parametrize("kind", KINDS)
def test_independent_rules_agree_with_simulation(kind, noise, clipped):
    """Exact binomial bounds; false alarm below 1e-6 for each of 18 cases."""
    rule, rng, draws = kind(of=DISJOINT), np.random.default_rng(8), 50_000
    noisy = ROWS + noise.sample(rng, (draws, ROWS.size)).reshape(draws, *ROWS.shape)
    noisy = np.maximum(noisy, 0.0) if clipped else noisy
    hits = rule.decide(noisy).sum(axis=0)
    if noise.lattice:  # the stand-in's own chance is for noise with a density
        rule = attrs.evolve(rule, of=DISJOINT[:2])
        hits = rule.decide(noisy).sum(axis=0)
    known = rule.probability(ROWS, noise, clipped=clipped)
    chance = getattr(known, "value", known)
    assert not share_differs(chance, hits, draws)
    assert share_differs(chance * 0.9, hits, draws), "the control is not noticed"
    if isinstance(known, dpaudit.Estimate):
        assert (known.high - known.value < 1e-11).all()


def test_rules_of_rules():
    inner = AnyOf(of=DISJOINT[:2])
    outer = AllOf(of=(inner, DISJOINT[2]))
    assert (inner.reads, outer.reads) == ((0, 1, 2, 3), (0, 1, 2, 3, 4))
    chances = [rule.probability(ROWS, Laplace(2.0), clipped=False) for rule in DISJOINT]
    wanted = (1 - (1 - chances[0]) * (1 - chances[1])) * chances[2]
    got = outer.probability(ROWS, Laplace(2.0), clipped=False)
    np.testing.assert_allclose(got, wanted, rtol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_rules_that_share_a_count_have_no_closed_form(kind):
    """The product would be wrong, and simulation says by how much: the negative control."""
    assert kind(of=SHARED).probability(ROWS, Laplace(2.0), clipped=False) is None
    loose = Anything(column=4, at=9.5)
    assert kind(of=(DISJOINT[0], loose)).reads is None
    assert kind(of=(DISJOINT[0], loose)).probability(ROWS, Laplace(2.0), clipped=False) is None
    unknown = OneCount(column=4, at=-1.0)
    assert kind(of=(DISJOINT[0], unknown)).probability(ROWS, Laplace(2.0), clipped=False) is None
    noisy = ROWS + np.random.default_rng(9).laplace(0, 2.0, (50_000, *ROWS.shape))
    hits = kind(of=SHARED).decide(noisy).sum(axis=0)
    one, two = (rule.probability(ROWS, Laplace(2.0), clipped=False) for rule in SHARED)
    product = {AllOf: one * two, AnyOf: one + two - one * two}.get(kind, one + two - 2 * one * two)
    assert share_differs(product, hits, 50_000)


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_rules(kind):
    with pytest.raises(ValueError, match="of is 'poor': name two"):
        kind(of=(DecisionName("poor"),))
    with pytest.raises(ValueError, match="of is nothing"):
        kind(of=())
    half = OneCount(column=0, at=1.0, says=0.5)
    with pytest.raises(dpaudit.DataError, match=r"'one-count' gives 0\.5, not 0 or 1"):
        kind(of=(half, DISJOINT[0])).decide(ROWS)
    names = kind(of=(DecisionName("young"), DecisionName("poor")))
    with pytest.raises(dpaudit.UsageError, match="'young' is not filled in"):
        names.decide(ROWS)
