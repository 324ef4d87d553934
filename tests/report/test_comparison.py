"""Tables that put groups, releases and levels side by side print what was measured."""

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.model.hierarchy import Hierarchy
from dpaudit.model.measurement import Measurement, Note
from dpaudit.model.report import Curves, Mark, Section, Series
from dpaudit.report.assemble import build_report
from dpaudit.report.cases import Case
from dpaudit.report.comparison import bounds, by_level, by_release, shortfalls, totals
from dpaudit.report.drawing import spread
from dpaudit.report.lines import drawn, figure
from dpaudit.report.prose import Prose
from dpaudit.report.recommend import recommendations
from dpaudit.report.representation import by_share, representation
from dpaudit.report.tables import extreme_rows
from dpaudit.report.told import relative
from dpaudit.report.wording import Context

AUDIT = """
title = "Side by side"
[data]
file = "data.csv"
status = "public"
entity = "id"
count = "persons"
groups = ["state"]
[run]
draws = 1024
[[release]]
name = "clipped"
mechanism = { use = "laplace", epsilon = [0.1, 0.2, 1.0] }
neighbours = "add-remove"
postprocess = [{ use = "non-negative" }]
[[release]]
name = "exact"
mechanism = { use = "identity" }
neighbours = "add-remove"
[[audit]]
use = "bias"
[[audit]]
use = "alpha-fairness"
[[audit]]
use = "cost-of-privacy"
[[audit]]
use = "representation"
"""
COUNTS = [0, 2, 5, 30, 200, 0, 7, 11]


@pytest.fixture(scope="module")
def results(audited):
    found = audited(AUDIT, COUNTS)
    tree = Hierarchy.of(("state", "id"), (found.data.groups["state"], found.data.entities))
    return attrs.evolve(found, data=attrs.evolve(found.data, hierarchy=tree))


@pytest.fixture(scope="module")
def case(context):
    return context.cases.operating("counts", "clipped")


def spaced(text):
    """Return a text with the hard spaces around its equals sign."""
    return text.replace(" = ", "\u00a0=\u00a0")


def number(cell):
    return float(cell.split()[0].replace("\u2212", "-").replace(",", "").replace("+", ""))


def test_releases_stand_side_by_side(context, case):
    (table,) = by_release(context, "counts", "state")
    assert [c.label for c in table.columns] == ["State", spaced("clipped, ε = 0.2"), "exact"]
    measured = case.find("bias", over="state")
    for row in table.rows:
        value = measured.estimate.value[measured.labels.index(row[0])]
        assert number(row[1]) == pytest.approx(value, abs=0.06)
        assert number(row[2]) == 0


def test_one_release_is_compared_with_nothing(results):
    kept = [t for t in results.tasks if t.task.release == "clipped"]
    alone = Context.of(attrs.evolve(results, tasks=tuple(kept)))
    assert by_release(alone, "counts", "state") == ()


def test_the_total_of_every_release(context, case):
    table = totals(context, "counts")
    assert [row[0] for row in table.rows] == [
        *(spaced(f"clipped, ε = {epsilon}") for epsilon in ("0.1", "0.2", "1")),
        "exact",
    ]
    inflated = sum(5.0 / 2.0 * np.exp(-np.array(COUNTS) / 5.0))
    assert number(table.rows[1][2]) == pytest.approx(inflated, abs=0.06)
    assert table.rows[1][1] == spaced("ε = 0.2")
    assert table.rows[3][1] == "none"
    assert number(table.rows[3][2]) == 0


def test_levels_from_the_whole_to_the_entities(context, case):
    table = by_level(context, case)
    assert [row[:2] for row in table.rows] == [("whole", "1"), ("state", "2"), ("entity", "8")]
    bias = 2.5 * np.exp(-np.array(COUNTS) / 5.0)
    assert (
        number(table.rows[0][2]) == number(table.rows[0][3]) == pytest.approx(bias.sum(), abs=0.06)
    )
    assert number(table.rows[2][3]) == pytest.approx(bias.max(), abs=0.06)
    assert number(table.rows[2][4]) == pytest.approx(bias.mean(), abs=0.06)


