"""Nets that are trained, pruned and trained on: arms, masks, regard to groups."""

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.training import models
from dpaudit.training.records import Records

pytest.importorskip("torch")
pytestmark = pytest.mark.learn

REGISTRY = dpaudit.Registry.discover()
QUICK = {"hidden": 6, "epochs": 8, "batch": 60}


def learner(name, **parameters):
    return REGISTRY.create("learner", name, **{**QUICK, **parameters})


@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("tune", [0, 3])
def test_the_arms_share_their_net(people, scope, tune):
    made = learner("pruned", rate=0.5, scope=scope, fine_tune=tune)
    plain = made.train(people, range(3), 4, "plain").parameters
    pruned = made.train(people, range(3), 4).parameters
    gone = (pruned == 0) & (plain != 0)
    weights = 6 * (people.features + 2)
    assert (gone.sum(axis=1) == round(0.5 * weights)).all()
    if not tune:
        np.testing.assert_array_equal(pruned[~gone], plain[~gone])
    np.testing.assert_array_equal(made.train(people, range(2, 3), 4).parameters, pruned[2:])
    milder = attrs.evolve(made, rate=0.25).train(people, range(3), 4, "plain").parameters
    np.testing.assert_array_equal(milder, plain)
    assert np.abs(plain[0] - plain[1]).max() > 0.01


def test_training_on_helps(people):
    x, y = people.train.inputs, people.train.labels

    def loss(**parameters):
        made = learner("pruned", rate=0.8, **parameters)
        theta = made.train(people, range(1), 1).parameters[0]
        return made.model(people).losses(theta, x, y).mean()

    assert loss(fine_tune=5) < loss()


@pytest.mark.parametrize("when", ["before", "after", "both"])
def test_fair_pruning_brings_group_losses_together(people, when):
    """Of a group whose labels are noise the loss is larger: the dual narrows the difference."""
    rng = np.random.default_rng(0)
    labels = np.where(people.train.groups == 1, rng.random(600) < 0.5, people.train.labels)
    data = attrs.evolve(people, train=attrs.evolve(people.train, labels=labels))

    def gap(made):
        theta = made.train(data, range(1), 1).parameters[0]
        return np.ptp(models.group_losses(made.model(data), theta, data.train))

    common = {"rate": 0.3, "fine_tune": 0 if when == "before" else 8}
    fair = gap(learner("fair-pruned", when=when, dual_step=2.0, **common))
    assert fair < 0.7 * gap(learner("pruned", **common))


def test_penalties_change_what_is_trained(people):
    common = {"rate": 0.5, "fine_tune": 3, "objective": "penalties"}
    still = learner("fair-pruned", gradient_penalty=0.0, boundary_penalty=0.0, **common)
    plain = learner("pruned", rate=0.5, fine_tune=3).train(people, range(1), 1).parameters
    np.testing.assert_allclose(still.train(people, range(1), 1).parameters, plain, atol=1e-6)
    moved = learner("fair-pruned", **common).train(people, range(1), 1).parameters
    assert np.abs(moved - plain).max() > 1e-3


def test_a_small_cnn_learns_images():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200)
    raw = rng.random((200, 4, 4))
    raw[np.arange(200), labels * 2] += 1.0
    inputs = np.column_stack([raw.reshape(200, 16), np.ones(200)]) / 9.0
    people = Records(inputs=inputs, labels=labels, groups=labels, names=("a", "b"))
    data = dpaudit.TrainingData(
        train=people, rows=np.arange(200), columns=tuple("x" * 17), classes=("0", "1"),
        norm_bound=1.0, public_scaling=True,
    )  # fmt: skip
    made = REGISTRY.create("learner", "small-cnn", channels=3, epochs=20)
    runs = made.train(data, range(2), 0)
    assert (runs.predictions() == labels).mean() > 0.95
    assert made.caveats()
    assert np.isinf(made.privacy(data).epsilon)


def test_what_cannot_be_trained_is_refused(people):
    with pytest.raises(dpaudit.DpauditError, match="rate"):
        learner("pruned", rate=1.0)
    with pytest.raises(dpaudit.DpauditError, match="nothing is trained after pruning"):
        learner("fair-pruned", rate=0.5, fine_tune=0)
    with pytest.raises(dpaudit.DataError, match="make no square image"):
        REGISTRY.create("learner", "small-cnn").check(people)
    with pytest.raises(dpaudit.DataError, match="needs classes"):
        learner("pruned", rate=0.5).check(attrs.evolve(people, classes=()))
