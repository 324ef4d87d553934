"""Attacks of an audit file: deterministic, honest on nulls, bounded by what is promised."""

from __future__ import annotations

import numpy as np
import pytest

import dpaudit
from dpaudit.engine.attacks.playing import (
    REPLICATES_PER_CHUNK,
    play_chunk,
)
from dpaudit.engine.runner import NoProgress
from dpaudit.model.guarantee import Guarantee
from dpaudit.privacy.ceilings import raised


@pytest.fixture
def audit(attack_audit):
    return attack_audit


def results(file, **how):
    return dpaudit.run(dpaudit.load(file), **how)


def different(one, other):
    """Return the addresses of what two runs measured differently, those of one of them too."""
    parts = ("value", "low", "high")
    told = [
        {
            (m.task, m.quantity, m.over, m.labels): b"".join(
                getattr(m.estimate, part).tobytes() for part in parts
            )
            for m in results.measurements
        }
        | {a.task: (a.verdict, a.reason, a.replicates, a.ceiling) for a in results.attacks}
        for results in (one, other)
    ]
    return [
        address
        for address in dict.fromkeys([*told[0], *told[1]])
        if told[0].get(address) != told[1].get(address)
    ]


EVERY = """
[[attack]]
use = "likelihood-ratio"
game = "known-rest"

[[attack]]
use = "bayes-pool"
game = "pool"

[[attack]]
use = "shadow"
game = "pool"
shadows = 4

[[attack]]
use = "printed-count"
game = "elsewhere"
candidates = "uniform"

[[attack]]
use = "dataset-reconstruction"
game = "pool"

[[attack]]
use = "read-out"
game = "elsewhere"
candidates = "marginals"

[[attack]]
use = "attribute-inference"
attribute = "RACE"
game = "pool"

[[attack]]
use = "linkage"
known = ["TOWN", "RACE"]
game = "pool"

[[attack]]
use = "differencing"
totals = [["TOWN", "SEX"]]
game = "elsewhere"
candidates = "uniform"

[[attack]]
use = "suppression-interval"
totals = [["TOWN", "SEX"], ["TOWN", "RACE"]]
threshold = 5
game = "elsewhere"
candidates = "uniform"
"""


def test_results_are_the_same_for_any_workers_and_from_the_cache(audit, tmp_path):
    file = audit(audit.noisy + audit.suppressed, EVERY)
    first = results(file, workers=1, cache=tmp_path / "cache")
    assert not different(first, results(file, workers=3))
    assert not different(first, results(file, workers=2, cache=tmp_path / "cache"))
    assert len(first.attacks) == 20


@pytest.mark.slow
def test_results_are_the_same_in_other_processes(audit):
    file = audit(audit.noisy, EVERY)
    assert not different(results(file), results(file, executor="processes", workers=2))


def test_what_another_run_plays_meanwhile_is_not_played_again(audit, tmp_path, monkeypatch):
    file, cache, played = audit(audit.noisy, audit.pool), tmp_path / "cache", []

    def counted(jobs, chunk):
        played.append(chunk)
        return play_chunk(jobs, chunk)

    class Meanwhile(NoProgress):
        """Lets another run go first once this one knows which trials are missing."""

        starts = 0

        def started(self, total_draws):
            self.starts += 1
            if self.starts == 2:
                results(file, cache=cache)

    monkeypatch.setattr("dpaudit.engine.prepare.play_chunk", counted)
    progress = Meanwhile()
    results(file, cache=cache, progress=progress)
    assert progress.starts == 2
    assert len(played) == 20 / REPLICATES_PER_CHUNK


def test_adding_an_attack_changes_no_other_number(audit):
    alone = results(audit(audit.noisy, audit.pool)).attacks[0]
    among = [a for a in results(audit(audit.noisy + audit.suppressed, EVERY, "all.toml")).attacks
             if a.task == alone.task]  # fmt: skip
    assert [float(alone.estimate.value)] == [float(a.estimate.value) for a in among]


def test_more_releases_keep_the_first_ones(audit, tmp_path):
    file = audit(audit.noisy, audit.pool)
    few = results(file, cache=tmp_path / "cache")
    more = results(
        audit(audit.noisy, audit.pool + "replicates = 30\n", "more.toml"), cache=tmp_path / "cache"
    )
    assert (few.attacks[0].replicates, more.attacks[0].replicates) == (20, 30)
    assert not different(
        more, results(audit(audit.noisy, audit.pool + "replicates = 30\n", "more.toml"))
    )


def test_every_number_has_game_baseline_unit_ceiling_null_and_groups(audit):
    for one in results(audit(audit.noisy + audit.suppressed, EVERY)).attacks:
        assert one.game in {"known-rest", "pool", "elsewhere"}
        assert one.baselines
        assert one.unit == "release"
        assert (one.null is None) == (one.reason == "empty")
        assert (one.exact is None) == (one.outcome == "cells")
        assert one.verdict in {"exposed", "not shown", "uninformative"}
        assert all(group.people.size == len(group.labels) for group in one.groups)
        if one.outcome == "membership" and one.release == "noisy":
            assert one.ceiling is not None
            assert float(one.estimate.low) <= one.ceiling
        if one.release == "suppressed":
            assert one.ceiling is None


