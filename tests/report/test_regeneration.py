"""Every number of every finding is made again from ``measurements.parquet`` alone.

Results are rebuilt from the file: measurements, people, what the true counts give, and attacks.
Whatever else holds a number is gone or holds nonsense, so that a sentence that took one from
elsewhere would say something else. What stays is no measurement: the audit file (names, budgets,
thresholds, the level of intervals), guarantees, and how formulas compare with simulations.
"""

from __future__ import annotations

import io
import itertools
import re

import attrs
import numpy as np
import pyarrow.parquet as pq
import pytest

import dpaudit
from dpaudit.model.attack import Baseline
from dpaudit.model.estimate import Estimate
from dpaudit.model.measurement import Measurement
from dpaudit.report.exports import measurements_parquet
from dpaudit.report.findings import findings
from dpaudit.report.given import GIVEN, PEOPLE, TRUE

NONSENSE = Estimate(value=9.87654e8, low=9.7e8, high=9.9e8, level=0.9, method="simulated", draws=7)
COUNTS = (130, 3, 0, 57, 12, 40, 0, 13, 96, 2, 6, 31, 22, 18, 1, 75, 44, 9, 64, 27)
DECISIONS = """
title = "Towns"
[data]
file = "data.csv"
status = "public"
entity = "id"
count = "persons"
groups = ["state"]
[run]
draws = 512
[[release]]
name = "clipped"
mechanism = { use = "laplace", epsilon = [0.2, 1.0] }
neighbours = "add-remove"
postprocess = [{ use = "non-negative" }]
[[release]]
name = "whole"
mechanism = { use = "laplace", epsilon = [0.2, 1.0] }
neighbours = "add-remove"
[[release]]
name = "suppressed"
mechanism = { use = "cell-suppression", threshold = 10 }
neighbours = "add-remove"
[[decision]]
use = "counts"
[[decision]]
use = "allotment"
weights = 1.0
appropriation = 1_000_000
[[audit]]
use = "bias"
fail_if = { over = 20.0, for = "any group" }
[[audit]]
use = "alpha-fairness"
[[audit]]
use = "representation"
[[audit]]
use = "cost-of-privacy"
[[audit]]
use = "expected-shortfall"
[[mitigation]]
use = "unprocessed-counts"
releases = ["clipped"]
[[mitigation]]
use = "multi-year-average"
releases = ["clipped"]
years = 4
"""
ATTACKS = """
title = "Who can be found"
[data]
file = "data.csv"
status = "public"
entity = "id"
count = "persons"
groups = ["state"]
[run]
draws = 256
[[release]]
name = "suppressed"
mechanism = { use = "cell-suppression", threshold = 10 }
neighbours = "add-remove"
[[release]]
name = "noisy"
mechanism = { use = "laplace", epsilon = 1.0 }
neighbours = "add-remove"
postprocess = [{ use = "non-negative" }]
[[decision]]
use = "counts"
[[audit]]
use = "bias"
[[attack]]
use = "likelihood-ratio"
game = "known-rest"
replicates = 10
[[attack]]
use = "bayes-pool"
game = "pool"
replicates = 10
[[attack]]
use = "printed-count"
game = "elsewhere"
candidates = "uniform"
replicates = 10
[[attack]]
use = "dataset-reconstruction"
game = "pool"
replicates = 10
"""
LEARNERS = """
title = "Who pays for private training"
[training]
file = "people.csv"
status = "public"
features = ["x", "y"]
label = "kind"
labels = ["a", "b"]
group = ["side"]
reference = "optimum"
[training.ranges]
x = [-4.0, 4.0]
y = [-4.0, 4.0]
[[learner]]
name = "private"
use = "output-perturbation"
epsilon = [0.5, 4.0]
replicates = 12
[[learner]]
name = "softer"
use = "output-perturbation"
epsilon = 4.0
penalty = 0.1
against = "private"
replicates = 12
[[audit]]
use = "excessive-risk"
fail_if = { over = 0.0001, for = "any group" }
[[audit]]
use = "causes"
"""


def stored(results):
    """The rows of the file that a report of these results writes."""
    return pq.read_table(io.BytesIO(measurements_parquet(results))).to_pylist()


def address(row):
    over = "entity" if row["entity"] else (row["group"].partition(": ")[0] or "total")
    return row["task"], row["quantity"], over, row["per"], row["audit"], row["unit"]


