"""Findings: every number of a sentence comes from the measurements, and claims are honest."""

from __future__ import annotations

import re

import attrs
import numpy as np
import pytest

from dpaudit.model.estimate import Estimate
from dpaudit.model.measurement import Measurement
from dpaudit.model.report import Paragraph
from dpaudit.model.spec import FailIf
from dpaudit.report.amounts import Amounts, odds
from dpaudit.report.assemble import build_report
from dpaudit.report.cases import Cases
from dpaudit.report.confidence import gap_verdict, signed_verdict
from dpaudit.report.findings import findings, page_one
from dpaudit.report.html import render_html
from dpaudit.report.prose import Prose
from dpaudit.report.thresholds import thresholds

MONEY = re.compile(r"\$[\d,.]+(?: million| billion)?")


def change(results, factor):
    """Return the results with every value multiplied: each sentence must follow."""
    scaled = tuple(
        attrs.evolve(m, estimate=m.estimate.scaled(factor)) for m in results.measurements
    )
    return attrs.evolve(results, measurements=scaled)


def test_every_dollar_of_a_finding_regenerates_from_the_measurements_it_cites(results):
    for finding in findings(results).every:
        allowed = set()
        for address in finding.evidence:
            task, quantity = address.rsplit(": ", 1)
            name, _, over = quantity.partition(" over ")
            found = [
                m
                for m in results.measurements
                if m.quantity == name and m.over == (over or "total") and m.per == "total"
                and _comparable(results, m.task, task)
            ]  # fmt: skip
            assert any(m.task == task for m in found), address
            for m in found:
                allowed |= _written(m)
        if finding.estimate is not None and not finding.estimate.value.shape:
            allowed |= _numbers(finding.estimate, finding.unit)
        total = sum(float(r.truth.sum()) for r in results.tasks[:1])
        allowed.add(Amounts(Prose(), "dollars").size(total))
        for number in MONEY.findall(f"{finding.statement} {finding.detail}"):
            assert number.rstrip(".,") in allowed, (finding.id, number)


def _comparable(results, one, other):
    """Whether two tasks share the decision and either the release or the point."""
    tasks = {r.task.id: r.task for r in results.tasks}
    a, b = tasks[one], tasks[other]
    return a.release == b.release or a.point == b.point


def _written(m: Measurement) -> set[str]:
    single = [m.estimate] if not m.labels else [m.estimate[i] for i in range(len(m.labels))]
    return set().union(*(_numbers(e, m.unit) for e in single))


def _numbers(estimate: Estimate, unit: str) -> set[str]:
    amounts = Amounts(Prose(), unit)
    said = f"{amounts.value(estimate)} {amounts.ends(estimate)} "
    said += amounts.size(max(abs(float(estimate.low)), abs(float(estimate.high))))
    return {n.rstrip(".,") for n in MONEY.findall(said)}


def test_sentences_follow_the_measurements(results):
    before = {f.id: f for f in findings(results).leading}
    after = {f.id: f for f in findings(change(results, 3.0)).leading}
    assert before.keys() == after.keys()
    for key, finding in before.items():
        assert MONEY.findall(finding.statement) != MONEY.findall(after[key].statement)


def test_identifiers_are_unique_and_page_one_has_at_most_three(results):
    found = findings(results)
    assert len({f.id for f in found.every}) == len(found.every)
    assert len(page_one(found.told)) == 3


def test_a_named_loser_has_a_band_below_zero_and_is_the_largest(results):
    case = Cases(results).leading("allotment")
    bias = case.find("bias", over="entity")
    loss = next(f for f in findings(results).leading if f.id.endswith("/entity"))
    worst = int(np.argmin(bias.estimate.value))
    assert loss.entities[0] == bias.labels[worst]
    assert bias.estimate.high[worst] < 0
    assert loss.verdict == "lower"


def test_nothing_is_found_where_everything_is_zero(linear):
    found = findings(linear).leading
    verdicts = {f.verdict for f in found if f.id.startswith(("loss", "gap"))}
    assert verdicts == {"no difference found"}
    said = " ".join(f.statement for f in found)
    assert "there is no difference" not in said.lower()
    assert "No difference was found" in said


def test_cost_is_never_told_without_the_shortfall(results):
    cost = [f for f in findings(results).every if f.id.startswith("cost/")]
    assert cost
    kept = tuple(m for m in results.measurements if m.quantity != "expected-shortfall")
    for finding in cost:
        assert "shortfalls add up to" in finding.statement
    alone = findings(attrs.evolve(results, measurements=kept)).every
    assert not [f for f in alone if f.id.startswith("cost/")]


def test_the_last_recommendation_is_to_do_nothing_with_its_cost(results):
    advice = next(f for f in findings(results).leading if f.recommendations).recommendations
    assert advice[-1].startswith("Doing nothing keeps")
    assert any("raise ε from 0.1 to 1" in a and "73.1 times in 100" in a for a in advice)
    assert any("its average does not exist" in a for a in advice)


