"""Random rounding and the cell-key method."""

import itertools
import math

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dpaudit
from dpaudit_plugins.mechanisms import cell_key, random_rounding
from dpaudit_plugins.mechanisms.cell_key import CellKey
from dpaudit_plugins.mechanisms.random_rounding import RandomRounding

LIMIT = 6.5
COUNTS = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 1000.0])
RANDOM = {
    "base-2": RandomRounding(base=2),
    "base-3": RandomRounding(),
    "base-5": RandomRounding(base=5),
    "key": CellKey(max_noise=3, variance=1.5),
    "key-no-small": CellKey(max_noise=5, variance=3.0, smallest=2),
}
OTHER = {"base": 7, "variance": 1.6}
rng = np.random.default_rng


@pytest.mark.parametrize("module", [random_rounding, cell_key])
def test_each_module_offers_its_mechanism(module):
    (offered,) = module.dpaudit_mechanisms()
    assert offered.name == module.__name__.rpartition(".")[2].replace("_", "-")


@pytest.mark.parametrize("name", RANDOM)
def test_closed_forms_against_simulation(name, draws_of, disagreement):
    """False alarm below 1e-6 over all moments and counts; see ``LIMIT`` beside the draws."""
    made = RANDOM[name]
    assert np.all(made.bias(COUNTS) == 0)
    assert max(disagreement(made, COUNTS, draws_of(made, COUNTS)).values()) < LIMIT


@pytest.mark.parametrize(("name", "change"), [("base-5", {"base": 7}), ("key", {"variance": 1.7})])
def test_draws_of_another_release_disagree(name, change, draws_of, disagreement):
    """The control: draws of one release against the closed forms of another."""
    counts = np.array([1.0, 2.0, 3.0, 8.0])
    drawn = draws_of(RANDOM[name], counts)
    off = disagreement(attrs.evolve(RANDOM[name], **change), counts, drawn)
    assert off["variance"] > LIMIT


@given(st.integers(2, 12), st.lists(st.integers(0, 2**52), min_size=1, max_size=8))
def test_rounded_counts_are_the_multiples_next_to_them(base, counts):
    counts = np.array(counts, dtype=np.float64)
    released = RandomRounding(base=base).release(counts, rng(1))
    assert np.all(np.mod(released, base) == 0)
    assert np.all(np.abs(released - counts) < base)
    whole = counts[np.mod(counts, base) == 0]
    assert np.array_equal(RandomRounding(base=base).release(whole, rng(1)), whole)


def product_delta(one, other, epsilon):
    return sum(max(0.0, p - math.exp(epsilon) * other.get(y, 0.0)) for y, p in one.items())


def joint(*marginals):
    made = {}
    for outputs in itertools.product(*(m.items() for m in marginals)):
        key = tuple(y for y, _ in outputs)
        made[key] = made.get(key, 0.0) + math.prod(p for _, p in outputs)
    return made


def rounded(x, base):
    rest = x % base
    return {y: p for y, p in ((x - rest, 1 - rest / base), (x - rest + base, rest / base)) if p}


def perturbed(x, made):
    if x == 0:
        return {0: 1.0}
    masses = made.transitions(x)
    return {x + v: masses[v + made.max_noise] for v in range(-made.max_noise, made.max_noise + 1)
            if masses[v + made.max_noise] > 0}  # fmt: skip


@pytest.mark.parametrize("base", [2, 3, 5])
@pytest.mark.parametrize("epsilon", [0.0, 0.5, 5.0, 50.0])
def test_delta_of_rounding_is_tight_at_every_epsilon(base, epsilon):
    """The largest sum (p - e^epsilon q)^+ over neighbours, one and two counts changed."""
    counts = range(3 * base)
    one = max(
        product_delta(rounded(x + a, base), rounded(x + 1 - a, base), epsilon)
        for x in counts
        for a in (0, 1)
    )
    promised = RandomRounding(base=base).privacy()
    assert one == pytest.approx(promised.delta, rel=1e-12)
    assert promised.every_epsilon
    two = max(
        product_delta(
            joint(rounded(x + 1, base), rounded(y, base)),
            joint(rounded(x, base), rounded(y + 1, base)),
            epsilon,
        )
        for x in counts
        for y in counts
    )
    replaced = RandomRounding(base=base, neighbours="replace").privacy()
    assert two == pytest.approx(replaced.delta, rel=1e-12)
    assert replaced.delta == pytest.approx(1.0 - (1.0 - 1.0 / base) ** 2, rel=1e-12)


def test_rounding_of_degenerate_tables():
    made = RandomRounding(base=3)
    assert made.release(np.zeros(4), rng(1)).tolist() == [0.0] * 4
    big = np.array([2.0**53 - 3.0])
    assert abs(made.release(big, rng(1))[0] - big[0]) <= 3
    assert made.release(np.ones((2, 3)), rng(1)).shape == (2, 3)
    assert made.positive(np.array([0.0, 2.0, 3.0, 9.0])).tolist() == [0.0, 2 / 3, 1.0, 1.0]
    assert any("once and for all" in caveat for caveat in made.caveats())
    for base in (1, 0, 2**32):
        with pytest.raises(ValueError, match="base"):
            RandomRounding(base=base)


