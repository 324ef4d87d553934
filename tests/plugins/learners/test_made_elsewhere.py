"""Estimators in the manner of scikit-learn, and models of which only predictions are known."""

import attrs
import numpy as np
import pytest

import dpaudit

REGISTRY = dpaudit.Registry.discover()


def test_an_estimator_is_fitted_without_the_constant(people):
    pytest.importorskip("sklearn")
    made = REGISTRY.create(
        "learner", "sklearn", estimator="sklearn.linear_model.LogisticRegression",
        arguments={"C": 10.0},
    )  # fmt: skip
    made.check(people)
    runs = made.train(people, range(2), 0)
    own = REGISTRY.create("learner", "logistic", penalty=1 / (600 * 10.0)).train(
        people, range(1), 0
    )
    assert abs(runs.losses()[0].mean() - own.losses()[0].mean()) < 2e-3
    forest = REGISTRY.create(
        "learner", "sklearn", estimator="sklearn.ensemble.RandomForestClassifier",
        arguments={"n_estimators": 5, "max_depth": 3},
    )  # fmt: skip
    rows = forest.train(people, range(2), 0).losses("held-out")
    assert np.abs(rows[0] - rows[1]).max() > 0
    np.testing.assert_array_equal(
        forest.train(people, range(1, 2), 0).losses("held-out")[0], rows[1]
    )


@pytest.mark.parametrize(
    ("estimator", "arguments", "said"),
    [
        ("sklearn.linear_model.Nothing", {}, "Nothing"),
        ("LogisticRegression", {}, "package.module.Class"),
        ("sklearn.linear_model.LogisticRegression", {"colour": 1}, "colour"),
        ("sklearn.svm.LinearSVC", {}, "has no predict_proba"),
    ],
)
def test_a_wrong_estimator_is_named(people, estimator, arguments, said):
    pytest.importorskip("sklearn")
    made = REGISTRY.create("learner", "sklearn", estimator=estimator, arguments=arguments)
    with pytest.raises(dpaudit.UsageError, match=said):
        made.check(people)


def lines(people, *, runs=2, plain=False, loss=False):
    rng = np.random.default_rng(0)
    rows = np.concatenate([people.rows, people.held_out_rows])
    made = ["run,arm,record,chance:no,chance:yes" + (",loss" if loss else "")]
    for arm in ["made", *(["plain"] if plain else [])]:
        for run in range(runs):
            for row in rng.permutation(rows):
                p = rng.random()
                made.append(f"s{run},{arm},{row + 1},{1 - p!r},{p!r}" + (",0.5" if loss else ""))
    return made


def predictions(folder, content, **parameters):
    (folder / "p.csv").write_text("\n".join(content) + "\n")
    made = REGISTRY.create("learner", "predictions", file="p.csv", **parameters)
    return attrs.evolve(made, base=folder)


def test_predictions_are_put_beside_their_records(people, tmp_path):
    content = lines(people, plain=True)
    made = predictions(tmp_path, content, epsilon=2.0)
    assert made.arms == ("made", "plain")
    made.check(people)
    runs = made.train(people, range(2), 0)
    told = {
        (cells[0], int(cells[2])): float(cells[4])
        for cells in (line.split(",") for line in content[1:])
        if cells[1] == "made"
    }
    for split, rows in (("train", people.rows), ("held-out", people.held_out_rows)):
        wanted = [[told[f"s{run}", row + 1] for row in rows] for run in range(2)]
        np.testing.assert_allclose(runs.chances(split)[:, :, 1], wanted)
        y = people.records(split).labels
        p = np.where(y == 1, wanted, 1 - np.array(wanted))
        np.testing.assert_allclose(runs.losses(split), -np.log(p))
    assert made.privacy(people).epsilon == 2.0
    assert "the word of" in made.caveats()[0]
    later = made.train(people, range(1, 2), 0).losses()
    np.testing.assert_array_equal(later[0], runs.losses()[1])