def test_no_tree_no_levels(context, results, case):
    flat = attrs.evolve(results, data=attrs.evolve(results.data, hierarchy=None))
    assert by_level(Context.of(flat), case) is None


def test_whose_share_changes(context, case):
    table = by_share(context, case, "state")
    true = {row[0]: row[1] for row in table.rows}
    assert true == {"A": "83.1%", "B": "16.9%"}
    erased = {row[0]: number(row[4]) for row in table.rows}
    assert erased["A"] == pytest.approx(0.5 * np.exp(-1) + 0.5 * np.exp(-7 / 5), abs=0.06)
    found = representation(context, case)
    assert [f.id.split("/")[0] for f in found] == ["representation", "vanished"]
    assert found[0].statement.startswith("The share of state “A” shrinks by")
    assert "“A” has 4 of 8 entities and 212 of 255 persons, 83.1% of all" in found[0].detail
    assert "of 6 entities with people" in found[1].detail
    assert "of 2 without" in found[1].detail


def test_nothing_is_said_of_shares_that_do_not_change(context):
    exact = context.cases.operating("counts", "exact")
    assert representation(context, exact) == ()


def test_proved_bounds_stand_beside_the_gap(results, case):
    estimate = dpaudit.Estimate(
        value=np.float64(2.5), low=np.float64(2.0), high=np.float64(3.0), level=1.0, method="bound"
    )
    name = case.task.id
    proved = Measurement(task=name, audit="a", quantity="alpha-bounds", unit="persons",
                         over="entity", estimate=estimate)  # fmt: skip
    note = Note(task=name, kind="bound", message="because it is so")
    told = attrs.evolve(
        results, measurements=(*results.measurements, proved), notes=(*results.notes, note)
    )
    context = Context.of(told)
    clipped = context.cases.operating("counts", "clipped")
    table = bounds(context, clipped, "entity")
    own, proof = table.rows
    assert own[3] == "formula"
    assert number(own[0]) <= number(own[1]) <= number(own[2])
    assert (number(proof[0]), number(proof[2])) == (2.0, 3.0)
    assert proof[3:] == ("proof", "because it is so")
    report = build_report(told)
    beside = {
        section.title.split()[6]: section.blocks
        for section in report.sections
        if "treated" in section.title
    }
    assert table in beside["entity"]
    # Under every finding about a gap there is such a table, with a proof only where there is one.
    assert bounds(context, clipped, "state") in beside["state"]
    assert len(bounds(context, clipped, "state").rows) == 1
    limits = next(s for s in report.sections if s.name == "limits")
    assert not any("because it is so" in str(block) for block in limits.blocks)


def curves(**changes):
    lines = (
        Series(name="rising", points=((0.0, 0.0), (1.0, 10.0))),
        Series(name="flat", points=((0.0, 4.0), (1.0, 4.0))),
    )
    made = Curves(
        title="They cross",
        subtitle="People",
        across="Share",
        along="People lost",
        unit="persons",
        series=lines,
        marks=(Mark(x=0.4, y=4.0, text="equal at 0.4"),),
    )
    return attrs.evolve(made, **changes)


def test_curves_are_drawn_with_their_marks_and_told_in_words():
    made = figure(curves(), Prose())
    assert made.alt == (
        "They cross. rising: 0 people at 0, 10 people at 1. "
        "flat: 4.0 people at 0, 4.0 people at 1. equal at 0.4."
    )
    assert made.svg.count("<polyline") == 2
    assert "equal at 0.4" in made.svg
    section = drawn(Section(name="s", title="S", blocks=(curves(),)), Prose())
    assert section.blocks == (made,)


def test_curves_need_lines():
    for wrong in ((), (Series(name="dot", points=((0.0, 1.0),)),)):
        with pytest.raises(dpaudit.PluginError, match="'They cross'"):
            figure(curves(series=wrong), Prose())


def test_the_audit_file_says_what_things_are_called(results, case):
    named = attrs.evolve(results.spec.data, noun="county", counted="households")
    context = Context.of(attrs.evolve(results, spec=attrs.evolve(results.spec, data=named)))
    table = totals(context, "counts")
    assert table.caption.endswith(", in households")
    level = by_level(context, context.cases.operating("counts", "clipped"))
    assert level.rows[2][0] == "county"
    report = build_report(context.results)
    assert "across 8 counties" in report.summary
    assert report.summary.startswith("What noisy counts of households do")


