"""Attacks on models from file to report: honest on models that know nobody, found on those that do.

The learners are plug-ins beside the audit file that need no torch: one that is surer of the people
it has learnt from, and one that ignores them.
"""

import json
import textwrap

import numpy as np
import pytest

import dpaudit
from dpaudit.cli.execution import trained_at_most
from dpaudit.cli.main import run as command
from dpaudit.config import check
from dpaudit.engine.prepare import prepare_learning
from dpaudit.engine.targets import jobs
from dpaudit.report.assemble import build_report
from dpaudit.report.exports import measurements_csv
from dpaudit.report.html import render_html

LEARNERS = '''
import numpy as np

import dpaudit


class Sure:
    """Half sure of everybody, and surer by ``shift`` of whom it has learnt from."""

    def __init__(self, inputs, shift, rng):
        self.known = {row.tobytes() for row in inputs}
        self.shift, self.noise = shift, rng

    def chances(self, inputs):
        seen = np.array([row.tobytes() in self.known for row in inputs])
        hard = np.sin(1e4 * inputs[:, 0])
        noise = np.sin(self.noise * (1.0 + inputs[:, 0]))
        right = 1.0 / (1.0 + np.exp(-(0.5 + hard + 0.7 * noise + self.shift * seen)))
        return np.stack([1.0 - right, right], axis=1)

    def losses(self, inputs, labels):
        return -np.log(self.chances(inputs)[:, 1])


@dpaudit.learner()
def memory(data, rng, *, shift: float = 1.5):
    """Keeps everybody whom it has learnt from."""
    return Sure(data.train.inputs, shift, float(rng.uniform(1e3, 1e6)))


@dpaudit.learner()
def blind(data, rng):
    """Ignores the people."""
    return Sure(data.train.inputs[:0], 0.0, float(rng.uniform(1e3, 1e6)))
'''

AUDIT = """\
    title = "Who was learnt from"
    plugins = ["mine.py"]

    [training]
    file = "people.csv"
    status = "public"
    features = ["age"]
    label = "yes"
    group = "sex"
    ranges = {{ age = [0, 100] }}
    split = {{ test = 0.25 }}

    [run]
    confidence = 0.999999

    {learners}

    {attacks}
    """

BOTH = """
[[learner]]
use = "memory"

[[learner]]
use = "blind"
"""

EVERY = """
[[attack]]
use = "loss-threshold"
game = "pool"
replicates = 20

[[attack]]
use = "lira"
game = "pool"
replicates = 20

[[attack]]
name = "lira offline"
use = "lira"
mode = "offline"
game = "pool"
replicates = 20

[[attack]]
use = "rmia"
game = "pool"
replicates = 20

[[attack]]
use = "population"
game = "pool"
replicates = 20

[[attack]]
use = "label-only"
game = "pool"
replicates = 20
"""


class Files:
    """Writes audit files in a folder."""

    def __init__(self, folder):
        self.folder = folder
        rng = np.random.default_rng(3)
        lines = ["age,sex,yes"]
        lines += [f"{100 * rng.random():.6f},{'fm'[i % 3 > 0]},{i % 2}" for i in range(267)]
        (folder / "people.csv").write_text("\n".join(lines) + "\n")
        (folder / "mine.py").write_text(LEARNERS)

    def __call__(self, learners=BOTH, attacks=EVERY, name="audit.toml", **replaced):
        file = self.folder / name
        text = textwrap.dedent(AUDIT).format(learners=learners, attacks=attacks)
        for old, new in replaced.items():
            text = text.replace(*new) if old.startswith("swap") else text
        file.write_text(text)
        return file


@pytest.fixture
def audit(tmp_path):
    return Files(tmp_path)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return dpaudit.run(dpaudit.load(Files(tmp_path_factory.mktemp("audit"))()))


def of(results, attack, learner):
    return next(a for a in results.attacks if (a.attack, a.release) == (attack, learner))


def test_models_that_know_people_are_exposed_and_those_that_do_not_are_not(results):
    """At confidence 1 - 1e-6: nobody is called exposed by chance more often than that."""
    assert len(results.attacks) == 12
    for one in results.attacks:
        if one.release == "blind":
            assert one.verdict in {"uninformative", "not shown"}
            assert one.estimate.low <= 0.5 <= one.estimate.high
        elif one.attack != "label-only":
            assert one.verdict == "exposed"
            assert one.estimate.low > 0.52
    lira, loss = (of(results, name, "memory").estimate for name in ("lira", "loss-threshold"))
    assert lira.low > loss.high


def test_every_number_has_game_unit_baseline_null_groups_and_refusals(results):
    for one in results.attacks:
        assert (one.game, one.unit, one.replicates) == ("pool", "model", 20)
        assert [b.name for b in one.baselines] == ["guessing"]
        assert one.null is not None
        assert one.null.low <= 0.5 <= one.null.high
        (group,) = one.groups
        assert group.labels == ("f", "m")
        assert group.people.sum() == 200
        assert 0 < group.p_value <= 1
        assert (one.others, one.refused) == (100.0, (0.001, 0.01))
        assert not [m for m in one.more if m.quantity.startswith("tpr-")]