def test_losses_that_are_given_are_taken(people, tmp_path):
    made = predictions(tmp_path, lines(people, loss=True))
    assert made.arms == ("made",)
    assert (made.train(people, range(2), 0).losses() == 0.5).all()
    assert np.isinf(made.privacy(people).epsilon)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[:-1], "says nothing of record"),
        (lambda rows: [*rows, rows[-1]], "twice"),
        (lambda rows: [rows[0].replace("run", "seed"), *rows[1:]], "no column 'run'"),
        (
            lambda rows: [rows[0], *(r.replace("made", "other") for r in rows[1:])],
            "the arm 'other'",
        ),
        (lambda rows: [rows[0].replace("chance:yes", "chance:ja"), *rows[1:]], "has neither loss"),
        (lambda rows: [*rows[:-1], rows[-1].rpartition(",")[0] + ",2.5"], "do not sum to 1"),
        (lambda rows: [*rows[:-1], rows[-1].rpartition(",")[0] + ","], "no number"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(people, tmp_path, change, said):
    made = predictions(tmp_path, change(lines(people)))
    with pytest.raises(dpaudit.DataError, match=said):
        made.train(people, range(2), 0)


def test_more_runs_than_there_are_are_refused(people, tmp_path):
    made = predictions(tmp_path, lines(people))
    with pytest.raises(dpaudit.DataError, match="set replicates = 2"):
        made.train(people, range(3), 0)
    with pytest.raises(dpaudit.UsageError, match="no model"):
        made.fit(people, np.random.default_rng())
    missing = attrs.evolve(made, file=tmp_path / "q.csv")
    with pytest.raises(dpaudit.DataError, match="no such file"):
        missing.check(people)


AUDIT = """
title = "Made elsewhere"
[training]
file = "people.csv"
status = "public"
features = ["x", "y"]
label = "label"
labels = ["no", "yes"]
group = "group"
reference = "sgd"
split = { test = 0.25 }
ranges = { x = [0, 1], y = [0, 1] }
[[learner]]
use = "predictions"
file = "said.csv"
replicates = 3
[[learner]]
use = "sklearn"
estimator = "sklearn.ensemble.RandomForestClassifier"
arguments = { n_estimators = 3, max_depth = 2 }
replicates = 2
[[audit]]
use = "group-metrics"
[[audit]]
use = "excessive-risk"
"""


@pytest.mark.slow
def test_an_audit_file_names_them(tmp_path):
    """Through the engine: a file beside the audit file, and an estimator in another process."""
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    x, y, labels = rng.random(120), rng.random(120), rng.choice(["no", "yes"], 120)
    groups = rng.choice(["a", "b"], 120)
    rows = zip(x, y, labels, groups, strict=True)
    (tmp_path / "people.csv").write_text(
        "x,y,label,group\n" + "".join(f"{a:.3f},{b:.3f},{c},{d}\n" for a, b, c, d in rows)
    )
    said = ["run,arm,record,chance:no,chance:yes"]
    for arm, sure in (("made", 0.6), ("plain", 0.9)):
        for run in range(3):
            for row, label in enumerate(labels, start=1):
                p = sure if label == "yes" else 1 - sure
                said.append(f"{run},{arm},{row},{1 - p:.6f},{p:.6f}")
    (tmp_path / "said.csv").write_text("\n".join(said))
    (tmp_path / "audit.toml").write_text(AUDIT)
    results = dpaudit.run(dpaudit.load(tmp_path / "audit.toml"))
    risk = results.select(task="predictions", quantity="excess-risk")[0].estimate
    np.testing.assert_allclose(risk.value, np.log(0.9 / 0.6), rtol=1e-5)
    forest = results.select(task="sklearn", quantity="excess-risk")[0].estimate
    np.testing.assert_allclose(forest.value, 0.0, atol=1e-12)
    right = results.select(task="predictions", quantity="accuracy")[0].estimate
    np.testing.assert_array_equal(right.value, 1.0)