@pytest.mark.parametrize(
    ("max_noise", "variance", "smallest"),
    [(1, 1e-9, 0), (1, 1.0, 0), (2, 0.7, 0), (5, 2.5, 1), (8, 4.5, 2), (10, 8.0, 3), (3, 2.0, 1)],
)
def test_transitions_have_the_wanted_moments(max_noise, variance, smallest):
    made = CellKey(max_noise=max_noise, variance=variance, smallest=smallest)
    v = np.arange(-max_noise, max_noise + 1.0)
    for count in range(1, max_noise + smallest + 4):
        p = made.transitions(count)
        released = count + v[p > 0]
        assert p.sum() == pytest.approx(1.0, abs=1e-13)
        assert p @ v == pytest.approx(0.0, abs=1e-11)
        assert p @ v**2 == pytest.approx(variance, rel=1e-10)
        assert released.min() >= 0
        assert not np.any((released >= 1) & (released <= smallest))


def test_large_counts_share_one_distribution():
    made = RANDOM["key-no-small"]
    assert np.array_equal(made.transitions(8), made.transitions(10**9))
    assert not np.array_equal(made.transitions(7), made.transitions(8))
    assert made.transitions(0).tolist() == [0.0] * 5 + [1.0] + [0.0] * 5


def test_released_counts_stay_in_their_range(draws_of):
    drawn = draws_of(RANDOM["key-no-small"], COUNTS, 5_000)
    assert np.abs(drawn - COUNTS).max() <= 5
    assert not np.isin(drawn, [1.0, 2.0]).any()
    assert np.all(drawn[:, 0] == 0)


@pytest.mark.parametrize(
    ("parameters", "count"),
    [
        ({"max_noise": 1, "variance": 2.0}, 1),
        ({"max_noise": 2, "variance": 3.0}, 1),
        ({"max_noise": 2, "variance": 1.0, "smallest": 1}, None),
        ({"max_noise": 5, "variance": 0.5, "smallest": 2}, 1),
        ({"max_noise": 2, "variance": 1.0, "smallest": 5}, 1),
    ],
)
def test_an_impossible_variance_names_the_count(parameters, count):
    if count is None:
        CellKey(**parameters)
        return
    with pytest.raises(ValueError, match=rf"count {count} cannot be perturbed"):
        CellKey(**parameters)


@pytest.mark.parametrize("name", ["key", "key-no-small"])
@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0, 3.0, 40.0])
def test_delta_of_the_cell_key_method(name, epsilon):
    """What is promised holds at every epsilon, tightly at 0; the caveat says what 40 leaves.

    Without a gap above zero the pair 0 and 1 decides, and the same delta is tight everywhere.
    """
    made = RANDOM[name]
    worst = max(
        product_delta(perturbed(x + a, made), perturbed(x + 1 - a, made), epsilon)
        for x in range(14)
        for a in (0, 1)
    )
    promised, left = made.privacy().delta, float(made.caveats()[1].split()[3])
    assert left - 1e-6 < worst < promised + 1e-12
    if epsilon == 0.0 or name == "key":
        assert worst == pytest.approx(promised, rel=1e-9)
    if epsilon == 40.0:
        assert worst == pytest.approx(left, abs=1e-6)


@pytest.mark.parametrize("epsilon", [0.0, 0.3, 3.0, 40.0])
def test_delta_of_the_cell_key_method_where_somebody_is_replaced(epsilon):
    made = CellKey(max_noise=3, variance=1.5, neighbours="replace")
    worst = max(
        product_delta(
            joint(perturbed(x + 1, made), perturbed(y, made)),
            joint(perturbed(x, made), perturbed(y + 1, made)),
            epsilon,
        )
        for x in range(8)
        for y in range(8)
    )
    left = float(made.caveats()[1].split()[3])
    assert worst <= made.privacy().delta + 1e-12
    assert worst >= left - 1e-6
    if epsilon == 40.0:
        assert worst == pytest.approx(left, abs=1e-5)
    assert left < made.privacy().delta


def test_cell_keys_of_degenerate_tables():
    made = RANDOM["key"]
    assert made.release(np.zeros(3), rng(1)).tolist() == [0.0] * 3
    assert abs(made.release(np.array([2.0**53]), rng(1))[0] - 2.0**53) <= 4
    assert made.release(np.ones((2, 3)), rng(1)).shape == (2, 3)
    assert made.variance(np.array([0.0, 1.0])).tolist() == [0.0, 1.5]
    assert any("do not add up" in caveat for caveat in made.caveats())
    for bad in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="variance"):
            CellKey(max_noise=3, variance=bad)


def test_one_stream_gives_one_release():
    made = RANDOM["key"]
    one, same, other = (made.release(COUNTS, rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("variance", [1e-300, 1e-17])
def test_a_table_that_moves_nothing_promises_nothing(variance):
    made = CellKey(max_noise=3, variance=variance)
    assert made.privacy().delta == 1.0
    counts = np.array([0.0, 1.0, 5.0, 2.0**53])
    np.testing.assert_array_equal(made.release(counts, np.random.default_rng(1)), counts)


def test_a_count_beyond_exact_multiples_is_refused():
    made, top = RandomRounding(base=5), 2.0**53 - 5
    assert made.release(np.array([top]), rng(1))[0] >= top - 4
    with pytest.raises(dpaudit.UsageError, match="count 9007199254740988 is above 2"):
        made.release(np.array([top + 1]), rng(1))
