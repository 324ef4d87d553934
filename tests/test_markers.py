from __future__ import annotations

import math
import pickle
from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest

import dpaudit
from dpaudit.inputs import ColumnName

if TYPE_CHECKING:
    from decimal import Decimal


@dpaudit.decision(unit="dollars")
def per_head(counts, *, amount: float = 2.0, weight: dpaudit.Column | float = 1.0):
    """Pay for every person."""
    return amount * weight * counts


@dpaudit.mechanism(
    "noisy", privacy=lambda epsilon, **_: dpaudit.Guarantee(neighbours="replace", epsilon=epsilon)
)
def noisy(counts, rng, *, epsilon: float, neighbours):
    return counts + rng.laplace(size=counts.shape) / epsilon * (1 + (neighbours == "replace"))


@dpaudit.mechanism()
def silent(counts, rng):
    return counts + rng.normal(size=counts.shape)


@dpaudit.postprocessor()
def round_to(release, *, base: int = 1, way: Literal["near", "down"] = "near"):
    return base * (np.round if way == "near" else np.floor)(release / base)


@dpaudit.audit()
def worst(subject, rng, *, top: int = 1):
    yield from [(subject, rng, top)]


@dpaudit.attack()
def guess(target, rng):
    return [target, rng]


@dpaudit.learner()
def mean_of(data, rng, *, epsilon: float = 1.0):
    return data, rng, epsilon


@dpaudit.mitigation()
def same(subject):
    return subject


def test_the_function_is_unchanged_and_the_class_has_its_words():
    assert per_head(np.ones(2)).tolist() == [2.0, 2.0]
    cls = per_head.__dpaudit__
    assert (cls.kind, cls.name, cls.unit) == ("decision", "per-head", "dollars")
    assert cls.__doc__ == "Pay for every person."
    assert (cls.__module__, cls.__qualname__) == (__name__, "per_head")


def test_keyword_only_arguments_become_parameters():
    made = per_head.__dpaudit__(amount=3.0, weight=np.array([1.0, 2.0]))
    assert made.decide(np.array([10.0, 10.0])).tolist() == [30.0, 60.0]
    assert made == per_head.__dpaudit__(amount=3.0, weight=np.array([1.0, 2.0]))
    assert made != per_head.__dpaudit__(amount=3.0, weight=ColumnName("weight"))


def test_every_kind_does_its_verb():
    assert round_to.__dpaudit__(base=10, way="down").process(np.array([19.0])).tolist() == [10.0]
    assert worst.__dpaudit__(top=3).measure("s", "r") == (("s", "r", 3),)
    assert guess.__dpaudit__().score(1.0, 2.0).tolist() == [1.0, 2.0]
    assert mean_of.__dpaudit__().fit("d", "r") == ("d", "r", 1.0)
    assert same.__dpaudit__().apply("s") == "s"


def test_a_mechanism_promises_what_its_author_states():
    made = noisy.__dpaudit__(epsilon=0.5, neighbours="replace")
    assert made.privacy() == dpaudit.Guarantee(neighbours="replace", epsilon=0.5)
    assert made.release(np.zeros(3), np.random.default_rng(0)).shape == (3,)


def test_a_mechanism_without_a_statement_promises_nothing():
    promise = silent.__dpaudit__(neighbours="replace").privacy()
    assert promise.epsilon == math.inf
    assert promise.uncovered == ()


@pytest.mark.parametrize(
    ("privacy", "is_fixed"),
    [
        (None, False),
        (dpaudit.Guarantee(neighbours="replace", epsilon=1.0), True),
        (lambda neighbours: dpaudit.Guarantee(neighbours=neighbours, epsilon=1.0), True),
        (lambda **known: dpaudit.Guarantee(epsilon=1.0, neighbours=known["neighbours"]), False),
        (
            lambda neighbours, cells_per_person: dpaudit.Guarantee(
                neighbours=neighbours, epsilon=cells_per_person
            ),
            False,
        ),
    ],
)
def test_people_in_several_counts_need_a_statement_about_them(privacy, is_fixed):
    @dpaudit.mechanism(privacy=privacy)
    def plain(counts, rng):
        return counts

    if not is_fixed:
        assert plain.__dpaudit__(cells_per_person=3).cells_per_person == 3
        return
    assert plain.__dpaudit__(cells_per_person=1).privacy().epsilon == 1.0
    with pytest.raises(ValueError, match="cells_per_person 3: what 'plain' promises does not"):
        plain.__dpaudit__(cells_per_person=3)


def test_a_plug_in_cannot_write_to_the_counts():
    @dpaudit.decision()
    def meddle(counts):
        counts[0] = 0.0
        return counts

    counts = np.ones(2)
    with pytest.raises(ValueError, match="read-only"):
        meddle.__dpaudit__().decide(counts)
    counts[0] = 5.0  # the caller's own array stays writable


def test_plug_ins_of_marked_functions_can_be_pickled():
    made = per_head.__dpaudit__(amount=7.0)
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301


def too_few(counts):
    return counts


def positional(counts, rng, epsilon):
    return counts + rng + epsilon


def reserved(counts, rng, *, use):
    return counts + rng + use


def unresolved(counts, rng, *, epsilon: Decimal):
    return counts + rng + epsilon


@pytest.mark.parametrize(
    ("function", "message", "hint"),
    [
        (too_few, r"takes \(counts, rng\) first", r"def too_few\(counts, rng, \*"),
        (positional, "'epsilon' must be keyword-only", r"put a \* after 'rng'"),
        (reserved, "'use' is a key of the audit file", "something else"),
        (unresolved, "the type of 'epsilon' cannot be found", "at the top of the module"),
    ],
)
def test_functions_of_another_shape_are_refused(function, message, hint):
    with pytest.raises(dpaudit.PluginError, match=message) as caught:
        dpaudit.mechanism()(function)
    assert caught.match(hint)


@pytest.mark.parametrize("name", ["Two Words", "a--b", "", "-a", "é"])
def test_names_are_small_letters_with_hyphens(name):
    with pytest.raises(dpaudit.PluginError, match="is no name"):
        dpaudit.decision(name=name)(lambda counts: counts)


def test_a_decorator_without_brackets_says_so():
    with pytest.raises(dpaudit.PluginError, match="called with the function") as caught:
        dpaudit.decision(too_few)
    assert caught.match("with brackets")
