"""Objective perturbation against the exact density of its output in one dimension."""

import attrs
import numpy as np
import pytest
from scipy import special, stats

import dpaudit
from dpaudit.training.objective_perturbation import guarantee, perturbed_fit, tilt_of
from dpaudit.training.records import Records
from dpaudit.training.sensitivity import Objective

FIT = Objective(loss="logistic", records=5, penalty=0.5, penalised_bias=True, public_scaling=True)
CASES = [(0.5, 1.0), (0.01, 1.0), (0.01, 0.1), (2.0, 4.0)]


def term(theta, inputs, labels, penalty):
    """b as a function of the output (it is one to one), and its slope."""
    z = np.outer(theta, inputs)
    gradient = ((special.expit(z) - labels) * inputs).sum(axis=1)
    curvature = (special.expit(z) * special.expit(-z) * inputs**2).sum(axis=1)
    n = len(inputs)
    return -(gradient + n * penalty * theta), curvature + n * penalty


def log_density(theta, inputs, labels, penalty, rate):
    b, slope = term(theta, inputs, labels, penalty)
    return np.log(0.5 * rate) - rate * np.abs(b) + np.log(slope)


def worst(penalty, rate):
    """Return the largest log-ratio of densities over neighbours with inputs of norm 1."""
    theta, found = np.linspace(-40, 40, 8001), 0.0
    rest = np.array([1.0, -1.0, 0.3, 0.9]), np.array([1.0, 0.0, 1.0, 0.0])
    ends = [(x, y) for x in (-1.0, 0.0, 1.0) for y in (0.0, 1.0)]
    logs = [
        log_density(theta, np.append(rest[0], x), np.append(rest[1], y), penalty, rate)
        for x, y in ends
    ]
    for one in logs:
        for other in logs:
            found = max(found, float((one - other).max()))
    return found


@pytest.mark.parametrize(("penalty", "epsilon"), CASES)
def test_no_neighbours_are_told_apart_by_more_than_epsilon(penalty, epsilon):
    made = tilt_of(attrs.evolve(FIT, penalty=penalty), epsilon)
    assert (made.penalty > 0) == (penalty == 0.01)
    assert 0.2 * epsilon < worst(penalty + made.penalty, made.rate) <= epsilon
    # The control: noise of 2/epsilon without the added penalty and the reserve is not private.
    if made.penalty > 0:
        assert worst(penalty, epsilon) > epsilon


def test_fits_have_the_density_that_was_examined():
    """300 fits against their distribution function; false alarm 1e-6, and one of a wrong rate."""
    inputs, labels = np.array([1.0, -1.0, 0.3, 0.9, -0.5]), np.array([1.0, 0.0, 1.0, 0.0, 1.0])
    people = Records(inputs=inputs[:, None], labels=labels, groups=np.zeros(5, int))
    rng, made = np.random.default_rng(4), tilt_of(FIT, 1.0)
    drawn = np.array([perturbed_fit(people, FIT, 1.0, rng)[0] for _ in range(300)])
    b, _ = term(drawn, inputs, labels, FIT.penalty + made.penalty)
    assert stats.kstest(b, stats.laplace(scale=1 / made.rate).cdf).pvalue > 1e-6
    assert stats.kstest(b, stats.laplace(scale=2.5 / made.rate).cdf).pvalue < 1e-6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loss": "softmax"}, "loss 'softmax'"),
        ({"residual": 0.1}, r"residual 0\.1"),
        ({"penalised_bias": False}, "penalised_bias False"),
    ],
)
def test_a_violated_condition_is_an_error(change, message):
    with pytest.raises(dpaudit.UsageError, match=message):
        guarantee(attrs.evolve(FIT, **change), 1.0)


def test_the_number_of_records_must_be_that_of_the_data():
    people = Records(inputs=np.ones((2, 1)), labels=[0, 1], groups=[0, 0])
    with pytest.raises(dpaudit.UsageError, match="records 5 of the objective, but the data have 2"):
        perturbed_fit(people, FIT, 1.0, np.random.default_rng(0))
