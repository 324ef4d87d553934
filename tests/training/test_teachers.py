"""Votes, exact chances that noise turns them, and what answers cost."""

import numpy as np
import pytest
from scipy import integrate, stats

import dpaudit
from dpaudit.training import pate, teachers
from dpaudit.training.erm import fit
from dpaudit.training.linear_models import LogisticLoss, SoftmaxLoss
from dpaudit.training.records import Records


@pytest.mark.parametrize("law", ["gaussian", "laplace"])
def test_the_chance_to_keep_a_label_is_an_integral(law):
    made = {"gaussian": stats.norm, "laplace": stats.laplace}[law](scale=7.0)
    votes = np.array([[30.0, 20.0, 10.0, 0.0], [12.0, 12.0, 6.0, 30.0], [15.0, 15.0, 15.0, 15.0]])
    found = pate.VoteNoise(law=law, scale=7.0).keep_probability(votes)
    for row, chance in zip(votes, found, strict=True):
        lead = row.max() - np.delete(row, row.argmax())
        points = sorted({0.0, *(-lead)})
        wanted, _ = integrate.quad(
            lambda u, lead=lead: made.pdf(u) * made.cdf(u + lead).prod(), -280, 280, points=points,
            limit=500, epsabs=1e-12,
        )  # fmt: skip
        assert chance == pytest.approx(wanted, abs=1e-9)
    assert found[2] == pytest.approx(0.25, abs=1e-9)


@pytest.mark.parametrize("law", ["gaussian", "laplace"])
@pytest.mark.parametrize("votes", [[9.0, 4.0], [4.0, 9.0], [5.0, 9.0, 1.0], [3.0, 3.0, 3.0, 1.0]])
def test_somebody_wins(law, votes):
    noise = pate.VoteNoise(law=law, scale=3.0)
    chances = noise.win_probabilities(np.array([votes]))
    assert chances.sum() == pytest.approx(1.0, abs=1e-9)
    assert chances.max() == pytest.approx(noise.keep_probability(np.array([votes]))[0])


@pytest.mark.parametrize("law", ["gaussian", "laplace"])
def test_labels_are_turned_as_often_as_said(law):
    """40,000 noisy votes within 5.3 deviations (false alarm 2e-7 for two laws)."""
    noise = pate.VoteNoise(law=law, scale=15.0)
    votes = np.tile([60.0, 45.0, 30.0], (40_000, 1))
    kept = (noise.draw(votes, np.random.default_rng(0)).argmax(axis=1) == 0).mean()
    chance = noise.keep_probability(votes[:1])[0]
    error = np.sqrt(chance * (1 - chance) / 40_000)
    assert abs(kept - chance) < 5.3 * error
    wrong = pate.VoteNoise(law=law, scale=17.0).keep_probability(votes[:1])[0]
    assert abs(kept - wrong) > 5.3 * error


def test_votes_are_those_of_teachers_fitted_one_by_one(people):
    made = teachers.votes_of(
        people.inputs, people.labels, people.inputs[:40], classes=2, teachers=7, penalty=1e-2
    )
    model, counted = LogisticLoss(features=10), np.zeros((40, 2))
    for rows in teachers.parts(len(people), 7):
        part = Records(
            inputs=people.inputs[rows], labels=people.labels[rows], groups=np.zeros(len(rows))
        )
        said = (people.inputs[:40] @ fit(model, part, 1e-2) > 0).astype(int)
        counted[np.arange(40), said] += 1
    np.testing.assert_array_equal(made, counted)
    assert (made.sum(axis=1) == 7).all()


def test_three_classes_are_voted_for_by_softmax(people):
    labels = people.labels + (people.inputs[:, 0] > 0.8)
    made = teachers.votes_of(
        people.inputs, labels, people.inputs[:30], classes=3, teachers=4, penalty=1e-2
    )
    assert made.shape == (30, 3)
    assert (made.sum(axis=1) == 4).all()
    rows = teachers.parts(len(people), 4)[0]
    part = Records(inputs=people.inputs[rows], labels=labels[rows], groups=np.zeros(len(rows)))
    model = SoftmaxLoss(features=10, classes=3)
    first = model.probabilities(fit(model, part, 1e-2), people.inputs[:30]).argmax(axis=1)
    assert (made[np.arange(30), first] >= 1).all()


def test_every_record_has_one_teacher():
    assert sorted(np.concatenate(teachers.parts(11, 3))) == list(range(11))
    for count in (1, 12):
        with pytest.raises(dpaudit.UsageError, match=f"{count} teachers for 11 records"):
            teachers.parts(11, count)


def test_answers_compose():
    """Of few answers the plain sum is smaller, of many the concentrated one; never larger."""
    noise = pate.VoteNoise(law="laplace", scale=40.0)
    few, many = noise.guarantee(2, 1e-5), noise.guarantee(2000, 1e-5)
    assert (few.epsilon, few.delta) == (pytest.approx(0.1), 0.0)
    assert many.epsilon < 2000 * 2 / 40
    assert many.delta == 1e-5
    gaussian = pate.VoteNoise(scale=40.0).guarantee(1000, 1e-5)
    assert gaussian.epsilon == pytest.approx(pate.gnmax_epsilon(1000, 40.0, 1e-5))
    assert {few.neighbours, many.neighbours, gaussian.neighbours} == {"replace"}
