"""What the engine makes of trees, selections, replicates, random steps and vanished entries."""

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.config import load
from dpaudit.engine.cache import Cache
from dpaudit.engine.chunks import Chunk
from dpaudit.model.dataset import Dataset
from dpaudit.model.domain import Domain
from dpaudit.model.hierarchy import Hierarchy
from dpaudit.noise.laplace import Laplace as LaplaceNoise
from dpaudit.registry import Registry

CSV = "id,state,persons\n" + "".join(
    f"{i},{'AB'[i % 2]},{count}\n" for i, count in enumerate([0, 2, 5, 30, 200, 0, 7, 11])
)
COUNTS = np.array([0.0, 2, 5, 30, 200, 0, 7, 11])

AUDIT = """
title = "Releases"
[data]
file = "data.csv"
status = "public"
entity = "id"
count = "persons"
groups = ["state"]
[run]
draws = {draws}
{rest}
"""


@attrs.frozen(kw_only=True)
class OnNodes(dpaudit.Mechanism):
    """Laplace noise at every node."""

    name = "on-nodes"
    hierarchy: dpaudit.GivenHierarchy = None

    @property
    def measures(self):
        return "hierarchy"

    def release(self, counts, rng):
        return counts + self.noise().sample(rng, counts.shape)

    def privacy(self):
        return dpaudit.Guarantee(neighbours=self.neighbours, epsilon=1.0)

    def noise(self):
        return LaplaceNoise(self.hierarchy.spread([1.0, 2.0, 5.0]))


@attrs.frozen(kw_only=True)
class FromParents(dpaudit.PostProcessor):
    """Children get their parent's value in equal parts."""

    name = "from-parents"
    vectorised = True
    hierarchical = True
    hierarchy: dpaudit.GivenHierarchy = None

    def process(self, release):
        tree = self.hierarchy
        states = release[..., tree.part(1)]
        size = tree.up(2, np.ones(tree.sizes[2]))
        entities = tree.down(2, states / size)
        return np.concatenate([release[..., :1], states, entities], axis=-1)


@attrs.frozen(kw_only=True)
class Draws(dpaudit.Mechanism):
    """Three releases that were made elsewhere."""

    name = "three"

    def release(self, counts, rng):
        return self.replicates()[int(rng.integers(3))]

    def privacy(self):
        return dpaudit.Guarantee(neighbours=self.neighbours)

    def replicates(self):
        return COUNTS + np.array([[-1.0], [0.0], [4.0]])

    def caveats(self):
        return ("three releases are few",)


@attrs.frozen(kw_only=True)
class Largest(dpaudit.Mechanism):
    """Chooses the largest count with probability 3/4, else the first."""

    name = "largest"
    gives = "selection"
    independent = False

    def release(self, counts, rng):
        chosen = np.zeros_like(counts)
        chosen[int(np.argmax(counts)) if rng.random() < 0.75 else 0] = 1.0
        return chosen

    def privacy(self):
        return dpaudit.Guarantee(neighbours=self.neighbours)

    def truth(self, counts):
        return (counts == counts.max()).astype(float)

    def bias(self, counts):
        bias = np.zeros_like(counts)
        bias[int(np.argmax(counts))] -= 0.25
        bias[0] += 0.25
        return bias


@attrs.frozen(kw_only=True)
class CoinFlip(dpaudit.PostProcessor):
    """Moves every value up or down by one, by a fair coin."""

    name = "coin-flip"
    vectorised = True
    elementwise = True
    unbiased = True
    randomised = True

    def process(self, release):
        return release

    def sample(self, release, rng):
        return release + rng.choice([-1.0, 1.0], size=release.shape)


@pytest.fixture
def audit(tmp_path, monkeypatch):
    """Run an audit text with the plug-ins above; the data get a tree and a table."""
    (tmp_path / "data.csv").write_text(CSV)

    def run(rest, *, draws=1024, **kwargs):
        path = tmp_path / "audit.toml"
        path.write_text(AUDIT.format(rest=rest, draws=draws))
        registry = Registry.discover()
        registry.add(OnNodes, FromParents, Draws, Largest, CoinFlip)
        from dpaudit import data as reading

        real = reading.read

        def read(*args):
            found: Dataset = real(*args)
            tree = Hierarchy.of(("state", "id"), (found.groups["state"], found.entities))
            domain = Domain(names=("id",), values=(found.entities,))
            return attrs.evolve(found, hierarchy=tree, domain=domain)

        monkeypatch.setattr(reading, "read", read)
        spec = load(path, registry=registry)
        return dpaudit.run(spec, registry=registry, **kwargs)

    return run


def value(results, quantity, over="entity", task=0):
    name = results.tasks[task].task.id
    (found,) = results.select(task=name, quantity=quantity, over=over, per="total")
    return found


def release(use, *steps, extra=""):
    listed = ", ".join(f'{{ use = "{step}" }}' for step in steps)
    return (
        f'[[release]]\nmechanism = {{ use = "{use}"{extra} }}\nneighbours = "add-remove"\n'
        f"postprocess = [{listed}]\n"
    )


