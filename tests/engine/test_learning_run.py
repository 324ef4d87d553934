"""Audits of learners from file to report: the same numbers for any workers, cache and executor."""

import json
import textwrap

import numpy as np
import pytest

import dpaudit
from dpaudit.cli.main import run as command
from dpaudit.engine import learning_plan
from dpaudit.engine.prepare import prepare_learning
from dpaudit.report.exports import measurements_csv

AUDIT = """\
    title = "People"

    [training]
    file = "people.csv"
    status = "public"
    features = ["age", "job"]
    label = "yes"
    group = ["sex", "job"]
    ranges = { age = [18, 60] }
    split = { test = 0.3 }
    reference = "optimum"

    [[learner]]
    use = "output-perturbation"
    epsilon = [0.5, 2.0]
    penalty = 0.1
    replicates = 70

    [[learner]]
    name = "softmax noise"
    use = "output-perturbation"
    loss = "softmax"
    epsilon = [0.5, 2.0]
    penalty = 0.1
    replicates = 70
    against = "output-perturbation"

    [[learner]]
    use = "logistic"
    penalty = 0.1
    """


@pytest.fixture
def audit(tmp_path):
    rng = np.random.default_rng(3)
    lines = ["age,job,sex,yes"]
    for i in range(400):
        chance = 0.2 + 0.5 * (i % 2) * (i % 3 > 0)
        lines.append(f"{20 + i % 40},{'abc'[i % 3]},{'fm'[i % 2]},{int(rng.random() < chance)}")
    (tmp_path / "people.csv").write_text("\n".join(lines) + "\n")
    path = tmp_path / "audit.toml"
    path.write_text(textwrap.dedent(AUDIT))
    return path


def test_numbers_do_not_depend_on_workers_executor_or_cache(audit, tmp_path):
    spec = dpaudit.load(audit)
    want = measurements_csv(dpaudit.run(spec))
    cache = tmp_path / "cache"
    assert measurements_csv(dpaudit.run(spec, workers=3, cache=cache)) == want
    stored = list(cache.rglob("*.npz"))
    assert stored
    assert measurements_csv(dpaudit.run(spec, cache=cache)) == want
    stored[0].write_bytes(stored[0].read_bytes()[:-7] + b"damaged")
    assert measurements_csv(dpaudit.run(spec, cache=cache)) == want


@pytest.mark.slow
def test_worker_processes_give_the_same_numbers(audit):
    spec = dpaudit.load(audit)
    made = dpaudit.run(spec, executor="processes", workers=2)
    assert measurements_csv(made) == measurements_csv(dpaudit.run(spec))


def test_a_cached_block_is_not_trained_again(audit, tmp_path, monkeypatch):
    spec = dpaudit.load(audit)
    dpaudit.run(spec, cache=tmp_path / "cache")

    def never(*_args):
        raise AssertionError("trained again")

    monkeypatch.setattr(learning_plan.LearnerJob, "train", never)
    dpaudit.run(spec, cache=tmp_path / "cache")


def test_exact_risks_are_those_of_many_runs(audit):
    """Six groups over 2,000 antithetic pairs, each within 6 errors (1e-8)."""
    spec = dpaudit.load(audit)
    exact = dpaudit.run(spec).select(
        task="output-perturbation epsilon=0.5", quantity="excess-risk", over="sex × job"
    )[0].estimate  # fmt: skip
    assert exact.is_deterministic
    prepared = prepare_learning(spec)
    learner, data = prepared.jobs["output-perturbation epsilon=0.5"].learner, prepared.training
    pairs = sum(learner.train(data, range(2000), 9, arm).losses() for arm in ("made", "twin")) / 2
    rows = data.train.means((pairs - learner.train(data, range(1), 9, "plain").losses()).T).T
    error = rows.std(axis=0) / np.sqrt(len(rows))
    assert (np.abs(rows.mean(axis=0) - exact.value) < 6 * error).all()
    assert (exact.value > 6 * error).all()  # the control: no excess would be told from it


def test_quantities_are_consistent(audit):
    results = dpaudit.run(dpaudit.load(audit))
    sizes = results.data.counts / results.data.counts.sum()
    for one in results.learners:
        task = one.task.id
        found = {
            (m.quantity, m.over == "total"): m.estimate.value
            for m in results.select(task=task) if not m.quantity.startswith("held-out")
        }  # fmt: skip
        risks, overall = found["excess-risk", False], found["excess-risk", True]
        assert overall == pytest.approx(sizes @ risks, abs=1e-12)
        np.testing.assert_allclose(found["signed-gap", False], risks - overall, atol=1e-12)
        np.testing.assert_allclose(found["gap", False], np.abs(risks - overall), atol=1e-12)
        assert found["largest-difference", True] == pytest.approx(np.ptp(risks), abs=1e-12)
    logistic = results.select(task="logistic", quantity="excess-risk", over="sex × job")[0]
    np.testing.assert_allclose(logistic.estimate.value, 0.0, atol=1e-12)


