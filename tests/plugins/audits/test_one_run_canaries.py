"""One-run canaries: a learner that keeps everybody is refuted, one that keeps nobody is not."""

from types import SimpleNamespace

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.testing.learners import people
from dpaudit.training.runs import TabledRuns
from dpaudit_plugins.audits.one_run_canaries import (
    BOUND,
    CLAIMED,
    LARGEST,
    REFUTED,
    RIGHT,
    OneRunCanaries,
)


@attrs.frozen
class Memory:
    """Losses are smaller by ``shift`` for whom it has learnt from."""

    shift: float
    neighbours: str = "add-remove"
    epsilon: float = 1.0

    def privacy(self, data):
        return dpaudit.Guarantee(neighbours=self.neighbours, epsilon=self.epsilon)

    def train(self, data, replicates, seed):
        known = {row.tobytes() for row in data.train.inputs}
        seen = np.array([row.tobytes() in known for row in data.held_out.inputs])
        rng = np.random.default_rng(seed)
        shape = (len(replicates), len(seen))
        losses = {
            "train": np.zeros((len(replicates), len(data.train))),
            "held-out": rng.exponential(size=shape) + self.shift * ~seen,
        }
        return TabledRuns(data=data, of_losses=losses)


def told(learner, seed=0, confidence=0.999999, **parameters):
    subject = SimpleNamespace(task="mine", learner=learner, data=people(), confidence=confidence)
    found = OneRunCanaries(**parameters).measure(subject, np.random.default_rng(seed))
    return {m.quantity: float(m.estimate.value) for m in found}


@pytest.mark.parametrize("neighbours", ["add-remove", "replace"])
def test_a_learner_that_keeps_everybody_violates_its_promise(neighbours):
    found = told(Memory(9.0, neighbours))
    assert found[RIGHT] == 1.0
    assert found[BOUND] == found[LARGEST] == pytest.approx(0.885, abs=5e-3)
    assert (found[CLAIMED], found[REFUTED]) == (1.0, 0.0)
    more = told(Memory(9.0, neighbours), canaries=200, guesses=200)
    assert more[REFUTED] == 1.0
    assert more[BOUND] > 1.0


@pytest.mark.parametrize("neighbours", ["add-remove", "replace"])
def test_a_learner_that_keeps_nobody_is_refuted_no_more_often_than_is_said(neighbours):
    """At confidence 1 - 1e-6, 40 seeds: none is refuted by chance (4e-5)."""
    for seed in range(40):
        assert told(Memory(0.0, neighbours, epsilon=0.01), seed)[REFUTED] == 0.0


def test_nothing_is_said_of_a_learner_that_promises_nothing():
    assert told(Memory(9.0, epsilon=np.inf)) == {}


def test_guesses_are_an_even_number_of_the_canaries():
    with pytest.raises(ValueError, match="an even number"):
        OneRunCanaries(guesses=41)
    with pytest.raises(ValueError, match="no more than the canaries"):
        OneRunCanaries(canaries=30, guesses=32)


@attrs.frozen
class Forgetful:
    """DP-SGD that promises epsilon 0.3 and trains with ``arm``."""

    learner: dpaudit.Learner
    arm: str

    def privacy(self, data):
        return dpaudit.Guarantee(neighbours="add-remove", epsilon=0.3, delta=1e-5)

    def train(self, data, replicates, seed):
        return self.learner.train(data, replicates, seed, self.arm)


@pytest.mark.slow
@pytest.mark.learn
def test_dp_sgd_that_forgets_its_noise_is_caught():
    """The same learner with the noise that it promises is not (false alarm 1e-6)."""
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((600, 60))
    inputs /= np.linalg.norm(inputs, axis=1, keepdims=True)
    train = attrs.evolve(
        people().train, inputs=inputs, labels=(inputs[:, 0] > 0).astype(float),
        groups=np.arange(600) % 2,
    )  # fmt: skip
    data = attrs.evolve(people(), train=train, rows=np.arange(600))
    made = dpaudit.Registry.discover().create(
        "learner", "dp-sgd", epsilon=0.3, batch=60, steps=600, step=2.0
    )
    for arm, confidence, refuted in (("noiseless", 0.95, 1.0), ("made", 0.999999, 0.0)):
        subject = SimpleNamespace(
            task="mine", learner=Forgetful(made, arm), data=data, confidence=confidence
        )
        found = OneRunCanaries().measure(subject, np.random.default_rng(1))
        assert {m.quantity: float(m.estimate.value) for m in found}[REFUTED] == refuted