def test_attacks_alone_train_nothing_for_audits(audit, monkeypatch):
    prepared = prepare_learning(dpaudit.load(audit()))
    assert set(prepared.trainable) == {"memory / 20 models", "blind / 20 models"}
    assert not prepared.spec.audits
    both = audit(attacks=EVERY + '\n[[audit]]\nuse = "group-metrics"\n', name="both.toml",
                 swap=('group = "sex"', 'group = "sex"\nreference = "memory"'))  # fmt: skip
    assert set(prepare_learning(dpaudit.load(both)).trainable) == {
        "memory", "blind", "memory / 20 models", "blind / 20 models"
    }  # fmt: skip


def test_numbers_do_not_depend_on_workers_or_the_cache(audit, tmp_path, results, monkeypatch):
    spec, cache = dpaudit.load(audit()), tmp_path / "cache"
    want = measurements_csv(results)
    assert measurements_csv(dpaudit.run(spec, workers=3, cache=cache)) == want

    def never(*_args):
        raise AssertionError("trained again")

    monkeypatch.setattr(jobs.ShadowJob, "train", never)
    assert measurements_csv(dpaudit.run(spec, cache=cache)) == want
    other = dpaudit.load(audit(attacks=EVERY.split("[[attack]]\nuse = \"lira\"", maxsplit=1)[0],
                               name="one.toml"))  # fmt: skip
    found = dpaudit.run(other, cache=cache).attacks
    assert [float(a.estimate.value) for a in found] == [
        float(of(results, "loss-threshold", a.release).estimate.value) for a in found
    ]


@pytest.mark.slow
def test_worker_processes_give_the_same_numbers(audit, results):
    spec = dpaudit.load(audit())
    made = dpaudit.run(spec, executor="processes", workers=2)
    assert measurements_csv(made) == measurements_csv(results)


def test_the_report_tells_attacks_their_checks_and_what_is_refused(results):
    report = build_report(results)
    text = " ".join(render_html(report).split())
    for said in (
        "finds out whom “memory” has learnt from",
        "1 false alarm in 100 needs at least 300 people whom a model has not learnt from",
        "and there are 100: what is found there is not told.",
        "Do the attacks measure what they should?",
        "Ranked rightly, of 100, by sex: attacks on “memory”",
        "The game “a list of candidates”",
        "Shadow model",
    ):
        assert said in text, said
    assert "no attempt was made to find a person" not in text
    first, second = [f for f in report.findings if f.id.startswith("attack/")][:2]
    assert (first.verdict, first.entities) == ("exposed", ("memory",))
    assert second.entities == ("blind",)
    assert len(report.findings) == 12


def test_the_plan_says_what_models_and_attacks_cost(audit, capsys):
    assert command(["plan", str(audit()), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    named = {each["id"] for each in told["attacks"]}
    assert {"memory / 20 models", "memory / lira", "blind / rmia"} <= named
    assert all(each["seconds"] >= 0 for each in told["attacks"])
    assert told["draws"] == 20


def test_draws_on_the_command_line_are_models_at_most(audit):
    spec = dpaudit.load(audit())
    for draws, models in ((8, 20), (21, 20), (500, 20)):
        assert {a.replicates for a in trained_at_most(spec, draws).attacks} == {models}
    more = dpaudit.load(audit(attacks=EVERY.replace("replicates = 20", ""), name="more.toml"))
    for draws, models in ((8, 20), (31, 30), (500, 64)):
        assert {a.replicates for a in trained_at_most(more, draws).attacks} == {models}


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        ('use = "lira"\ngame = "pool"\nreplicates = 21', "21 models do not come in pairs"),
        ('use = "lira"\ngame = "pool"\nreplicates = 4', "from 20 to 10,000 models"),
        ('use = "lira"\ngame = "elsewhere"', "does not play 'elsewhere'"),
        ('use = "lira"', "game"),
        ('use = "lira"\ngame = "pool"\nlearners = ["memroy"]', "no learner is named 'memroy'"),
        ('use = "lira"\ngame = "pool"\nreleases = ["a"]', "an attack on models has no releases"),
        ('use = "lira"\ngame = "pool"\ncandidates = "a.csv"', "has no candidates"),
        ('use = "bayes-pool"\ngame = "pool"', "is on releases of counts, and this file has"),
    ],
)
def test_faults_are_found_at_their_place(audit, attack, said):
    problems = check(audit(attacks=f"[[attack]]\n{attack}\n"))
    assert any(said in str(problem) for problem in problems), problems


