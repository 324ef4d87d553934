"""What a release promises, as the report says it."""

from __future__ import annotations

import decimal
import math

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpaudit.model.guarantee import Guarantee, rounded_up
from dpaudit.privacy.composition import from_rho
from dpaudit.report.amounts import odds
from dpaudit.report.assemble import build_report
from dpaudit.report.guarantees import ceiling, guarantees
from dpaudit.report.html import render_html
from dpaudit.report.prose import Prose
from dpaudit.report.wording import Context

PURE = Guarantee(neighbours="add-remove", epsilon=0.1)
EVERY = Guarantee(neighbours="replace", delta=0.25, every_epsilon=True)
NOTHING = Guarantee(neighbours="add-remove")


def promise(results, *promises, **parameters):
    """Return the results with these guarantees, one task after the other."""
    tasks = tuple(
        attrs.evolve(
            task,
            guarantee=promises[i % len(promises)],
            parameters=parameters or task.parameters,
            task=attrs.evolve(task.task, point={}) if parameters else task.task,
        )
        for i, task in enumerate(results.tasks)
    )
    return attrs.evolve(results, tasks=tasks)


def rows(results):
    said, table = guarantees(Context.of(results))
    return said.text, [c.label for c in table.columns], table.rows


def test_one_row_for_each_promise(results):
    _, columns, made = rows(promise(results, PURE, attrs.evolve(PURE, epsilon=1.0), PURE))
    assert columns[:2] == ["ε", "δ"]
    assert "ρ" not in columns
    assert [row[:2] for row in made] == [("0.1", "0"), ("1", "0")]


def test_rho_is_printed_with_its_epsilon(results):
    bare = Guarantee(neighbours="replace", rho=2.63)
    said, columns, made = rows(promise(results, bare, from_rho(2.63, "replace")))
    assert columns[:3] == ["ε", "δ", "ρ"]
    assert [row[:3] for row in made] == [("17.4306", "1e-10", "2.63")]
    assert made[0][-1] == Prose().decimal(50 * (1 + (1 - math.exp(-2.63)) ** 0.5), places=1)
    assert "ρ is the budget" in said


def test_a_pure_promise_keeps_its_own_epsilon_beside_rho(results):
    chosen = attrs.evolve(PURE, epsilon=2.0, rho=0.5)
    _, _, made = rows(promise(results, chosen))
    assert made[0][:3] == ("2", "0", "0.5")


def test_delta_at_every_epsilon_has_no_epsilon(results):
    said, _, made = rows(promise(results, EVERY, attrs.evolve(EVERY, epsilon=3.0)))
    assert [row[:2] for row in made] == [("not stated", "0.25")]
    assert made[0][-1] == "62.5"
    assert "published exactly with probability δ" in said


def test_a_large_budget_is_not_certainty(results):
    _, _, made = rows(promise(results, attrs.evolve(PURE, epsilon=10.0)))
    assert made[0][-1] == "99.995"


def test_a_mitigation_is_named_where_it_spends_another_budget(results):
    dearer = attrs.evolve(PURE, epsilon=0.4)
    first = promise(results, PURE).tasks[0]
    same, other = (
        attrs.evolve(first, task=attrs.evolve(first.task, mitigation="m"), guarantee=guarantee)
        for guarantee in (PURE, dearer)
    )
    _, _, made = rows(attrs.evolve(results, tasks=(same, other, first)))
    release = first.task.release
    assert [row[-3] for row in made] == [release, f"{release} with m"]


def test_nothing_is_promised(results):
    _, _, made = rows(promise(results, NOTHING))
    assert made[0][:2] == ("nothing is promised", "")
    assert made[0][-1] == "not bounded"
    hopeless = attrs.evolve(NOTHING, rho=math.inf)
    assert rows(promise(results, hopeless))[2] == made


@pytest.mark.parametrize(
    ("guarantee", "wanted"),
    [
        (EVERY, "δ\u00a0=\u00a00.25"),
        (from_rho(0.5, "replace"), "ρ\u00a0=\u00a00.5"),
        (from_rho(3 * 0.1, "replace"), "ρ\u00a0=\u00a00.3"),
        (attrs.evolve(EVERY, delta=0.46214332154314164), "δ\u00a0=\u00a00.462144"),
        (PURE, "ε\u00a0=\u00a00.1"),
        (NOTHING, "no stated budget"),
    ],
)
def test_where_a_release_stands_without_a_sweep(results, guarantee, wanted):
    made = promise(results, guarantee, scale=2.0)
    context = Context.of(made)
    assert context.words.point(context.cases.cases[0]) == wanted


def test_a_budget_in_epsilon_is_told_in_epsilon_though_rho_is_known(results):
    both = Guarantee(neighbours="replace", epsilon=1.0, delta=1e-6, rho=0.01)
    made = promise(results, both, epsilon=1.0)
    context = Context.of(made)
    assert context.words.point(context.cases.cases[0]) == "ε\u00a0=\u00a01"


def test_whole_reports_of_every_kind(results):
    made = promise(results, EVERY, from_rho(0.5, "replace"), NOTHING, scale=2.0)
    html = render_html(build_report(made))
    for wanted in ("nothing is promised", "not stated", "ρ"):
        assert wanted in html


def test_ceilings():
    assert ceiling(NOTHING) is None
    assert ceiling(EVERY) == pytest.approx(62.5)
    assert ceiling(PURE) == odds(0.1)
    # Pinsker: a variation of at most sqrt(rho / 2), far below what epsilon at 1e-10 gives.
    assert ceiling(Guarantee(neighbours="replace", rho=0.5)) == 75.0
    assert ceiling(Guarantee(neighbours="add-remove", epsilon=0.1, revealed=True)) is None


@given(st.just(0.0) | st.floats(min_value=1e-300, max_value=1e300))
def test_losses_are_never_rounded_down(value):
    text = rounded_up(value)
    # Exactly: the text is a decimal number, the value a binary one written out in full.
    assert decimal.Decimal(text) >= decimal.Decimal(repr(value))
    assert float(text) <= value * (1 + 1.1e-5)
    assert rounded_up(0.1) == "0.1"
    assert rounded_up(0.12345671) == "0.123457"
    assert rounded_up(0.12345611) == "0.123457"


def test_every_release_stands_in_the_row_of_its_promise(results):
    """Promises alternate between two rows; each row names the releases that make it."""
    told = promise(results, PURE, attrs.evolve(PURE, epsilon=1.0))
    _, columns, made = rows(told)
    named = {row[0]: row[columns.index("Releases")].split(", ") for row in made}
    for epsilon, letter in ((0.1, "0.1"), (1.0, "1")):
        own = [t.task.release for t in told.tasks if t.guarantee.epsilon == epsilon]
        assert named[letter] == list(dict.fromkeys(own))
