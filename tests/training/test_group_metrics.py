"""Shares, calibration and levelling down against loops over people."""

import numpy as np
import pytest

import dpaudit
from dpaudit.training import group_metrics
from dpaudit.training.records import Records


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(0)
    chances = rng.dirichlet([1.0, 1.0], (3, 200))
    people = Records(
        inputs=np.ones((200, 1)), labels=rng.integers(0, 2, 200), groups=rng.integers(0, 3, 200)
    )
    return chances, people


def test_shares_are_those_of_counting(made):
    chances, people = made
    predicted = chances.argmax(axis=2)
    found = group_metrics.shares(predicted, people, 2)
    assert set(found) == {
        "accuracy", "selection-rate", "true-positive-rate", "false-positive-rate"
    }  # fmt: skip
    for run in range(3):
        for group in range(3):
            inside = people.groups == group
            y, p = people.labels[inside], predicted[run][inside]
            assert found["accuracy"].runs[run, group] == pytest.approx(np.mean(y == p))
            assert found["selection-rate"].runs[run, group] == pytest.approx(p.mean())
            assert found["true-positive-rate"].runs[run, group] == pytest.approx(p[y == 1].mean())
            assert found["false-positive-rate"].runs[run, group] == pytest.approx(p[y == 0].mean())
    assert found["true-positive-rate"].people.sum() == people.labels.sum()


def test_a_class_that_a_group_lacks_is_left_open():
    people = Records(inputs=np.ones((3, 1)), labels=[0, 1, 0], groups=[0, 0, 1])
    found = group_metrics.shares(np.array([[0, 1, 0]]), people, 2)["true-positive-rate"]
    assert found.known.tolist() == [True, False]
    assert np.isnan(found.runs[0, 1])
    assert set(group_metrics.shares(np.array([[0, 2, 0]]), people, 3)) == {"accuracy"}


def test_recall_is_by_class():
    found = group_metrics.class_recall(np.array([[0, 1, 1], [2, 1, 0]]), np.array([0.0, 1, 0]), 3)
    np.testing.assert_allclose(found.runs[:, :2], [[0.5, 1.0], [0.5, 1.0]])
    assert found.known.tolist() == [True, True, False]


def test_calibration_is_that_of_bins(made):
    chances, people = made
    found = group_metrics.calibration(chances, people)
    inside = people.groups == 1
    c, y = chances[2][inside], people.labels[inside]
    assert found["calibration-gap"][2, 1] == pytest.approx(c[:, 1].mean() - y.mean())
    confidence, right = c.max(axis=1), c.argmax(axis=1) == y
    wanted = 0.0
    for low in np.arange(10) / 10:
        chosen = (confidence >= low) & (confidence < low + 0.1)
        if chosen.any():
            wanted += abs(confidence[chosen].mean() - right[chosen].mean()) * chosen.mean()
    assert found["calibration-error"][2, 1] == pytest.approx(wanted)


def test_a_gap_that_shrinks_by_loss_is_levelling_down():
    down = group_metrics.levelled_down
    before = np.array([0.9, 0.7])
    np.testing.assert_allclose(down(before, np.array([0.8, 0.7])), [0.1, 0.0])
    np.testing.assert_allclose(down(before, np.array([0.9, 0.8])), 0.0)
    np.testing.assert_allclose(down(before, np.array([0.8, 0.5])), 0.0)  # the gap grew
    lost = down(np.array([0.1, 0.3]), np.array([0.2, 0.25]), better="lower")
    np.testing.assert_allclose(lost, [0.1, 0.0])
    with pytest.raises(dpaudit.UsageError, match="better 'up'"):
        down(before, before, better="up")


def test_gaps_are_taken_within_a_run():
    np.testing.assert_allclose(group_metrics.gaps(np.array([[0.1, 0.4], [0.4, 0.1]])), [0.3, 0.3])