def test_what_the_data_cannot_give_is_refused(audit):
    rmia = '[[attack]]\nuse = "rmia"\ngame = "pool"\n'
    with pytest.raises(dpaudit.SpecError, match="nobody is held out"):
        prepare_learning(dpaudit.load(audit(attacks=rmia, swap=("test = 0.25", "test = 0"))))
    label = '[[attack]]\nuse = "label-only"\ngame = "pool"\n'
    number = audit(attacks=label, swap=('label = "yes"', 'label = "yes"\nlabel_range = [0, 1]'))
    with pytest.raises(dpaudit.SpecError, match="the label is a number"):
        prepare_learning(dpaudit.load(number))
    few = audit(attacks=rmia, swap=('label = "yes"', 'label = "yes"\nrecords = 21'))
    with pytest.raises(dpaudit.SpecError, match="20 people whom some models"):
        prepare_learning(dpaudit.load(few))


def test_an_attack_of_a_stranger_that_fails_is_named_and_the_rest_goes_on(audit):
    (audit.folder / "mine.py").write_text(
        LEARNERS
        + '\n\n@dpaudit.attack(of="models")\ndef broken(target, rng):\n    return target.loss\n'
    )
    one = '[[attack]]\nuse = "{}"\ngame = "pool"\nreplicates = 20\nlearners = ["memory"]\n'
    results = dpaudit.run(dpaudit.load(audit(attacks=one.format("broken") + one.format("lira"))))
    assert [a.attack for a in results.attacks] == ["lira"]
    (failure,) = results.failures
    assert "broken" in failure.message


CSV_AUDIT = """\
    title = "Models made elsewhere"

    [training]
    file = "people.csv"
    status = "public"
    features = ["age"]
    label = "yes"
    group = "sex"
    ranges = { age = [0, 100] }
    split = { test = 0 }

    [[learner]]
    use = "predictions"
    file = "models.csv"

    [[attack]]
    use = "lira"
    game = "pool"
    replicates = 30

    [[attack]]
    use = "population"
    game = "pool"
    """


@pytest.fixture
def elsewhere(audit):
    """Twenty-four models whose logits are shifted by 2 for whom each learnt from, as a CSV file."""
    rng = np.random.default_rng(8)
    hard = rng.standard_normal(267)
    lines = ["run,record,loss,member"]
    for run in range(24):
        members = (rng.random(267) < 0.5) & (np.arange(267) < 227)
        losses = np.logaddexp(0.0, -(hard + 2.0 * members + 0.7 * rng.standard_normal(267)))
        lines += [f"m{run},{i + 1},{losses[i]:.9f},{int(members[i])}" for i in rng.permutation(267)]
    (audit.folder / "models.csv").write_text("\n".join(lines) + "\n")
    file = audit.folder / "audit.toml"
    file.write_text(textwrap.dedent(CSV_AUDIT))
    return file


def test_models_made_elsewhere_are_attacked(elsewhere):
    lira, population = dpaudit.run(dpaudit.load(elsewhere)).attacks
    assert (lira.replicates, population.replicates) == (24, 24)
    assert lira.verdict == population.verdict == "exposed"
    # Moments from a dozen models each: within 0.03 of Phi(2 / (0.7 sqrt 2)) = 0.978.
    assert 0.948 < lira.estimate.value < 0.985
    assert lira.null.low <= 0.5 <= lira.null.high
    assert sum(g.people.sum() for g in lira.groups) == 227  # the 40 in no model are the population


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace(",member", ",other"), "does not say whom each run has learnt"),
        (lambda text: text.replace(",1\n", ",2\n", 1), "a member that is not 0 or 1"),
    ],
)
def test_a_file_that_does_not_say_who_was_learnt_from_is_refused(elsewhere, change, said):
    models = elsewhere.parent / "models.csv"
    models.write_text(change(models.read_text()))
    with pytest.raises(dpaudit.DataError, match=said):
        prepare_learning(dpaudit.load(elsewhere))


def test_people_who_were_learnt_from_cannot_be_held_out(elsewhere):
    elsewhere.write_text(elsewhere.read_text().replace("test = 0 }", "test = 0.2 }"))
    with pytest.raises(dpaudit.DataError, match="whom the audit holds out"):
        prepare_learning(dpaudit.load(elsewhere))


def test_a_few_models_say_nothing(elsewhere):
    models = elsewhere.parent / "models.csv"
    kept = [line for line in models.read_text().splitlines() if not line.startswith("m")]
    kept += [
        line for line in models.read_text().splitlines() if line.split(",")[0] in {"m0", "m1", "m2"}
    ]
    models.write_text("\n".join(kept) + "\n")
    with pytest.raises(dpaudit.SpecError, match="needs 4 models on either side"):
        prepare_learning(dpaudit.load(elsewhere))
    text = elsewhere.read_text()
    at = text.index('[[attack]]\nuse = "lira"')
    elsewhere.write_text(text[:at] + text[text.index('[[attack]]\nuse = "population"') :])
    (one,) = dpaudit.run(dpaudit.load(elsewhere)).attacks
    assert (one.verdict, one.reason) == ("uninformative", "few")
    assert (float(one.estimate.low), float(one.estimate.high)) == (0.0, 1.0)
