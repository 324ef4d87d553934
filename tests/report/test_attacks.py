"""What a report says of attacks: games, baselines, ceilings, groups, checks, and equal terms."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from dpaudit.model.attack import AttackResult, Baseline, ByGroup, Curve
from dpaudit.model.estimate import Estimate
from dpaudit.model.report import Figure, Table
from dpaudit.report.assemble import build_report
from dpaudit.report.attack_findings import attack_findings, ranking_flip
from dpaudit.report.html import render_html
from dpaudit.report.wording import Context


def about(value, half=0.01):
    value = np.asarray(value, dtype=float)
    return Estimate(
        value=value, low=value - half, high=value + half, level=0.95, method="simulated", draws=20
    )


def attack(results, release, value, **changes):
    """Return what an attack reached on a release at the point that the report speaks of."""
    point = next(
        dict(t.task.point) for t in results.tasks
        if t.task.release == release and t.task.point.get("epsilon", 0.1) == 0.1
    )  # fmt: skip
    made = AttackResult(
        task=f"{release} epsilon=0.1 / pool",
        attack="pool",
        use="bayes-pool",
        release=release,
        point=point,
        game="pool",
        outcome="membership",
        candidates="the people in the data",
        replicates=20,
        quantity="attack-auc",
        estimate=about(value),
        excess=about(value - 0.5),
        baselines=(Baseline(name="guessing", estimate=Estimate.exact(0.5)),),
        ceiling=0.55,
        ceiling_curve=np.array([0.002, 0.02, 1.0]),
        curve=Curve(fpr=np.array([0.001, 0.01, 1.0]), tpr=np.array([0.002, 0.015, 1.0])),
        null=about(0.5),
        exact=about(0.7),
        groups=(
            ByGroup(
                grouping="county",
                labels=("Alameda", "Butte"),
                people=np.array([300.0, 40.0]),
                estimate=about([0.52, 0.61]),
                excess=about([0.02, 0.11]),
                p_value=0.01,
                left_out=("Inyo",),
            ),
        ),
        verdict="exposed" if value > 0.51 else "not shown",
        reason="above" if value > 0.51 else "below",
    )
    return attrs.evolve(made, **changes)


def known(one, value, **changes):
    """Return the same release in the game where everybody else is known."""
    return attrs.evolve(
        one, task=one.task.replace("pool", "known"), attack="known", game="known-rest",
        estimate=about(value), excess=about(value - 0.5), **changes,
    )  # fmt: skip


@pytest.fixture
def attacked(results):
    first = attack(results, "clipped", 0.54)
    second = attack(results, "unprocessed", 0.58)
    flipped = (known(first, 0.9), known(second, 0.7))
    return attrs.evolve(results, attacks=(first, second, *flipped))


def blocks(results, kind):
    report = build_report(results)
    return [b for section in report.sections for b in section.blocks if isinstance(b, kind)]


def test_without_attacks_nothing_is_said(results):
    assert attack_findings(Context.of(results)) == ()
    names = [section.name for section in build_report(results).sections]
    assert not [name for name in names if name.startswith(("attacks", "equal-terms"))]


def test_a_finding_names_game_baseline_ceiling_and_the_most_exposed(attacked):
    found = attack_findings(Context.of(attacked))
    text = " ".join(f"{f.statement} {f.detail}" for f in found)
    for said in (
        "“a list of candidates”",
        "guessing gives 50.0",
        "allows at most 55.0",
        "“Butte” (61.0)",
        "a stronger attack may exist",
        "knows everybody else",
    ):
        assert said in text, said
    assert {f.verdict for f in found} == {"exposed"}


def test_the_order_of_releases_flips_with_the_game(attacked, results):
    flip = ranking_flip(Context.of(attacked))
    assert "depends on what the attacker knows" in flip.statement
    assert "58.0 against 54.0" in flip.detail
    assert "70.0 against 90.0" in flip.detail
    agree = attrs.evolve(results, attacks=(*attacked.attacks[:2], known(attacked.attacks[0], 0.6),
                                          known(attacked.attacks[1], 0.7)))  # fmt: skip
    assert ranking_flip(Context.of(agree)) is None
    wide = [attrs.evolve(one, estimate=about(float(one.estimate.value), 0.3))
            for one in attacked.attacks]  # fmt: skip
    assert ranking_flip(Context.of(attrs.evolve(results, attacks=tuple(wide)))) is None


def test_tables_show_n_groups_left_out_and_nulls(attacked):
    tables = blocks(attacked, Table)
    by_group = next(t for t in tables if "by county, attack “pool”" in t.caption)
    assert by_group.rows[1][:2] == ("Butte", "40")
    assert "Inyo" in by_group.note
    assert "differ by more" in by_group.note
    overall = next(t for t in tables if "What “pool” reached" in t.caption)
    assert "55.0" in overall.rows[0]
    checks = next(t for t in tables if "nothing can be known" in t.caption)
    assert checks.rows[0][1] == "50.0"
    assert all(len(t.columns) <= 6 for t in tables if "attack" in t.caption)


def test_a_roc_is_drawn_on_logarithmic_axes_with_guessing_and_the_ceiling(attacked):
    figures = [f for f in blocks(attacked, Figure) if "false alarm in 100" in f.title]
    assert len(figures) == 2
    assert "1.5 in 100 are found" in figures[0].alt
    assert "Thin line: guessing" in figures[0].source
    assert "guarantee of “clipped”" in figures[0].source
    assert figures[0].svg.count("<polyline") == 4


def test_uninformative_attacks_say_nothing(attacked, results):
    weak = attrs.evolve(attacked.attacks[0], verdict="uninformative", reason="null")
    (one,) = attack_findings(Context.of(attrs.evolve(results, attacks=(weak,))))
    assert one.statement.startswith("The attack “pool” says nothing about")
    assert one.confidence == "low"


def test_releases_are_compared_at_equal_terms(attacked):
    html = render_html(build_report(attacked))
    assert "Fairness and privacy side by side" in html
    assert "Every release: what it takes" in html


def test_names_out_of_the_data_stay_text(attacked, results):
    evil = attrs.evolve(
        attacked.attacks[0],
        candidates="<script>alert(1)</script>",
        groups=(attrs.evolve(attacked.attacks[0].groups[0], labels=("<b>x</b>", "Butte")),),
    )
    html = render_html(build_report(attrs.evolve(results, attacks=(evil,))))
    assert "<script>alert" not in html
    assert "<b>x" not in html