def test_a_mitigation_is_compared_at_the_same_point(audit):
    results = dpaudit.run(dpaudit.load(audit))
    by_id = {one.task.id: one.task for one in results.learners}
    assert by_id["softmax noise epsilon=2"].baseline == "output-perturbation epsilon=2"
    change = results.select(task="softmax noise epsilon=2", quantity="excess-risk-change")[0]
    assert change.labels == results.data.entities
    head, _, tail = audit.read_text().rpartition("epsilon = [0.5, 2.0]")
    audit.write_text(f"{head}epsilon = 3.0{tail}")
    with pytest.raises(dpaudit.SpecError, match="is not at the same point"):
        dpaudit.run(dpaudit.load(audit))


def test_the_command_line_checks_plans_and_reports(audit, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command(["check", str(audit)]) == 0
    assert "3 learners" in capsys.readouterr().out
    assert command(["plan", str(audit), "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert [task["id"] for task in planned["tasks"]][-1] == "logistic"
    assert all(task["seconds"] >= 0 and task["memory_bytes"] > 0 for task in planned["tasks"])
    assert command(["plan", str(audit)]) == 0
    assert "softmax noise" in capsys.readouterr().out
    folder = tmp_path / "out"
    assert command(["report", str(audit), "--out", str(folder), "-f", "html", "-f", "json"]) == 0
    out = capsys.readouterr().out
    assert "Findings:" in out
    page = (folder / "report.html").read_text()
    for said in (
        "Who is hurt",
        "More and less privacy",
        "What mitigations do",
        "Why these groups",
        "What the models promise",
        "neighbours replace",
        "nothing is promised",
    ):
        assert said in page
    found = {f["id"].split("/")[0] for f in json.loads((folder / "findings.json").read_text())[
        "findings"]}  # fmt: skip
    assert found >= {"risk", "epsilon", "mitigation"}
    assert command(["show", str(folder)]) == 0


def test_two_reports_are_the_same_bytes(audit, tmp_path):
    results = dpaudit.run(dpaudit.load(audit))
    pages = []
    for name in ("one", "two"):
        dpaudit.write_report(results, tmp_path / name, formats=("html", "json"))
        pages.append((tmp_path / name / "report.html").read_bytes())
    assert pages[0] == pages[1]


def test_what_tells_of_confidential_records_stays_in_the_house(audit, tmp_path):
    results = dpaudit.run(dpaudit.load(audit))
    dpaudit.write_report(results, tmp_path / "out", formats=("json",), public=True)
    audit.write_text(audit.read_text().replace('"public"', '"confidential"'))
    results = dpaudit.run(dpaudit.load(audit))
    assert {m.discloses for m in results.measurements} == {"internal"}
    with pytest.raises(dpaudit.UsageError, match="computed from confidential records"):
        dpaudit.write_report(results, tmp_path / "out", formats=("json",), public=True)


@pytest.mark.parametrize(("limit", "code"), [(1e-9, 1), (100.0, 0)])
def test_thresholds_break_the_build(audit, tmp_path, limit, code, monkeypatch):
    monkeypatch.chdir(tmp_path)
    more = '[[audit]]\nuse = "excessive-risk"\nfail_if = {{ over = {}, for = "any group" }}\n'
    audit.write_text(audit.read_text() + more.format(limit))
    assert command(["report", str(audit), "--out", "o", "-f", "json", "-q"]) == code


def test_a_function_is_a_learner(audit, tmp_path):
    """A plain function in a file, run in a worker process, against a black box of its own."""
    (tmp_path / "mine.py").write_text(
        textwrap.dedent('''\
        import numpy as np
        import dpaudit

        class Rates:
            def __init__(self, rate):
                self.rate = rate

            def predict_proba(self, inputs):
                return np.tile([1 - self.rate, self.rate], (len(inputs), 1))

        @dpaudit.learner()
        def rate(data, rng, *, noise: float = 0.1):
            """The share of all, with noise."""
            return Rates(np.clip(data.train.labels.mean() + noise * rng.normal(), 0.01, 0.99))
        ''')
    )
    head = audit.read_text().partition("[[learner]]")[0]
    audit.write_text(
        'plugins = ["mine.py"]\n' + head.replace('"optimum"', '"logistic"')
        + '[[learner]]\nuse = "rate"\nreplicates = 60\n[[learner]]\nuse = "logistic"\n'
    )  # fmt: skip
    results = dpaudit.run(dpaudit.load(audit))
    risks = results.select(task="rate", quantity="excess-risk", over="total")[0].estimate
    assert risks.draws == 60
    assert risks.low > 0  # a constant knows less than a regression
    same = results.select(task="logistic", quantity="excess-risk", over="total")[0].estimate
    assert same.value == 0
    dpaudit.write_report(results, tmp_path / "out", formats=("html",))
    assert "“logistic”, trained on the same people" in (tmp_path / "out/report.html").read_text()


def test_a_reference_must_be_trained_alike(audit):
    text = audit.read_text().replace('"optimum"', '"softmax noise"')
    audit.write_text(text.replace("epsilon = [0.5, 2.0]", "epsilon = 1.0").replace(
        'replicates = 70\nagainst', 'replicates = 7\nagainst'))  # fmt: skip
    with pytest.raises(dpaudit.SpecError, match="is trained 7 times"):
        dpaudit.run(dpaudit.load(audit))
