"""The check of learners passes those of our own, and names what a learner gets wrong."""

import numpy as np
import pytest

import dpaudit
from dpaudit.testing import check_learner, conforms, learner_faults
from dpaudit.training.erm import fit
from dpaudit.training.linear_models import LogisticLoss
from dpaudit.training.runs import ModelFit

CALLS = []


def fitted(data, theta):
    return ModelFit(model=LogisticLoss(features=data.features), theta=theta)


def theta(data):
    return fit(LogisticLoss(features=data.features), data.train, 1e-3)


@dpaudit.learner(name="sound")
def sound(data, rng):
    """Fit with noise."""
    return fitted(data, theta(data) + rng.standard_normal(data.features))


@dpaudit.learner(name="remembers")
def remembers(data, rng):
    """Fit something else each time."""
    CALLS.append(1)
    return fitted(data, theta(data) + len(CALLS))


@dpaudit.learner(name="stirs")
def stirs(data, rng):
    """Draw from a global state, and use none of it."""
    np.random.random()  # noqa: NPY002 - what is to be found
    return fitted(data, theta(data))


@dpaudit.learner(name="infinite")
def infinite(data, rng):
    """Fit nothing finite."""
    return fitted(data, np.full(data.features, np.nan))


@pytest.mark.parametrize(
    ("learner", "what"),
    [
        (remembers, "a run depends on the runs beside it"),
        (stirs, "global random state"),
        (infinite, "not finite"),
    ],
)
def test_a_learner_that_does_not_keep_to_it_is_named(learner, what):
    assert any(what in fault.what for fault in learner_faults(learner.__dpaudit__()))
    with pytest.raises(dpaudit.PluginError, match=what):
        check_learner(learner.__dpaudit__())


def test_a_sound_learner_has_no_fault():
    check_learner(sound.__dpaudit__())


@pytest.mark.parametrize(
    "name", ["logistic", "output-perturbation", "likelihood-ratio", "excessive-risk"]
)
def test_learners_attacks_and_their_audits_conform_by_name(name):
    for found in conforms(name, dpaudit.Registry.discover()):
        assert not found.faults
        assert bool(found.unchecked) == (name == "excessive-risk")