ELSEWHERE = """
[[attack]]
use = "printed-count"
game = "elsewhere"
candidates = "uniform"
"""


def test_a_counterfactual_bounds_an_attack_from_its_upper_end(audit):
    (one,) = results(audit(audit.noisy, ELSEWHERE)).attacks
    (without,) = [b.estimate for b in one.baselines if b.name == "without-the-person"]
    promise = Guarantee(neighbours="add-remove", epsilon=1.0)
    assert without.high > without.value
    assert one.ceiling == raised(promise, float(without.high))


@pytest.mark.parametrize("step", ["proportional-scaling", "projection-onto-simplex"])
def test_a_counterfactual_bounds_nothing_where_cells_depend_on_one_another(step, audit):
    scaled = audit.noisy.replace("non-negative", step)
    (one,) = results(audit(scaled, ELSEWHERE)).attacks
    assert any(base.name == "without-the-person" for base in one.baselines)
    assert one.ceiling is None


def test_an_exact_table_is_exposed_and_a_drowned_one_is_not(audit):
    known = '[[attack]]\nuse = "likelihood-ratio"\ngame = "known-rest"\n'
    exact, drowned, pool, blank = results(
        audit(audit.exact + audit.drowned, known + audit.pool)
    ).attacks
    assert (exact.verdict, float(exact.estimate.value)) == ("exposed", 1.0)
    assert float(drowned.estimate.value) == pytest.approx(0.5, abs=1e-6)
    assert float(drowned.excess.low) > 0
    assert (drowned.verdict, drowned.reason) == ("not shown", "below")
    assert pool.verdict == "exposed"
    assert blank.verdict == "not shown"


def test_the_closed_form_agrees_with_simulated_releases(audit):
    known = '[[attack]]\nuse = "likelihood-ratio"\ngame = "known-rest"\nreplicates = 200\n'
    found = results(audit(audit.noisy, known))
    (one,) = found.attacks
    assert float(one.estimate.value) == pytest.approx(1 - np.exp(-1) * 0.75, abs=1e-12)
    (simulated,) = [m for m in one.more if m.quantity == "attack-auc-simulated"]
    # One curve for all people: ranked together they have its area. Five standard errors, 6e-7.
    half = float(simulated.estimate.high - simulated.estimate.low) / 2
    assert abs(float(simulated.estimate.value - one.estimate.value)) < 2.6 * half


def test_shadow_classifiers_stay_below_the_best_score(audit):
    file = audit(audit.noisy + audit.suppressed + audit.exact, EVERY)
    by = {(a.attack, a.release): a for a in results(file).attacks}
    for release in ("noisy", "suppressed", "as it is"):
        shadow, bayes = (by[name, release].estimate for name in ("shadow", "bayes-pool"))
        error = float(np.hypot(shadow.high - shadow.low, bayes.high - bayes.low)) / 4.0
        assert float(shadow.value) <= float(bayes.value) + 3.0 * error
        assert float(shadow.value) > 0.5


def test_releases_with_nobody_on_one_side_are_left_out(audit, tmp_path):
    """Two people in two cells: in half of all deals both are in, or both are out."""
    (tmp_path / "people.csv").write_text("town,sex,race\na,f,x\nb,m,y\n")
    for replicates, reason in ((60, "above"), (10, "few")):
        known = f'[[attack]]\nuse = "bayes-pool"\ngame = "pool"\nreplicates = {replicates}\n'
        (one,) = results(audit(audit.exact, known)).attacks
        assert one.reason == reason
        assert 0 < one.replicates < replicates
        assert float(one.estimate.value) == 1.0
        assert one.verdict == ("exposed" if reason == "above" else "uninformative")
    assert (float(one.estimate.low), float(one.estimate.high)) == (0.0, 1.0)


def test_totals_disclose_hidden_counts(audit):
    by = {
        (a.attack, a.release): a
        for a in results(audit(audit.noisy + audit.suppressed, EVERY)).attacks
    }
    less, more = by["differencing", "suppressed"], by["suppression-interval", "suppressed"]
    assert float(less.estimate.value) <= float(more.estimate.value)
    for one in (less, more):
        (precision,) = [m for m in one.more if m.quantity == "precision"]
        assert float(precision.estimate.value) == 1.0
    nothing = by["differencing", "noisy"]
    assert (nothing.verdict, nothing.reason) == ("uninformative", "empty")


def test_an_attack_on_hidden_counts_that_fails_is_not_called_weak(audit):
    nothing = '[[attack]]\nuse = "differencing"\ntotals = [["SEX"]]\ngame = "elsewhere"\n'
    (one,) = results(audit(audit.suppressed, nothing + 'candidates = "uniform"\n')).attacks
    assert float(one.estimate.value) == 0.0
    assert (one.verdict, one.reason, one.exact) == ("not shown", "below", None)