def measurements(rows):
    """Measurements as they stand in a file: every one of them, in its order."""
    for (task, quantity, over, per, audit, unit), group in itertools.groupby(rows, address):
        own = list(group)
        labels = tuple(
            row["entity"] or row["group"].partition(": ")[2] for row in own
        )  # fmt: skip
        if labels == ("",):
            labels = ()
        numbers = {
            key: np.array([row[key] for row in own]) if labels else own[0][key]
            for key in ("value", "low", "high")
        }
        how = {key: own[0][key] for key in ("level", "method", "draws")}
        yield Measurement(
            task=task, audit=audit, quantity=quantity, unit=unit, over=over, per=per,
            labels=labels, estimate=Estimate(**numbers, **how),
        )  # fmt: skip


def rebuilt(results, rows):
    """Results whose numbers are those of a file."""
    every = tuple(measurements(rows))
    made = {(m.task, m.quantity, m.over): m.estimate for m in every if m.per == "total"}
    data = attrs.evolve(
        results.data, counts=np.asarray(made[GIVEN, PEOPLE, "entity"].value), columns={}
    )
    tasks = tuple(
        attrs.evolve(
            one, truth=np.asarray(made[f"{GIVEN} / {one.task.decision}", TRUE, "entity"].value)
        )
        for one in results.tasks
    )
    return attrs.evolve(
        results,
        data=data,
        tasks=tasks,
        measurements=tuple(m for m in every if not m.task.startswith(GIVEN)),
        attacks=tuple(attacked(one, made) for one in results.attacks),
    )


def attacked(result, made):
    """The result of an attack with the numbers of a file: what it does not hold is nonsense."""

    def number(name, over="total"):
        return made.get((result.task, f"{result.quantity}{name}", over), NONSENSE)

    baselines = tuple(
        Baseline(name=one.name, estimate=number(f"-baseline-{one.name}"))
        for one in result.baselines
    )
    most = number("-ceiling")
    return attrs.evolve(
        result,
        estimate=number(""),
        people=float(number("-people").value),
        baselines=baselines,
        ceiling=None if result.ceiling is None else float(most.value),
        ceiling_curve=None, curve=None, null=NONSENSE, exact=NONSENSE, more=(),
        groups=tuple(
            attrs.evolve(g, estimate=number("", g.grouping), people=np.full(len(g.labels), 7.0))
            for g in result.groups
        ),
    )  # fmt: skip


def said(found):
    return {f.id: (f.statement, f.detail, *f.recommendations, f.verdict) for f in found.every}


@pytest.fixture(scope="module")
def decisions(audited):
    return audited(DECISIONS, COUNTS)


@pytest.fixture(scope="module")
def attacks(audited):
    return audited(ATTACKS, COUNTS)


@pytest.fixture(scope="module")
def learners(tmp_path_factory):
    folder = tmp_path_factory.mktemp("learners")
    rng = np.random.default_rng(8)
    rows = ["x,y,kind,side"]
    for i in range(600):
        side = "abcdef"[min(i % 9, 5)]
        shift = 0.3 * "abcdef".index(side)
        kind = "ab"[int(rng.random() < 0.5)]
        sign = 1.0 if kind == "a" else -1.0
        x, y = np.clip(rng.normal((sign * 0.6 + shift, sign * shift), 1.0), -4, 4)
        rows.append(f"{x:.3f},{y:.3f},{kind},{side}")
    (folder / "people.csv").write_text("\n".join(rows) + "\n")
    (folder / "audit.toml").write_text(LEARNERS)
    return dpaudit.run(dpaudit.load(folder / "audit.toml"))


AUDITS = ["decisions", "attacks", "learners", "results"]
KINDS = {
    "decisions": {"loss", "gap", "cost", "threshold", "representation", "vanished", "inflation"},
    "attacks": {"attack", "loss"},
    "learners": {"risk", "epsilon", "causes", "threshold"},
    "results": {"loss", "gap", "cost", "releases"},
}


@pytest.mark.parametrize("name", AUDITS)
def test_every_number_of_every_finding_is_made_again_from_the_file(name, request):
    results = request.getfixturevalue(name)
    told = said(findings(results))
    assert KINDS[name] <= {key.split("/")[0] for key in told}
    again = said(findings(rebuilt(results, stored(results))))
    assert again == told


@pytest.mark.parametrize("name", AUDITS)
def test_other_numbers_in_the_file_make_other_sentences(name, request):
    """The control: no finding keeps a number when all numbers of the file are others."""
    results = request.getfixturevalue(name)
    rows = stored(results)
    for row in rows:
        for key in ("value", "low", "high"):
            row[key] = 0.37 * row[key] + (0.011 if row["unit"] in {"share", ""} else 3.7)
    told, other = said(findings(results)), said(findings(rebuilt(results, rows)))
    shared = [key for key in told if key in other]
    assert shared
    for key in shared:
        if re.search(r"\d", told[key][1]) and not key.startswith("attack/the-order"):
            assert other[key][:2] != told[key][:2], key
