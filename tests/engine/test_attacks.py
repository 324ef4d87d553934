"""Attacks of an audit file: deterministic, honest on nulls, bounded by what is promised."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.engine.attacks.playing import packed, unpacked
from dpaudit.engine.attacks.verdicts import verdict_of
from dpaudit.model.estimate import Estimate
from dpaudit.stats.replicates import over_replicates

AUDIT = """
title = "People by town, sex and race"

[data]
file = "people.csv"
status = "public"
table = ["TOWN", "SEX", "RACE"]
groups = ["RACE"]

[data.domain]
TOWN = {{ column = "town", values = {{ a = "A", b = "B", c = "C", d = "D" }} }}
SEX = {{ column = "sex", values = {{ f = "female", m = "male" }} }}
RACE = {{ column = "race", values = {{ x = "X", y = "Y", z = "Z" }} }}

[run]
draws = 64

{releases}

[[decision]]
use = "counts"

{attacks}
"""

LAPLACE = """
[[release]]
name = "noisy"
mechanism = { use = "laplace", epsilon = 1.0 }
neighbours = "add-remove"
postprocess = [{ use = "non-negative" }]
"""

SUPPRESSED = """
[[release]]
name = "suppressed"
mechanism = { use = "cell-suppression", threshold = 5 }
neighbours = "add-remove"
"""

EXACT = """
[[release]]
name = "as it is"
mechanism = { use = "identity" }
neighbours = "add-remove"
"""

BLANK = """
[[release]]
name = "drowned"
mechanism = { use = "laplace", epsilon = 1e-6 }
neighbours = "add-remove"
"""

POOL = """
[[attack]]
use = "bayes-pool"
game = "pool"
"""


@pytest.fixture
def audit(tmp_path):
    rng = np.random.default_rng(3)
    people = ["town,sex,race"]
    for town, size in zip("abcd", (40, 60, 90, 130), strict=True):
        for _ in range(size):
            race = rng.choice(["x", "y", "z"], p=[0.7, 0.2, 0.1])
            people.append(f"{town},{rng.choice(['f', 'm'])},{race}")
    (tmp_path / "people.csv").write_text("\n".join(people) + "\n")

    def written(releases, attacks, name="audit.toml"):
        file = tmp_path / name
        file.write_text(AUDIT.format(releases=releases, attacks=attacks))
        return file

    return written


def results(file, **how):
    return dpaudit.run(dpaudit.load(file), **how)


def same(one, other):
    assert [a.task for a in one.attacks] == [a.task for a in other.attacks]
    for m, n in zip(one.measurements, other.measurements, strict=True):
        assert (m.task, m.quantity, m.over, m.labels) == (n.task, n.quantity, n.over, n.labels)
        for part in ("value", "low", "high"):
            np.testing.assert_array_equal(getattr(m.estimate, part), getattr(n.estimate, part))


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
    file = audit(LAPLACE + SUPPRESSED, EVERY)
    first = results(file, workers=1, cache=tmp_path / "cache")
    same(first, results(file, workers=3))
    same(first, results(file, workers=2, cache=tmp_path / "cache"))
    assert len(first.attacks) == 20


@pytest.mark.slow
def test_results_are_the_same_in_other_processes(audit):
    file = audit(LAPLACE, EVERY)
    same(results(file), results(file, executor="processes", workers=2))


def test_adding_an_attack_changes_no_other_number(audit):
    alone = results(audit(LAPLACE, POOL)).attacks[0]
    among = [a for a in results(audit(LAPLACE + SUPPRESSED, EVERY, "all.toml")).attacks
             if a.task == alone.task]  # fmt: skip
    assert [float(alone.estimate.value)] == [float(a.estimate.value) for a in among]


def test_more_releases_keep_the_first_ones(audit, tmp_path):
    file = audit(LAPLACE, POOL)
    few = results(file, cache=tmp_path / "cache")
    more = results(
        audit(LAPLACE, POOL + "replicates = 30\n", "more.toml"), cache=tmp_path / "cache"
    )
    assert (few.attacks[0].replicates, more.attacks[0].replicates) == (20, 30)
    same(more, results(audit(LAPLACE, POOL + "replicates = 30\n", "more.toml")))


def test_every_number_has_game_baseline_unit_ceiling_null_and_groups(audit):
    for one in results(audit(LAPLACE + SUPPRESSED, EVERY)).attacks:
        assert one.game in {"known-rest", "pool", "elsewhere"}
        assert one.baselines
        assert one.unit == "release"
        assert one.null is not None
        assert one.exact is not None
        assert one.verdict in {"exposed", "not shown", "uninformative"}
        assert all(group.people.size == len(group.labels) for group in one.groups)
        if one.outcome == "membership" and one.release == "noisy":
            assert one.ceiling is not None
            assert float(one.estimate.low) <= one.ceiling
        if one.release == "suppressed":
            assert one.ceiling is None


def test_an_exact_table_is_exposed_and_a_drowned_one_is_not(audit):
    known = '[[attack]]\nuse = "likelihood-ratio"\ngame = "known-rest"\n'
    exact, drowned, pool, blank = results(audit(EXACT + BLANK, known + POOL)).attacks
    assert (exact.verdict, float(exact.estimate.value)) == ("exposed", 1.0)
    assert float(drowned.estimate.value) == pytest.approx(0.5, abs=1e-6)
    assert pool.verdict == "exposed"
    assert blank.verdict == "not shown"


def test_the_closed_form_agrees_with_simulated_releases(audit):
    known = '[[attack]]\nuse = "likelihood-ratio"\ngame = "known-rest"\nreplicates = 200\n'
    found = results(audit(LAPLACE, known))
    (one,) = found.attacks
    assert float(one.estimate.value) == pytest.approx(1 - np.exp(-1) * 0.75, abs=1e-12)
    (simulated,) = [m for m in one.more if m.quantity == "attack-auc-simulated"]
    # One curve for all people: ranked together they have its area. Five standard errors, 6e-7.
    half = float(simulated.estimate.high - simulated.estimate.low) / 2
    assert abs(float(simulated.estimate.value - one.estimate.value)) < 2.6 * half


def test_shadow_classifiers_stay_below_the_best_score(audit):
    file = audit(LAPLACE + SUPPRESSED + EXACT, EVERY)
    by = {(a.attack, a.release): a for a in results(file).attacks}
    for release in ("noisy", "suppressed", "as it is"):
        shadow, bayes = (by[name, release].estimate for name in ("shadow", "bayes-pool"))
        error = float(np.hypot(shadow.high - shadow.low, bayes.high - bayes.low)) / 4.0
        assert float(shadow.value) <= float(bayes.value) + 3.0 * error
        assert float(shadow.value) > 0.5


def test_totals_disclose_hidden_counts(audit):
    by = {(a.attack, a.release): a for a in results(audit(LAPLACE + SUPPRESSED, EVERY)).attacks}
    less, more = by["differencing", "suppressed"], by["suppression-interval", "suppressed"]
    assert float(less.estimate.value) <= float(more.estimate.value)
    for one in (less, more):
        (precision,) = [m for m in one.more if m.quantity == "precision"]
        assert float(precision.estimate.value) == 1.0
    nothing = by["differencing", "noisy"]
    assert (nothing.verdict, nothing.reason) == ("uninformative", "empty")


def test_the_cache_gives_back_what_it_was_given():
    played = ({"main": np.arange(3.0), "base a/b": np.zeros(())}, {"main": np.ones(2)})
    for one, other in zip(played, unpacked(packed(played)), strict=True):
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[name], other[name]) for name in one)
    assert packed(played) == packed(played)


def test_intervals_over_releases_cover():
    """Of 1,000 nulls at 95% more than 84 misses happen by chance once in a million.

    The control, which takes the records of one release for independent, misses far more.
    """
    rng = np.random.default_rng(5)
    shared = rng.normal(size=(1000, 20, 1))
    records = (shared + rng.normal(size=(1000, 20, 50)) > 0).astype(float)
    rates = records.mean(axis=2).T
    made = over_replicates(rates, 0.95)
    assert np.count_nonzero((made.low > 0.5) | (made.high < 0.5)) <= 84
    flat = records.reshape(1000, -1)
    half = 1.96 * flat.std(axis=1) / np.sqrt(flat.shape[1])
    assert np.count_nonzero(np.abs(flat.mean(axis=1) - 0.5) > half) > 84


def estimate(value, half):
    return Estimate(
        value=value, low=value - half, high=value + half, level=0.95, method="simulated", draws=20
    )


@pytest.mark.parametrize(
    ("excess", "null", "exact", "verdict"),
    [
        (estimate(0.2, 0.1), estimate(0.0, 0.1), estimate(0.3, 0.1), ("exposed", "above")),
        (estimate(0.05, 0.1), estimate(0.0, 0.1), estimate(0.3, 0.1), ("not shown", "below")),
        (estimate(0.05, 0.1), estimate(0.0, 0.1), estimate(0.0, 0.1), ("uninformative", "weak")),
        (estimate(0.2, 0.1), estimate(0.2, 0.01), estimate(0.3, 0.1), ("uninformative", "null")),
    ],
)
def test_verdicts(excess, null, exact, verdict):
    assert verdict_of(excess=excess, null=null, exact=exact) == verdict
    assert verdict_of(excess=excess, null=null, exact=exact, hidden=False)[1] == "empty"


@pytest.mark.slow
def test_nulls_are_called_exposed_at_the_nominal_rate(audit):
    """200 audits of releases that say nothing: 2.5% are above by chance, at most 18 (1e-6)."""
    file = audit(BLANK, POOL + "replicates = 10\n")
    spec = dpaudit.load(file)
    wrong = 0
    for seed in range(200):
        run = attrs.evolve(spec.run, seed=seed)
        (one,) = dpaudit.run(attrs.evolve(spec, run=run)).attacks
        wrong += one.verdict == "exposed"
    assert wrong <= 18


FAULTS = {
    'use = "bayes-pool"': "the key 'game' is missing",
    'use = "bayes-pool"\ngame = "elsewhere"\ncandidates = "uniform"': "does not play 'elsewhere'",
    'use = "printed-count"\ngame = "elsewhere"': "where its candidates come from",
    'use = "likelihood-ratio"\ngame = "known-rest"\ncandidates = "uniform"': "no candidates",
    'use = "bayes-pool"\ngame = "pool"\nreplicates = 5': "give no interval",
    'use = "bayes-pool"\ngame = "pool"\nreleases = ["nois"]': "no release is named 'nois'",
    'use = "bayes-pool"\ngame = "pol"': "'pol'",
}


@pytest.mark.parametrize("table", FAULTS)
def test_faults_of_an_attack_are_said(table, audit):
    with pytest.raises(dpaudit.SpecError, match=FAULTS[table]):
        dpaudit.load(audit(LAPLACE, f"[[attack]]\n{table}\n"))


PLUGIN = '''
import numpy as np
import dpaudit


@dpaudit.attack(name="mine")
def mine(target, rng):
    """Do something."""
    return {body}
'''


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("np.full(target.printed.shape, np.nan)", "or NaN"),
        ("np.zeros(3)", r"shape \(3,\)"),
        ("1 / 0", "division by zero"),
    ],
)
def test_an_attack_that_fails_is_named(body, message, audit, tmp_path):
    (tmp_path / "mine.py").write_text(PLUGIN.format(body=body))
    file = audit(LAPLACE, '[[attack]]\nuse = "mine"\ngame = "pool"\n')
    file.write_text(file.read_text().replace("[data]", 'plugins = ["mine.py"]\n[data]', 1))
    with pytest.raises(dpaudit.PluginError, match=message):
        results(file)


def test_an_attack_of_ten_lines_is_measured_as_any_other(audit, tmp_path):
    (tmp_path / "mine.py").write_text(PLUGIN.format(body="target.released"))
    file = audit(LAPLACE, '[[attack]]\nuse = "mine"\ngame = "pool"\n' + POOL)
    file.write_text(file.read_text().replace("[data]", 'plugins = ["mine.py"]\n[data]', 1))
    mine, best = results(file).attacks
    assert mine.task.endswith("mine")
    assert float(mine.estimate.value) <= float(best.estimate.high)
