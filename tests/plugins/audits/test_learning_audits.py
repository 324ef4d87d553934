"""Audits of learners on runs whose every number is known."""

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.training import models, pruning
from dpaudit.training.group_metrics import shares
from dpaudit.training.one_hidden_layer import OneHiddenLayer
from dpaudit.training.pate import VoteNoise
from dpaudit.training.records import Records
from dpaudit.training.runs import ModelRuns, TabledRuns
from dpaudit.training.teachers import Votes

REGISTRY = dpaudit.Registry.discover()


def people(n=400, seed=0, *, classes=("no", "yes"), held_out=True, groups=("a", "b")):
    """Return n records in groups, a quarter of as many held out; inputs have three columns."""
    rng = np.random.default_rng(seed)
    m = n + (n // 4 if held_out else 0)
    inputs = np.column_stack([rng.random((m, 2)), np.ones(m)]) / 2.0
    labels = rng.integers(0, len(classes) or 2, m)
    members = rng.integers(0, len(groups), m)

    def part(rows):
        return Records(inputs=inputs[rows], labels=labels[rows], groups=members[rows], names=groups)

    return dpaudit.TrainingData(
        train=part(slice(0, n)), held_out=part(slice(n, m)) if held_out else None,
        rows=np.arange(n), columns=("x", "y", "constant"), classes=classes, norm_bound=1.0,
        public_scaling=True, group="sex",
    )  # fmt: skip


@attrs.frozen(kw_only=True)
class Made:
    """Runs by arm, as the engine would give them; it satisfies ``dpaudit.LearnerSubject``."""

    data: object
    of_arm: dict
    learner: object = None
    baseline: object = None
    task: str = "made epsilon=1"
    confidence: float = 0.95
    reference: str = "sgd"
    unit: str = "nats"

    @property
    def arms(self):
        return tuple(self.of_arm)

    def runs(self, arm="made"):
        return self.of_arm[arm]

    def reference_runs(self):
        return self.of_arm["plain"]


def measured(audit, subject):
    """Return what an audit measures, by quantity and ``over``."""
    found = audit.measure(subject, np.random.default_rng(0))
    return {(one.quantity, "total" if one.over == "total" else "each"): one for one in found}


def audit(name, **parameters):
    return REGISTRY.create("audit", name, **parameters)


def runs_that_say(data, right, seed=0):
    """Return runs that class a record of group a rightly with the chance ``right[run][a]``."""
    rng, chances, losses = np.random.default_rng(seed), {}, {}
    for split, records in data.splits.items():
        rows = []
        for share in right:
            hit = rng.random(len(records)) < np.array(share)[records.groups]
            said = np.where(hit, records.labels, (records.labels + 1) % len(data.classes))
            rows.append(np.eye(len(data.classes))[said.astype(int)] * 0.8 + 0.2 / len(data.classes))
        chances[split] = np.stack(rows)
        chosen = chances[split][:, np.arange(len(records)), records.labels.astype(int)]
        losses[split] = -np.log(chosen)
    return TabledRuns(data=data, of_losses=losses, of_chances=chances)


@pytest.fixture(scope="module")
def served():
    data = people(4000)
    made = runs_that_say(data, [(0.7, 0.68)] * 4)
    plain = runs_that_say(data, [(0.9, 0.7)] * 4, seed=1)
    return Made(data=data, of_arm={"made": made, "plain": plain})


def test_group_metrics_are_those_of_counting(served):
    found = measured(audit("group-metrics"), served)
    records = served.data.train
    said = served.runs().predictions()
    for name, share in shares(said, records, 2).items():
        one = found[name, "each"]
        assert (one.over, one.labels) == ("sex", ("a", "b"))
        np.testing.assert_allclose(one.estimate.value, share.runs.mean(axis=0))
        gap = found[f"{name}-gap", "total"].estimate
        assert gap.value == pytest.approx(np.ptp(share.runs.mean(axis=0)))
    overall = (said == records.labels).mean()
    assert found["accuracy", "total"].estimate.value == pytest.approx(overall)
    worst = found["minimum-group-accuracy", "total"].estimate.value
    assert worst == found["accuracy", "each"].estimate.value.min()
    people_error = found["accuracy-of-people", "each"].estimate
    assert (people_error.high - people_error.low > 0.03).all()  # 2,000 people: about 0.045
    assert ("held-out-accuracy", "each") in found
    assert ("calibration-gap", "each") in found


def test_a_gap_that_closes_by_loss_is_flagged(served):
    found = measured(audit("group-metrics"), served)
    lost = found["levelled-down", "each"].estimate
    assert lost.value[0] == pytest.approx(0.2, abs=0.03)
    assert lost.low[0] > 0.1
    change = found["accuracy-change", "each"].estimate
    np.testing.assert_allclose(change.value[0], -lost.value[0])
    turned = attrs.evolve(
        served, of_arm={"made": served.runs("plain"), "plain": served.runs("made")}
    )
    assert ("levelled-down", "each") not in measured(audit("group-metrics"), turned)


def test_a_mitigation_is_held_to_what_it_mitigates(served):
    better = Made(data=served.data, of_arm={"made": served.runs("plain")})
    mitigating = attrs.evolve(served, baseline=better)
    found = measured(audit("group-metrics"), mitigating)
    np.testing.assert_allclose(
        found["levelled-down-against", "each"].estimate.value,
        found["levelled-down", "each"].estimate.value,
    )


def test_numbers_have_no_group_metrics():
    data = people(40, classes=())
    runs = TabledRuns(data=data, of_losses={"train": np.ones((2, 40))})
    subject = Made(data=data, of_arm={"made": runs, "plain": runs})
    for name in ("group-metrics", "frontier"):
        assert not audit(name).measure(subject, np.random.default_rng(0))


def test_a_group_without_positives_is_left_out_of_their_rate():
    data = people(200, held_out=False)
    labels = np.where(data.train.groups == 1, 0.0, data.train.labels)
    data = attrs.evolve(data, train=attrs.evolve(data.train, labels=labels))
    runs = runs_that_say(data, [(0.8, 0.8)] * 2)
    found = measured(audit("group-metrics"), Made(data=data, of_arm={"made": runs, "plain": runs}))
    assert found["true-positive-rate", "each"].labels == ("a",)
    assert found["false-positive-rate", "each"].labels == ("a", "b")
    assert ("true-positive-rate-gap", "total") not in found


def test_the_frontier_says_which_way_the_gap_went(served):
    found = measured(audit("frontier"), served)
    assert found["frontier-gap-change", "total"].estimate.high < -0.05
    assert found["frontier-accuracy-change", "total"].estimate.high < 0
    held_out = (served.runs().predictions("held-out") == served.data.held_out.labels).mean()
    assert found["frontier-accuracy", "total"].estimate.value == pytest.approx(held_out)
    from dpaudit_plugins.audits.frontier import direction

    assert direction(found["frontier-gap-change", "total"].estimate) == "narrower"
    assert direction(dpaudit.Estimate.exact(0.1)) == "wider"
    assert direction(dpaudit.Estimate.exact(0.0)) == "the same"


@attrs.frozen
class Teachers:
    """A learner of which only votes are known."""

    law: str = "gaussian"
    teachers: int = 10
    names_winner: bool = True

    @property
    def vote_noise(self):
        return VoteNoise(law=self.law, scale=3.0)

    def votes(self, data, teachers=None):
        count = teachers or self.teachers
        records = Records(
            inputs=np.ones((4, 1)), labels=[0, 1, 0, 1], groups=[0, 0, 1, 1], names=("a", "b")
        )
        counts = np.array([[0.9, 0.1], [0.3, 0.7], [0.4, 0.6], [0.5, 0.5]]) * count
        return Votes(counts=counts, records=records)


@pytest.mark.parametrize("law", ["gaussian", "laplace"])
def test_votes_are_audited_without_draws(law):
    subject = Made(data=people(40), of_arm={}, learner=Teachers(law))
    found = measured(audit("pate-votes"), subject)
    noise = VoteNoise(law=law, scale=3.0)
    keep = noise.keep_probability(Teachers().votes(None).counts)
    flips = found["flip-probability", "each"].estimate
    assert flips.is_deterministic
    np.testing.assert_allclose(flips.value, [1 - keep[:2].mean(), 1 - keep[2:].mean()])
    np.testing.assert_allclose(found["vote-margin", "each"].estimate.value, [0.6, 0.1])
    np.testing.assert_allclose(found["ensemble-accuracy", "each"].estimate.value, [1.0, 0.0])
    right = [keep[:2].mean(), (1 - keep[2] + 0.5) / 2]
    np.testing.assert_allclose(found["label-accuracy", "each"].estimate.value, right, atol=1e-8)
    assert found["flip-probability-gap", "total"].estimate.value > 0


def test_more_teachers_turn_fewer_labels():
    subject = Made(data=people(40), of_arm={}, learner=Teachers())
    rows = audit("pate-votes", teachers=(20, 100)).measure(subject, np.random.default_rng(0))
    flips = [row for row in rows if row.quantity == "flip-probability"]
    assert [row.over for row in flips] == ["sex", "sex × teachers", "sex × teachers"]
    assert flips[1].labels == ("a, 20 teachers", "b, 20 teachers")
    values = np.stack([row.estimate.value for row in flips])
    assert (np.diff(values, axis=0)[:, 0] < 0).all()
    for other in (object(), Teachers(names_winner=False)):
        nobody = attrs.evolve(subject, learner=other)
        assert not audit("pate-votes").measure(nobody, np.random.default_rng(0))


@attrs.frozen
class Rate:
    rate: float = 0.5


@pytest.fixture(scope="module")
def pruned():
    data = people(60, classes=("0", "1", "2"))
    model = OneHiddenLayer(features=3, hidden=4, classes=3)
    theta = np.random.default_rng(0).standard_normal((3, model.size))
    weights = np.zeros(model.size, dtype=bool)
    weights[:12] = weights[16:28] = True
    gone = np.stack([pruning.pruned_by_magnitude(row, weights, 0.5) for row in theta])
    runs = {
        arm: ModelRuns(data=data, model=model, parameters=rows)
        for arm, rows in (("made", gone), ("plain", theta))
    }
    return Made(data=data, of_arm=runs, learner=Rate())


def test_pruning_is_measured_as_it_is_defined(pruned):
    found = measured(audit("pruning"), pruned)
    plain, gone = pruned.runs("plain"), pruned.runs()
    each = [
        pruning.pruning_loss(plain.model, before, after, pruned.data.train)
        for before, after in zip(plain.parameters, gone.parameters, strict=True)
    ]
    wanted = {
        "pruning-loss": [one.excess for one in each],
        "pruning-prediction": [one.first + one.second for one in each],
        "mean-gradient-norm": [one.gradient_norms for one in each],
        "largest-eigenvalue": [one.largest_eigenvalues for one in each],
        "pruning-bound": [one.bound for one in each],
    }
    for name, rows in wanted.items():
        mean = np.mean(rows, axis=0)
        np.testing.assert_allclose(found[name, "each"].estimate.value, mean, rtol=1e-9)
    assert (
        found["pruning-loss", "each"].estimate.value
        <= found["pruning-bound", "each"].estimate.value
    ).all()
    change = [
        models.group_losses(plain.model, b, pruned.data.held_out)
        - models.group_losses(plain.model, a, pruned.data.held_out)
        for a, b in zip(plain.parameters, gone.parameters, strict=True)
    ]
    np.testing.assert_allclose(
        found["held-out-pruning-loss", "each"].estimate.value, np.mean(change, axis=0)
    )
    recall = found["recall-change", "each"]
    assert (recall.over, recall.labels) == ("class", ("0", "1", "2"))
    assert ("rich-get-richer", "total") not in found  # two groups always have an order
    quick = measured(audit("pruning", cause_runs=0), pruned)
    assert ("pruning-bound", "each") not in quick
    assert ("pruning-prediction", "each") in quick


def test_only_what_prunes_is_audited_for_it(pruned):
    other = attrs.evolve(pruned, learner=object())
    assert not audit("pruning").measure(other, np.random.default_rng(0))


def test_identified_exemplars_and_ranks():
    before = np.array([[0, 0, 1], [0, 1, 1], [1, 1, 2]])
    after = np.array([[0, 1, 1], [1, 1, 2], [1, 0, 2]])
    assert pruning.flipped(before, after, 3).tolist() == [True, False, True]
    rank = pruning.rank_correlation
    x = np.array([1.0, 5.0, 2.0, 2.0])
    from scipy import stats

    y = np.array([0.1, 0.2, 0.2, 0.0])
    assert rank(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)
    assert rank(np.array([1.0, 2.0]), np.array([1.0, 2.0])) is None
    assert rank(x, np.zeros(4)) is None


def test_the_report_says_what_every_quantity_is(served, pruned):
    from dpaudit.report.learning_served import SERVED, served_formulas
    from dpaudit.report.learning_terms import formulas
    from dpaudit.report.prose import Prose

    teachers = Made(data=people(40), of_arm={}, learner=Teachers())
    mitigating = attrs.evolve(served, baseline=served)
    found = {
        one.quantity.removeprefix("held-out-")
        for name, subject in (
            ("group-metrics", mitigating), ("frontier", served), ("pate-votes", teachers),
            ("pruning", pruned),
        )
        for one in audit(name).measure(subject, np.random.default_rng(0))
    }  # fmt: skip
    prose = Prose(language="en")
    told = {**served_formulas(prose), **formulas(prose)}
    assert found <= set(told)
    assert set(told) >= SERVED