def test_a_tree_is_measured_whole_and_decided_from_its_entities(audit):
    results = audit(release("on-nodes"))
    assert value(results, "bias").estimate.method == "exact"
    np.testing.assert_allclose(value(results, "variance").estimate.value, 50.0)
    assert value(results, "variance", "state").estimate.method == "exact"
    assert all(dict(n.values)["max_z"] <= dict(n.values)["limit"]
               for n in results.notes if n.kind == "check")  # fmt: skip


def test_a_step_on_the_tree_moves_counts_between_siblings(audit):
    results = audit(release("on-nodes", "from-parents"))
    states = np.array([COUNTS[i % 2 :: 2].mean() for i in range(8)])
    found = value(results, "bias").estimate
    assert np.all((found.low <= states - COUNTS) & (states - COUNTS <= found.high))
    group = value(results, "bias", "state").estimate
    assert np.all((group.low <= 0) & (group.high >= 0))


def test_a_step_on_the_tree_needs_a_tree(audit):
    laplace = ", epsilon = 1.0"
    with pytest.raises(dpaudit.SpecError, match="needs counts of every level"):
        audit(release("laplace", "from-parents", extra=laplace))
    with pytest.raises(dpaudit.SpecError, match="needs counts of every level"):
        audit(release("on-nodes", "sum-preserving", "from-parents"))
    decided = '[[decision]]\nuse = "counts"\noutput = [{ use = "from-parents" }]\n'
    with pytest.raises(dpaudit.SpecError, match="decision 'counts': 'from-parents' needs counts"):
        audit(release("on-nodes") + decided)
    clipped = audit(release("on-nodes", "non-negative", "from-parents", "sum-preserving"))
    total = value(clipped, "bias", "total").estimate
    assert total.high - total.low < 1e-9  # the entities alone keep the public total


def test_replicates_are_measured_and_never_simulated(audit):
    results = audit(release("three"))
    found = value(results, "bias").estimate
    np.testing.assert_allclose(found.value, 1.0)
    assert found.draws == 3
    assert found.method == "simulated"
    np.testing.assert_allclose(value(results, "expected-shortfall").estimate.value, 1.0 / 3.0)
    assert [n.message for n in results.notes if n.kind == "caveat"] == ["three releases are few"]


def test_a_tree_and_its_entities_alone_may_be_released_side_by_side(audit):
    """Noise of one family for 25 nodes and for 16 entities: neither takes the other's variates."""
    flat = release("laplace", "non-negative", extra=", epsilon = 0.2")
    both = audit(
        flat.replace("mechanism", 'name = "flat"\nmechanism')
        + release("on-nodes").replace("mechanism", 'name = "tree"\nmechanism')
    )
    alone = audit(flat)
    np.testing.assert_array_equal(
        value(both, "expected-shortfall").estimate.value,
        value(alone, "expected-shortfall").estimate.value,
    )


def test_random_steps_draw_on_replicates_too(audit):
    """Three releases that are below, at and above the truth: the coin moves each of them."""
    plain, flipped = audit(release("three")), audit(release("three", "coin-flip"))
    before, after = (value(e, "expected-shortfall").estimate.value for e in (plain, flipped))
    np.testing.assert_allclose(before, 1.0 / 3.0)
    np.testing.assert_allclose(3.0 * after, np.rint(3.0 * after), atol=1e-9)
    assert (after != before).any()


def test_a_step_on_entities_sees_the_noise_of_entities(audit):
    """A projection of the entities alone, with Laplace(5) at each: the same as without a tree."""
    tree = audit(release("on-nodes", "simplex"))
    flat = audit(release("laplace", "simplex", extra=", epsilon = 0.2"))
    got, want = (value(each, "bias").estimate for each in (tree, flat))
    assert got.method == want.method == "quadrature"
    np.testing.assert_allclose(got.value, want.value, rtol=1e-9)
    shrunken = audit(release("on-nodes", "shrinkage"))
    assert value(shrunken, "bias").estimate.value.shape == COUNTS.shape


def test_a_selection_is_compared_with_the_right_choice(audit):
    results = audit(release("largest") + '[[decision]]\nuse = "selection"\n')
    np.testing.assert_array_equal(results.tasks[0].truth, COUNTS == 200)
    found = value(results, "bias").estimate
    assert found.method == "exact"
    np.testing.assert_array_equal(found.value, [0.25, 0, 0, 0, -0.25, 0, 0, 0])
    (check,) = [n for n in results.notes if n.kind == "check" and n.message == "bias"]
    assert dict(check.values)["max_z"] <= dict(check.values)["limit"]


def test_a_selection_is_decided_by_nothing_else(audit):
    with pytest.raises(dpaudit.SpecError, match="gives selection") as error:
        audit(release("largest"))
    assert error.value.hint == 'add [[decision]] with use = "selection"'
    both = '[[decision]]\nuse = "selection"\n[[decision]]\nuse = "counts"\n'
    mixed = audit(release("largest") + release("laplace", extra=", epsilon = 1.0") + both)
    assert [t.task.id for t in mixed.tasks] == ["largest / selection", "laplace / counts"]


