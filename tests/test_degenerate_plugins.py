"""Degenerate data × every decision, attack and learner: finite numbers, or refused in words."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import dpaudit

REGISTRY = dpaudit.Registry.discover()
COUNTS = {
    "all zero": (0, 0, 0),
    "one entity": (7,),
    "one empty entity": (0,),
    "ties": (5, 5, 5),
    "one person": (0, 0, 1),
    "2^53": (2**53, 0, 1),
}
STRENGTHS = ("1e-300", "709", "inf")
OWN = 'population = "p"\nexpenditure = 2.0\nappropriation = 100.0\n'
DECISIONS = {
    "counts": "",
    "allotment": 'weights = "w"\n',
    "formula": 'formula = "x / maximum(sum(x), 1)"\n',
    "apportionment": "seats = 3\n",
    "top-k": "k = 1\n",
    "threshold": "at = 5\n",
    "ratio-threshold": 'numerator = "n"\ndenominator = "m"\nratio = 0.5\n',
    "section-203": 'citizens = "m"\nlimited_english = "n"\nilliterate = "l"\n',
    "all-of": 'of = ["first", "second"]\n',
    "any-of": 'of = ["first", "second"]\n',
    "exactly-one-of": 'of = ["first", "second"]\n',
    "title-i-basic": OWN,
    "title-i-concentration": OWN,
    "title-i-targeted": OWN,
    "title-i-efig": OWN + 'equity = 0.1\nstate = "s"\n',
    "title-i": 'population = "p"\nexpenditure = 2.0\nbasic = 60.0\ntargeted = 40.0\n',
}
RULES = """
[[decision]]
name = "first"
use = "threshold"
at = 5
[[decision]]
name = "second"
use = "threshold"
at = 1
"""
HEAD = """
title = "Degenerate"
[data]
file = "d.csv"
status = "public"
entity = "id"
count = "n"
also_counted = ["m", "l"]
[run]
draws = 128
[[audit]]
use = "bias"
[[audit]]
use = "alpha-fairness"
[[audit]]
use = "cost-of-privacy"
[[audit]]
use = "outcome-change"
[[audit]]
use = "mean-squared-error"
"""
ELSEWHERE = {"selection"}
"""Tried in tests/test_degenerate_audits.py, beside the mechanisms that select."""


def test_every_plugin_has_an_entry():
    assert DECISIONS.keys() | ELSEWHERE == set(REGISTRY.names("decision"))
    assert {*ATTACKS, *MODEL_ATTACKS} == set(REGISTRY.names("attack"))
    assert LEARNERS.keys() | {"predictions"} == set(REGISTRY.names("learner"))


def run(folder, text):
    """Run an audit; return its results, or the error that refuses it."""
    (folder / "audit.toml").write_text(text)
    try:
        return dpaudit.run(dpaudit.load(folder / "audit.toml"))
    except dpaudit.DpauditError as error:
        refused = error
    assert refused.message
    of_others = "learner 'sklearn'" in refused.message  # which says itself what it lacks
    assert of_others or "Error:" not in refused.message, "an exception of Python's own came out"
    return refused


def check(results):
    """Every number is finite and within its bounds, and no plug-in failed in its own words."""
    assert results.measurements
    for measurement in results.measurements:
        found = measurement.estimate
        assert np.isfinite(found.value).all(), measurement
        assert np.all(found.low <= found.value), measurement
        assert np.all(found.value <= found.high), measurement
    for failure in results.failures:
        assert "Error:" not in failure.message, failure


@pytest.mark.slow
@pytest.mark.parametrize("case", COUNTS)
def test_decisions(case, tmp_path):
    rows = [f"e{i},{n},{min(2 * n, 2**53)},{n // 2},{i + 1},{10 * (i + 1)},S\n"
            for i, n in enumerate(COUNTS[case])]  # fmt: skip
    (tmp_path / "d.csv").write_text("".join(["id,n,m,l,w,p,s\n", *rows]))
    done = 0
    for name, parameters in DECISIONS.items():
        rules = RULES if name.endswith("-of") else ""
        for strength in STRENGTHS if name in {"counts", "title-i"} else ("1e-3",):
            release = (
                '[[release]]\nname = "r"\nneighbours = "add-remove"\n'
                f'mechanism = {{ use = "laplace", epsilon = {strength} }}\n'
                'postprocess = [{ use = "non-negative" }]\n'
            )
            decision = f'{rules}[[decision]]\nuse = "{name}"\n{parameters}'
            results = run(tmp_path, HEAD + release + decision)
            if isinstance(results, dpaudit.DpauditError):
                refused = ("all zero", "variance inf", "1e-300")
                assert any(word in results.message for word in refused), (name, results)
                continue
            check(results)
            done += 1
    assert done >= (12 if any(COUNTS[case]) else 5)


PEOPLE = {
    "one person": ("A,f,x",),
    "all alike": ("A,f,x",) * 12,
    "one in each cell": tuple(f"{a},{s},{r}" for a in "AB" for s in "fm" for r in "xy"),
    "one apart": ("A,f,x",) * 11 + ("B,m,y",),
}
TABLE = """
title = "Degenerate"
[data]
file = "people.csv"
status = "public"
table = ["area", "sex", "race"]
groups = ["race"]
[data.domain]
area = ["A", "B"]
sex = ["f", "m"]
race = ["x", "y"]
[run]
draws = 64
[[release]]
name = "noisy"
mechanism = { use = "laplace", epsilon = 1.0 }
neighbours = "add-remove"
[[release]]
name = "suppressed"
mechanism = { use = "cell-suppression", threshold = 3 }
neighbours = "add-remove"
[[decision]]
use = "counts"
"""
ELSE = 'game = "elsewhere"\ncandidates = "uniform"\n'
TOTALS = 'totals = [["sex"], ["race"]]\n'
ATTACKS = {
    "likelihood-ratio": 'game = "known-rest"\n',
    "bayes-pool": 'game = "pool"\n',
    "shadow": 'game = "pool"\nshadows = 4\n',
    "printed-count": 'game = "pool"\n',
    "dataset-reconstruction": 'game = "pool"\n',
    "read-out": ELSE,
    "linear-reconstruction": f"{ELSE}{TOTALS}",
    "table-reconstruction": f'{ELSE}block = ["area"]\n'
    'tables = [["sex"], ["race"]]\nsolutions = 2\n',
    "suppression-interval": f"{ELSE}{TOTALS}threshold = 3\n",
    "differencing": f"{ELSE}{TOTALS}",
    "attribute-inference": f'{ELSE}attribute = "race"\nknown = ["area", "sex"]\n',
    "linkage": f'{ELSE}known = ["area", "sex"]\n',
}


@pytest.mark.slow
@pytest.mark.parametrize("people", PEOPLE)
@pytest.mark.parametrize("name", ATTACKS)
def test_attacks(name, people, tmp_path):
    (tmp_path / "people.csv").write_text("\n".join(["area,sex,race", *PEOPLE[people], ""]))
    attack = f'[[attack]]\nuse = "{name}"\nreplicates = 10\n{ATTACKS[name]}'
    results = run(tmp_path, TABLE + attack)
    if isinstance(results, dpaudit.DpauditError):
        return
    check(results)
    for each in results.attacks:
        assert each.verdict in {"exposed", "not shown", "uninformative"}


STEPS = "epsilon = 2.0\nsteps = 3\nbatch = 4\n"
LEARNERS = {
    "logistic": "",
    "output-perturbation": "epsilon = 1.0\n",
    "objective-perturbation": "epsilon = 1.0\n",
    "ridge": "",
    "softmax": "",
    "sklearn": 'estimator = "sklearn.linear_model.LogisticRegression"\n',
    "reweighted": STEPS,
    "equalising-penalty": STEPS,
    "lagrangian-dual": STEPS,
    "dp-sgd": STEPS,
    "dpsgd-f": STEPS,
    "global-adapt": STEPS,
    "mlp": "steps = 3\nbatch = 4\n",
    "small-cnn": "epochs = 1\nbatch = 4\n",
    "pate": "teachers = 2\npublic = 0.5\n",
    "pruned": "rate = 0.5\n",
    "fair-pruned": "rate = 0.5\n",
}
TRAINING = """
title = "Degenerate"
[training]
file = "t.csv"
status = "public"
features = ["a", "b", "c", "d"]
label = "y"
group = "g"
{labels}
ranges = {{ a = [0, 10], b = [0, 10], c = [0, 10], d = [0, 10] }}
norm = "unit"
split = {{ test = 0.5 }}
reference = {reference}
[[audit]]
use = "group-metrics"
"""
RECORDS = {
    "two records": ("1,2,3,4,0,u", "3,4,5,6,1,v"),
    "one label": ("1,2,3,4,0,u", "3,4,5,6,0,v") * 16,
    "one label in a group": ("1,2,3,4,0,u", "3,4,5,6,0,v", "9,8,7,6,1,v") * 12,
    "all alike": ("1,2,3,4,0,u", "1,2,3,4,1,u") * 16,
    "a group of one": ("1,2,3,4,0,u", "3,4,5,6,1,u") * 16 + ("5,6,7,8,1,v",),
    "all zero": ("0,0,0,0,0,u", "0,0,0,0,1,v") * 16,
}
REFUSED = ("nobody of the group", "every record is in the group", "people are too few",
           "has a label", "at least 2 classes", "one class")  # fmt: skip


@pytest.mark.slow
@pytest.mark.learn
@pytest.mark.parametrize("name", LEARNERS)
def test_learners(name, tmp_path):
    labels = "label_range = [0, 1]" if name == "ridge" else 'labels = ["0", "1"]'
    is_fixed = name in {"pruned", "fair-pruned", "mlp", "small-cnn", "pate", "sklearn"}
    text = TRAINING.format(labels=labels, reference='"sgd"' if is_fixed else '"optimum"')
    done = []
    if name == "ridge":
        text = text.replace("group-metrics", "excessive-risk")  # its labels are numbers
    cases = ("one label", "all zero") if "batch" in LEARNERS[name] else tuple(RECORDS)
    for case in cases:
        records = RECORDS[case]
        (tmp_path / "t.csv").write_text("\n".join(["a,b,c,d,y,g", *records, ""]))
        learner = f'[[learner]]\nuse = "{name}"\nreplicates = 2\n{LEARNERS[name]}'
        results = run(tmp_path, text + learner)
        if isinstance(results, dpaudit.DpauditError):
            assert any(word in results.message for word in REFUSED), (case, results)
            continue
        check(results)
        done.append(case)
    assert "all zero" in done


MODEL_ATTACKS = ("label-only", "lira", "loss-threshold", "population", "rmia")


@pytest.mark.slow
@pytest.mark.learn
@pytest.mark.parametrize("case", ["two records", "one label", "all zero"])
def test_attacks_on_models(case, tmp_path):
    (tmp_path / "t.csv").write_text("\n".join(["a,b,c,d,y,g", *RECORDS[case] * 5, ""]))
    attacks = "".join(
        f'[[attack]]\nuse = "{name}"\ngame = "pool"\nreplicates = 20\n' for name in MODEL_ATTACKS
    )
    text = TRAINING.format(labels='labels = ["0", "1"]', reference='"optimum"')
    steps = STEPS.replace("epsilon = 2.0", "noise_multiplier = 1.0")
    learner = f'[[learner]]\nuse = "dp-sgd"\nreplicates = 2\n{steps}'
    results = run(tmp_path, text + learner + attacks)
    if isinstance(results, dpaudit.DpauditError):
        assert any(word in results.message for word in (*REFUSED, "people whom some models"))
        return
    check(results)
    assert len(results.attacks) == len(MODEL_ATTACKS)
    assert all(one.verdict in {"not shown", "uninformative"} for one in results.attacks)


COUNTED = {"2^53": (2**53, True), "2^53 + 1": (2**53 + 1, False), "2^63 - 1": (2**63 - 1, False),
           "2^63": (2**63, False), "1e300": ("1e300", False)}  # fmt: skip


@pytest.mark.parametrize("name", COUNTED)
def test_counts_up_to_2_to_the_63rd(name, tmp_path):
    """A count that a float cannot hold is refused, and never rounded to another."""
    count, accepted = COUNTED[name]
    (tmp_path / "d.csv").write_text(f"id,n,m,l\na,{count},1,1\nb,3,1,1\n")
    release = (
        '[[release]]\nmechanism = { use = "geometric", epsilon = 1.0 }\n'
        'neighbours = "add-remove"\n[[decision]]\nuse = "counts"\n'
    )
    results = run(tmp_path, HEAD + release)
    if accepted:
        check(results)
        assert results.tasks[0].truth.tolist() == [2.0**53, 3.0]
    else:
        assert isinstance(results, dpaudit.DataError)
        assert "above 2^53" in results.message


NOT_FINITE = (math.nan, math.inf, -math.inf)


@pytest.mark.parametrize("bad", NOT_FINITE)
def test_no_verdict_is_made_of_what_is_not_finite(bad):
    """A NaN is above no bound and below none, so that it would say "no violation"."""
    from dpaudit.stats.audits import Certificate, ranked_certificate
    from dpaudit.stats.one_run import Guesses, p_value
    from dpaudit.stats.replicates import over_replicates

    with pytest.raises((dpaudit.DpauditError, ValueError)):
        over_replicates(np.full(12, bad), 0.95)
    with pytest.raises(dpaudit.DpauditError):
        ranked_certificate(np.full(5, math.nan), np.zeros(5), 0.05)
    with pytest.raises(dpaudit.DpauditError):
        p_value(Guesses(canaries=5, guessed=5, right=1), bad if bad != math.inf else math.nan)
    fine = Certificate(epsilon=1.0, delta=0.0, confidence=0.95, largest=3.0, runs=10)
    with pytest.raises(dpaudit.DpauditError):
        fine.verdict(math.nan)
    ends = {"level": 0.95, "method": "simulated", "draws": 20}
    with pytest.raises((dpaudit.DpauditError, ValueError)):
        dpaudit.Estimate(value=math.nan, low=math.nan, high=math.nan, **ends)


def test_degenerate_reports_are_written(tmp_path):
    """Whatever a degenerate audit measures can be said: every format, without a number missing."""
    (tmp_path / "d.csv").write_text("id,n,m,l\na,0,0,0\n")
    release = (
        '[[release]]\nmechanism = { use = "geometric", epsilon = [1e-6, 709.0] }\n'
        'neighbours = "add-remove"\npostprocess = [{ use = "non-negative" }]\n'
        '[[decision]]\nuse = "counts"\n'
    )
    results = run(tmp_path, HEAD + release)
    check(results)
    made = dpaudit.write_report(results, tmp_path / "out", formats=("html", "json"))
    assert "nan" not in made.files["html"].read_text(encoding="utf-8").lower().split()
    json.loads(made.files["json"].read_text(encoding="utf-8"), parse_constant=pytest.fail)