def test_confidence_follows_the_checks(results):
    failed = tuple(
        attrs.evolve(n, values=(("max_z", 9.0), ("limit", 6.1))) if n.kind == "check" else n
        for n in results.notes
    )
    cost = "cost/allotment/clipped"
    by_id = {f.id: f for f in findings(results).leading}
    sure = "high" if by_id[cost].estimate.is_deterministic else "medium"
    assert by_id[cost].confidence == sure
    worse = {f.id: f for f in findings(attrs.evolve(results, notes=failed)).leading}
    assert worse[cost].confidence == "low"
    none = {f.id: f for f in findings(attrs.evolve(results, notes=())).leading}
    assert none[cost].confidence == "medium"


def interval(value, low, high, method="simulated"):
    level = 1.0 if method == "exact" else 0.95
    return Estimate(value=value, low=low, high=high, level=level, method=method, draws=2000)


@pytest.mark.parametrize(
    ("estimate", "verdict"),
    [
        (interval(5, 2, 8), "higher"),
        (interval(5, 0, 12), "no difference found"),
        (interval(1, 0, 21), "cannot tell"),
        (interval(1, 0, np.inf), "cannot tell"),
        (interval(0, 0, 0, "exact"), "no difference found"),
        (interval(1e-17, 0, 1e-15, "exact"), "no difference found"),
    ],
)
def test_the_four_outcomes_of_a_gap(estimate, verdict):
    assert gap_verdict(estimate, typical=200.0) == verdict


@pytest.mark.parametrize(
    ("estimate", "verdict"),
    [
        (interval(5, 2, 8), "higher"),
        (interval(-5, -8, -2), "lower"),
        (interval(1, -2, 4), "no difference found"),
        (interval(0.1, -2, 21), "cannot tell"),
    ],
)
def test_the_four_outcomes_of_a_difference(estimate, verdict):
    assert signed_verdict(estimate, typical=200.0) == verdict


@pytest.mark.parametrize(
    ("over", "verdict"), [(1.0, "not met"), (4_322_000.0, "cannot tell"), (1e12, "met")]
)
def test_thresholds_test_the_bound_that_favours_the_release(make, over, verdict):
    make_results, make_dataset = make
    wide = make_results(
        data=make_dataset(40), chains={"clipped": ("non-negative",)}, mechanisms=("laplace",),
        fail_if=FailIf(over=over, for_="any entity"),
    )  # fmt: skip
    measured = tuple(
        attrs.evolve(
            m,
            estimate=Estimate(
                value=m.estimate.value, low=m.estimate.value - 10 * (m.estimate.value > 0) - 1e3,
                high=m.estimate.value + 1e7 * (verdict == "cannot tell"), level=0.95,
                method="simulated", draws=2000,
            ),
        )
        for m in wide.measurements
    )  # fmt: skip
    found = thresholds(attrs.evolve(wide, measurements=measured))
    assert len(found) == 3
    assert found[0].verdict == verdict
    assert found[0].threshold == over


def test_no_threshold_no_finding(results):
    assert thresholds(results) == ()


def test_odds_are_the_balanced_accuracy_ceiling():
    assert odds(0.1) == pytest.approx(100 * np.exp(0.1) / (1 + np.exp(0.1)))
    assert odds(800.0) == pytest.approx(100.0)
    assert odds(float("inf")) is None
    assert odds(0.0) == 50.0


@pytest.mark.parametrize("kept", ["variance", "bias", "cost-of-privacy", "alpha-fairness"])
def test_an_audit_of_one_quantity_still_makes_a_report(make, kept):
    make_results, make_dataset = make
    results = make_results(data=make_dataset(20), mechanisms=("laplace",))
    only = tuple(m for m in results.measurements if m.quantity == kept)
    report = build_report(attrs.evolve(results, measurements=only))
    assert report.sections[0].name == "highlights"
    assert render_html(report)


def test_an_audit_without_groups_sweep_or_baseline_makes_a_report(make):
    make_results, make_dataset = make
    data = attrs.evolve(make_dataset(20), groups={})
    results = make_results(data=data, chains={"c": ("non-negative",)}, mechanisms=("laplace",))
    first = results.tasks[0]
    task = attrs.evolve(first.task, point={})
    own = tuple(m for m in results.measurements if m.task == task.id)
    single = attrs.evolve(
        results, tasks=(attrs.evolve(first, task=task),), measurements=own, notes=()
    )
    html = render_html(build_report(single))
    assert "No release without post-processing was measured" in html


def test_a_change_is_no_part_of_a_chance_or_of_nothing(results):
    """Nobody is due a chance; and what would print as nothing is no yardstick."""

    def said(made):
        blocks = [b for section in build_report(made).sections for b in section.blocks]
        return [b for b in blocks if isinstance(b, Paragraph) and "by the true counts" in b.text]

    def evolved(**fields):
        return attrs.evolve(results, tasks=tuple(attrs.evolve(t, **fields) for t in results.tasks))

    assert said(results)
    assert not said(evolved(unit="probability"))
    tiny = tuple(attrs.evolve(t, truth=t.truth * 1e-12) for t in results.tasks)
    assert not said(attrs.evolve(results, tasks=tiny))