def test_a_random_step_draws_its_own_numbers_and_keeps_the_bias(audit):
    plain = audit(release("laplace", "non-negative", extra=", epsilon = 0.2"))
    flipped = audit(release("laplace", "non-negative", "coin-flip", extra=", epsilon = 0.2"))
    assert value(flipped, "bias").estimate.method == "exact"
    np.testing.assert_array_equal(
        value(flipped, "bias").estimate.value, value(plain, "bias").estimate.value
    )
    more = value(flipped, "variance").estimate, value(plain, "variance").estimate
    assert more[0].method == "simulated"
    assert np.all((more[0].low <= more[1].value + 1.0) & (more[1].value + 1.0 <= more[0].high))


def test_random_steps_repeat_for_any_number_of_workers_and_from_the_cache(audit, tmp_path):
    text = release("laplace", "coin-flip", extra=", epsilon = 0.2")
    text += '[[audit]]\nuse = "variance"\n[[audit]]\nuse = "representation"\n'
    once, twice = audit(text), audit(text, workers=2, cache=tmp_path / "cache")
    again = audit(text, cache=tmp_path / "cache")
    for other in (twice, again):
        for a, b in zip(once.measurements, other.measurements, strict=True):
            np.testing.assert_array_equal(a.estimate.value, b.estimate.value)


REPRESENTATION = '[[audit]]\nuse = "representation"\n'


def test_vanished_and_invented_entries_are_exact_for_clipped_noise(audit):
    results = audit(release("laplace", "non-negative", extra=", epsilon = 0.2") + REPRESENTATION)
    gone = 0.5 * np.exp(-COUNTS / 5.0)
    erased, invented = (value(results, name).estimate for name in ("erased", "invented"))
    np.testing.assert_allclose(erased.value, np.where(COUNTS > 0, gone, 0.0), atol=1e-15)
    np.testing.assert_allclose(invented.value, np.where(COUNTS > 0, 0.0, 0.5), rtol=1e-14)
    assert value(results, "share", "state").estimate.method == "quadrature"
    assert abs(float(value(results, "share", "total").estimate.value)) < 1e-12


def test_shares_of_a_public_sum_are_the_bias_over_it(audit):
    kept = audit(release("laplace", "sum-preserving", extra=", epsilon = 0.2") + REPRESENTATION)
    assert not kept.select(quantity="share")  # negative counts: such a share has no expectation
    text = release("laplace", "simplex", extra=", epsilon = 0.2") + REPRESENTATION
    results = audit(text + '[[audit]]\nuse = "bias"\n')
    share, bias = (value(results, name).estimate for name in ("share", "bias"))
    inside = np.abs(share.value - bias.value / COUNTS.sum())
    assert np.all(inside <= share.high - share.low + (bias.high - bias.low) / COUNTS.sum())


def test_simulated_vanishing_agrees_with_the_formula(audit):
    text = release("laplace", "non-negative", "coin-flip", extra=", epsilon = 0.2")
    results = audit(text + REPRESENTATION, draws=4096)
    erased = value(results, "erased").estimate
    assert erased.method == "simulated"
    at_most_one = 0.5 * np.exp(-(COUNTS - 1.0) / 5.0)  # counts are 0, or 2 and more
    expected = np.where(COUNTS > 0, 0.5 * at_most_one, 0.0)  # and the coin falls down
    assert np.all((erased.low <= expected) & (expected <= erased.high))


def test_the_cache_keeps_what_audits_asked_for(audit, tmp_path):
    text = release("laplace", "coin-flip", extra=", epsilon = 0.2") + REPRESENTATION
    audit(text, cache=tmp_path / "cache")
    files = list((tmp_path / "cache").rglob("*.npz"))
    assert files
    key, first, count = files[0].stem.split("-")
    even, odd = Cache(tmp_path / "cache").read(key, Chunk(int(first), int(count)))
    assert {frozenset(node.part.extra) for node in (*even, *odd)} == {
        frozenset({"erased", "invented"})
    }


def test_a_variance_that_is_declared_is_held_to_what_can_be_computed_with(audit):
    with pytest.raises(dpaudit.SpecError, match="cannot be computed with"):
        audit(release("threshold-laplace", extra=", threshold = 9, epsilon = 1e-300"))


def test_only_a_whole_total_is_held_to_be_kept_by_later_steps(audit):
    """Largest remainders of counts that sum to 100.5 sum to 100 or 101."""
    steps = "proportional-scaling", "largest-remainder"
    text = release("laplace", *steps, extra=", epsilon = 0.2")
    total = value(audit(text), "bias", "total").estimate
    assert total.high - total.low < 1e-9
    text = text.replace('"proportional-scaling"', '"proportional-scaling", total = 100.5')
    total = value(audit(text), "bias", "total").estimate
    assert total.low <= 100.5 - COUNTS.sum() + 0.5
    assert total.method == "simulated"
