"""What attacks are called: verdicts, intervals and faults."""

from __future__ import annotations

import re

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.engine.attacks.playing import packed, unpacked
from dpaudit.engine.attacks.results import result_of
from dpaudit.engine.attacks.trials import play
from dpaudit.engine.attacks.verdicts import verdict_of
from dpaudit.engine.prepare import prepare
from dpaudit.model.estimate import Estimate
from dpaudit.stats.replicates import over_replicates


@pytest.fixture
def audit(attack_audit):
    return attack_audit


def played(file):
    """Return the only attack of a file as a job, and the numbers of its replicates."""
    (job,) = prepare(dpaudit.load(file)).attacks.values()
    return job, [play(job, replicate) for replicate in range(job.spec.replicates)]


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999_999])
def test_a_null_is_judged_alike_at_every_confidence(confidence, audit):
    """Student's t of 20 releases is above 5.6 by chance once in 100,000 times."""
    job, numbers = played(audit(audit.noisy, audit.pool))
    spread = np.random.default_rng(8).normal(size=20)
    spread = (spread - spread.mean()) / (spread.std(ddof=1) / np.sqrt(20))

    def reason(t):
        made = [one | {"null": np.array([0.5, 0.001 * (t + spread[r])])}
                for r, one in enumerate(numbers)]  # fmt: skip
        return result_of(job, made, confidence)[0].reason

    assert reason(5.5) != "null"
    assert reason(5.7) == "null"


def test_an_attack_has_to_be_above_every_baseline(audit):
    """One baseline is larger on average, the other goes up and down: neither is beaten for sure."""
    job, numbers = played(audit(audit.noisy, audit.pool))
    rng = np.random.default_rng(7)

    def told(**bases):
        made = [
            one
            | {"main": np.full_like(one["main"], 0.8)}
            | {f"base {name}": np.full_like(one["main"], base[r]) for name, base in bases.items()}
            for r, one in enumerate(numbers)
        ]
        return result_of(job, made, 0.95)[0].excess

    steady, wild = 0.7 + 0.001 * rng.normal(size=20), 0.69 + 0.3 * rng.choice([-1, 1], size=20)
    both, alone, other = told(prior=steady, random=wild), told(prior=steady), told(random=wild)
    assert wild.mean() < steady.mean()
    assert both.value == alone.value
    assert both.low == other.low < 0 < alone.low


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
        (estimate(0.05, 0.1), estimate(0.0, 0.1), None, ("not shown", "below")),
        (estimate(0.104, 0.1), estimate(0.0, 0.1), estimate(0.3, 0.1), ("not shown", "below")),
        (estimate(0.106, 0.1), estimate(0.0, 0.1), estimate(0.3, 0.1), ("exposed", "above")),
    ],
)
def test_verdicts(excess, null, exact, verdict):
    how = {"excess": excess, "null": null, "exact": exact}
    assert verdict_of(**how, replicates=20) == verdict_of(**how, replicates=None) == verdict
    assert verdict_of(**how, replicates=0) == ("uninformative", "empty")
    assert verdict_of(**how, replicates=9) == ("uninformative", "few")


@pytest.mark.slow
def test_nulls_are_called_exposed_at_the_nominal_rate(audit):
    """200 audits of releases that say nothing: 2.5% are above by chance, at most 18 (1e-6)."""
    file = audit(audit.drowned, audit.pool + "replicates = 10\n")
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
        dpaudit.load(audit(audit.noisy, f"[[attack]]\n{table}\n"))


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
    file = audit(audit.noisy, '[[attack]]\nuse = "mine"\ngame = "pool"\n')
    file.write_text(file.read_text().replace("[data]", 'plugins = ["mine.py"]\n[data]', 1))
    found = dpaudit.run(dpaudit.load(file))
    (failure,) = found.failures
    assert re.search(message, failure.message)
    assert "'mine'" in failure.message
    assert failure.task.endswith("/ mine")
    assert not found.attacks
    assert found.tasks  # the decision is measured all the same
    assert found.measurements


def test_an_attack_of_ten_lines_is_measured_as_any_other(audit, tmp_path):
    (tmp_path / "mine.py").write_text(PLUGIN.format(body="target.released"))
    file = audit(audit.noisy, '[[attack]]\nuse = "mine"\ngame = "pool"\n' + audit.pool)
    file.write_text(file.read_text().replace("[data]", 'plugins = ["mine.py"]\n[data]', 1))
    mine, best = dpaudit.run(dpaudit.load(file)).attacks
    assert mine.task.endswith("mine")
    assert float(mine.estimate.value) <= float(best.estimate.high)