def test_who_neither_loses_nor_gains_is_no_extreme(context, case):
    """Of eight entities under clipped noise, those with 30 and 200 people are not moved."""
    measured = case.find("bias", over="entity")
    assert len(extreme_rows(measured, 8)) == 8
    few = [float(measured.estimate.value[i]) for i in extreme_rows(measured, 6)]
    assert few == sorted(few)
    assert all(abs(value) >= 5e-5 for value in few)
    still = attrs.evolve(measured, estimate=dpaudit.Estimate.exact(np.zeros(8)))
    assert len(extreme_rows(still, 6)) == 6


def test_money_is_lost_and_gained_level_by_level(results):
    paid = tuple(attrs.evolve(t, unit="dollars") for t in results.tasks)
    context = Context.of(attrs.evolve(results, tasks=paid))
    table = by_level(context, context.cases.operating("counts", "clipped"))
    assert [c.label for c in table.columns][2:4] == ["Largest loss", "Largest gain"]
    assert table.caption.startswith("Average gain or loss level by level")


def test_a_change_too_small_to_print_is_called_small(context):
    assert relative(context, -4e-6) == "less than 0.001%"
    assert relative(context, -6e-6) == "\u22120.001%"
    assert relative(context, 0.0) == "0.000%"


def test_a_release_without_a_promise_is_told_what_a_promise_would_cost(results):
    """The exact release promises nothing; the clipped one does, and adds people."""
    tasks = (*results.tasks[-1:], *results.tasks[:-1])
    assert tasks[0].task.release == "exact"
    context = Context.of(attrs.evolve(results, tasks=tasks))
    exact, clipped = (context.cases.operating("counts", n) for n in ("exact", "clipped"))
    advice = recommendations(context, exact)
    added = context.words.amounts("persons").value(clipped.find("bias").estimate, signed=True)
    assert "can release “clipped” (ε\u00a0=\u00a00.2) in place of “exact”" in advice[0]
    assert f"the total changes by {added} instead of 0 people" in advice[0]
    assert not any("in place of" in said for said in recommendations(context, clipped))


def test_only_what_was_simulated_is_said_to_be(results):
    def said(tasks, draws):
        found = tuple(
            attrs.evolve(m, estimate=attrs.evolve(m.estimate, draws=draws))
            for m in results.measurements
        )
        report = build_report(attrs.evolve(results, measurements=found, tasks=tasks))
        text = str(report.sections)
        return tuple(
            words in text
            for words in (
                "Elsewhere up to 1,024 releases were simulated from seed",
                "compared under the same simulated noise",
                "Releases that were made elsewhere are taken as they are.",
            )
        )

    given = tuple(attrs.evolve(task, is_given=True) for task in results.tasks)
    assert said(results.tasks, 1024) == (True, True, False)
    assert said(results.tasks, 0) == (False, False, False)
    assert said(given, 1024) == (False, False, True)


def test_names_beside_lines_neither_overlap_nor_leave_the_chart():
    places = spread([284.0, 284.0, 100.0, 284.0], gap=15, last=284.0)
    assert sorted(places) == [100.0, 254.0, 269.0, 284.0]
    assert spread([10.0, 12.0], gap=15) == [10.0, 25.0]
    assert spread([10.0, 80.0], gap=15, last=100.0) == [10.0, 80.0]


def test_what_one_release_takes_is_told_beside_a_release_that_promises_nothing(results, context):
    case = context.cases.leading("counts")
    found = shortfalls(context, case)
    promises = {
        context.cases.operating("counts", name).is_private
        for name in context.cases.releases("counts")
        if context.cases.operating("counts", name).shortfall is not None
    }
    assert (found is not None) == (len(promises) == 2)
    if found is not None:
        assert "shortfalls add up to" in found.statement
        assert len(found.evidence) == found.detail.count("“")
    private = attrs.evolve(
        results, tasks=tuple(t for t in results.tasks if Case(results, t).is_private)
    )
    alike = Context.of(private)
    assert shortfalls(alike, alike.cases.leading("counts")) is None
