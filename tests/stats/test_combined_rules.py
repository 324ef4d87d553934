"""Formulas of combined rules, against all outcomes of independent events."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dpaudit.stats import combined_rules as rules

EVENTS = {"all": all, "any": any, "one": lambda happened: sum(happened) == 1}
CHANCE = {"all": rules.all_of, "any": rules.any_of, "one": rules.exactly_one_of}
BIAS = {"all": rules.all_of_bias, "any": rules.any_of_bias, "one": rules.exactly_one_of_bias}
chances = st.floats(0.0, 1.0)


@given(p=hnp.arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(1, 3)), elements=chances))
@pytest.mark.parametrize("kind", EVENTS)
def test_chances_against_enumeration(kind, p):
    wanted = np.zeros(p.shape[1])
    for happened in itertools.product([False, True], repeat=len(p)):
        each = np.where(np.array(happened)[:, None], p, 1 - p).prod(axis=0)
        wanted += EVENTS[kind](happened) * each
    np.testing.assert_allclose(CHANCE[kind](p), wanted, atol=1e-14)


@given(p1=chances, p2=chances, t1=st.booleans(), t2=st.booleans())
@pytest.mark.parametrize("kind", EVENTS)
def test_biases_are_chances_minus_truths(kind, p1, p2, t1, t2):
    wanted = CHANCE[kind](np.array([p1, p2])) - EVENTS[kind]((t1, t2))
    got = BIAS[kind](*(np.array(v) for v in (p1 - t1, p2 - t2, float(t1), float(t2))))
    np.testing.assert_allclose(got, wanted, atol=1e-15)


def test_small_chances_keep_their_digits():
    p = np.array([[1e-30], [2e-30]])
    np.testing.assert_allclose(rules.any_of(p), 3e-30, rtol=1e-14)
    np.testing.assert_allclose(rules.exactly_one_of(p), 3e-30, rtol=1e-14)
    assert (1.0 - np.prod(1.0 - p, axis=0) == 0).all()  # the negative control


def spread(kind, b1, b2, steps=5):
    """Return the largest difference of biases over truths and biases up to b1 and b2."""
    each = [[(t, share * b * (1 - 2 * t)) for t in (0.0, 1.0) for share in np.linspace(0, 1, steps)]
            for b in (b1, b2)]  # fmt: skip
    found = [
        float(BIAS[kind](np.array(x), np.array(y), np.array(s), np.array(t)))
        for (s, x), (t, y) in itertools.product(*each)
    ]
    return max(found) - min(found)


@pytest.mark.parametrize("kind", EVENTS)
@given(b1=chances, b2=chances)
def test_alpha_bounds_hold_and_are_reached(kind, b1, b2):
    bound = rules.exactly_one_alpha_bound if kind == "one" else rules.all_or_any_alpha_bound
    assert spread(kind, b1, b2) == pytest.approx(bound(b1, b2), abs=1e-12)


def test_the_bound_of_exactly_one_in_the_text():
    """METHODS-decisions 4.5 states it for b <= 1/2; beyond, that expression is too small."""
    for b1, b2 in ((0.1, 0.4), (0.5, 0.5), (0.0, 0.3)):
        text = 2 * (b1 + b2 - 2 * b1 * b2)
        assert rules.exactly_one_alpha_bound(b1, b2) == pytest.approx(text)
    assert spread("one", 0.9, 0.9) > 2 * (0.9 + 0.9 - 2 * 0.81) + 0.1


def test_alpha_of_both_is_not_at_least_that_of_either():
    """The counter-example of METHODS-decisions 4.5 (section 10, item 6): alpha for given data.

    Both entities fail the first rule for certain; the second tosses a coin for one of them and
    is safe for the other.
    """
    first, true1 = np.zeros(2), np.zeros(2)
    second, true2 = np.array([-0.5, 0.0]), np.array([1.0, 1.0])
    alpha = [np.ptp(first), np.ptp(second)]
    both = rules.all_of_bias(first, second, true1, true2)
    assert max(alpha) == 0.5
    assert np.ptp(both) == 0.0
    certain = rules.all_of_bias(first, second, np.ones(2), true2)
    assert np.ptp(certain) == 0.5  # the worst case over the first rule
    either = rules.any_of_bias(first, second, np.ones(2), true2)
    assert np.ptp(either) == 0.0
