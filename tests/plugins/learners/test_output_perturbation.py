"""Output perturbation: exact means against simulation, and every condition of its bound."""

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.training.data import TrainingData

REGISTRY = dpaudit.Registry.discover()


def learner(**parameters):
    return REGISTRY.create("learner", "output-perturbation", epsilon=1.0, **parameters)


@pytest.mark.parametrize("loss", ["logistic", "squared", "half-squared"])
@pytest.mark.parametrize("split", ["train", "held-out"])
def test_exact_means_are_those_of_many_runs(make_people, loss, split):
    """Mean loss of each group over 4,000 runs: four comparisons within 6 deviations (1e-8)."""
    data = make_people(classes=("no", "yes") if loss == "logistic" else ())
    made = learner(loss=loss, penalty=0.02)
    records = data.records(split)
    exact = made.expected(data, split)
    rows = made.train(data, range(4000), 5).losses(split)
    for a in (0, 1):
        chosen = records.groups == a
        of_runs = rows[:, chosen].mean(axis=1)
        error = of_runs.std() / np.sqrt(len(of_runs))
        assert abs(of_runs.mean() - exact.losses[chosen].mean()) < 6 * error
        # The control: without noise the loss is another.
        plain = made.train(data, range(1), 5, "plain").losses(split)[0]
        assert exact.losses[chosen].mean() - plain[chosen].mean() > 6 * error


def test_blocks_of_replicates_and_budgets_share_their_noise(people):
    made = learner()
    whole = made.train(people, range(8), 3).parameters
    np.testing.assert_array_equal(made.train(people, range(5, 8), 3).parameters, whole[5:])
    centre = made.optimum(people)
    other = attrs.evolve(made, epsilon=2.0)
    ratio = (other.train(people, range(8), 3).parameters - centre) / (whole - centre)
    np.testing.assert_allclose(
        ratio, other.parameter_noise(people) / made.parameter_noise(people), rtol=1e-9
    )
    twin = made.train(people, range(8), 3, "twin").parameters
    np.testing.assert_allclose(twin + whole, 2 * np.tile(centre, (8, 1)), atol=1e-12)


def test_softmax_needs_the_root_of_two(people):
    ratio = learner(loss="softmax").parameter_noise(people) / learner().parameter_noise(people)
    assert ratio == pytest.approx(np.sqrt(2.0))


@pytest.mark.parametrize(
    ("parameters", "changed", "message"),
    [
        ({"penalised_bias": False}, {}, "a bias without penalty"),
        ({}, {"public_scaling": False}, "scaled by the data's own range"),
        ({}, {"norm_bound": 0.1}, "above the public bound"),
        ({}, {"classes": ("a", "b", "c")}, "has 3 classes"),
        ({}, {"classes": ()}, "the label is a number"),
        ({"loss": "squared"}, {}, "squared loss needs a number"),
    ],
)
def test_a_violated_condition_is_an_error(people, parameters, changed, message):
    broken: TrainingData = attrs.evolve(people, **changed)
    with pytest.raises(dpaudit.DpauditError, match=message):
        learner(**parameters).check(broken)
    learner().check(people)


def test_the_guarantee_names_its_neighbours(people):
    promise = learner().privacy(people)
    assert (promise.neighbours, promise.epsilon, promise.delta) == ("replace", 1.0, 1e-5)
    assert "neighbours replace" in learner().counted(people)[0]
