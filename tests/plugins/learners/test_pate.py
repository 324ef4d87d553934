"""PATE: students, arms, soft labels and who is protected."""

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.training.teachers import Voting

REGISTRY = dpaudit.Registry.discover()


def learner(**parameters):
    return REGISTRY.create("learner", "pate", **{"teachers": 8, "public": 0.25, **parameters})


def test_the_student_sees_public_inputs_and_votes_only(people):
    made = learner()
    assert isinstance(made, Voting)
    votes = made.votes(people)
    assert votes.counts.shape == (150, 2)
    assert votes.teachers == 8
    assert made.votes(people, 5).teachers == 5
    flipped = attrs.evolve(people.train, labels=people.train.labels.copy())
    asked, _ = made._split(people)
    flipped.labels[asked] = 1 - flipped.labels[asked]  # the student's inputs have no labels
    other = attrs.evolve(people, train=flipped)
    np.testing.assert_array_equal(made.votes(other).counts, votes.counts)
    np.testing.assert_array_equal(
        made.train(other, range(3), 1).parameters, made.train(people, range(3), 1).parameters
    )


def test_one_person_changes_one_vote(people):
    """Whoever is changed, however: no count of any input moves by more than 1."""
    made = learner()
    _, taught = made._split(people)
    before = made.votes(people).counts
    for row in taught[::50]:
        train = attrs.evolve(
            people.train, labels=people.train.labels.copy(), inputs=people.train.inputs.copy()
        )
        train.labels[row] = 1 - train.labels[row]
        train.inputs[row] *= -1
        moved = made.votes(attrs.evolve(people, train=train)).counts - before
        assert np.abs(moved).max() <= 1
        assert (np.abs(moved).sum(axis=1) <= 2).all()


@pytest.mark.parametrize("classes", [("no", "yes"), ("a", "b", "c")])
@pytest.mark.parametrize("labels", ["hard", "soft"])
def test_replicates_do_not_depend_on_blocks(make_people, classes, labels):
    data = make_people(classes=classes)
    made = learner(student_labels=labels, scale=2.0)
    whole = made.train(data, range(4), 3).parameters
    np.testing.assert_array_equal(made.train(data, range(2, 4), 3).parameters, whole[2:])
    assert np.ptp(whole, axis=0).max() > 0
    still = made.train(data, range(2), 3, "noiseless").parameters
    np.testing.assert_array_equal(still[0], still[1])
    plain = made.train(data, range(1), 3, "plain").parameters[0]
    np.testing.assert_array_equal(plain, made.optimum(data))


def test_soft_labels_without_noise_are_the_shares(people):
    """The student minimises cross-entropy with the shares of votes."""
    made = learner(student_labels="soft")
    votes = made.votes(people)
    theta = made.train(people, range(1), 0, "noiseless").parameters[0]
    x, share = votes.records.inputs, votes.counts[:, 1] / 8
    gradient = x.T @ (1 / (1 + np.exp(-x @ theta)) - share) / len(x) + made.penalty * theta
    assert np.linalg.norm(gradient) < 1e-9


def test_what_it_promises(people):
    made = learner(scale=40.0)
    assert made.privacy(people).neighbours == "replace"
    assert made.privacy(people).epsilon < learner(scale=20.0).privacy(people).epsilon
    assert "150 answers of 8 teachers" in made.counted(people)[0]
    assert "25 %" in made.caveats()[0]
    with pytest.raises(dpaudit.DpauditError, match="soft"):
        learner(student_labels="soft", votes_law="laplace")
    with pytest.raises(dpaudit.DataError, match="too few for 500 teachers"):
        learner(teachers=500).check(people)
    with pytest.raises(dpaudit.DataError, match="pate needs classes"):
        made.check(attrs.evolve(people, classes=()))
