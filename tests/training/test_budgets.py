"""Sensitivity, its conditions, and accounts."""

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.privacy.gaussian import gaussian_delta
from dpaudit.training import sensitivity as bounds
from dpaudit.training.accounting import Account, Query
from dpaudit.training.erm import fit
from dpaudit.training.linear_models import LogisticLoss, SoftmaxLoss, SquaredLoss
from dpaudit.training.records import Records

FIT = bounds.Objective(
    loss="logistic", records=40, penalty=0.01, penalised_bias=True, public_scaling=True
)


def moved(model, penalty, worst=400, seed=0):
    """Return the largest move of a fit over random neighbours with inputs of norm 1."""
    rng, most = np.random.default_rng(seed), 0.0
    angles = rng.uniform(-0.6, 0.6, 40)
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for _ in range(worst // 10):
        y = np.ones(40)
        a, b = x.copy(), x.copy()
        turn = rng.uniform(0.0, 0.6)
        a[0], b[0] = (np.cos(turn), np.sin(turn)), (np.cos(turn), -np.sin(turn))
        other = y.copy()
        other[0] = 0.0
        zero = np.zeros(40, int)
        made = [Records(inputs=i, labels=j, groups=zero) for i, j in ((a, y), (b, other))]
        ends = [fit(model, people, penalty, tolerance=1e-10) for people in made]
        most = max(most, float(np.linalg.norm(ends[0] - ends[1])))
    return most


@pytest.mark.parametrize(
    ("loss", "model"),
    [
        ("logistic", LogisticLoss(features=2)),
        ("softmax", SoftmaxLoss(features=2, classes=2)),
        ("squared", SquaredLoss(features=2)),
        ("half-squared", SquaredLoss(features=2, factor=0.5)),
    ],
)
def test_no_neighbour_moves_a_fit_by_more(loss, model):
    made = attrs.evolve(FIT, loss=loss, penalty=0.1)
    found = moved(model, 0.1)
    assert 0.005 * bounds.sensitivity(made) < found <= bounds.sensitivity(made)


def test_softmax_needs_the_square_root_of_two():
    assert bounds.sensitivity(FIT) == pytest.approx(2 / (40 * 0.01))
    made = bounds.sensitivity(attrs.evolve(FIT, loss="softmax"))
    assert made == pytest.approx(2 * np.sqrt(2) / (40 * 0.01))
    gradient = SoftmaxLoss(features=1, classes=2).gradients(
        np.array([30.0, -30.0]), np.ones((1, 1)), np.array([1.0])
    )
    assert np.linalg.norm(gradient) == pytest.approx(np.sqrt(2))


def test_forms_of_one_objective_agree():
    whole = attrs.evolve(FIT, form="full", penalty=0.005)
    summed = attrs.evolve(FIT, mean=False, penalty=0.4)
    for loss in ("logistic", "squared"):
        found = [bounds.sensitivity(attrs.evolve(made, loss=loss)) for made in (FIT, whole, summed)]
        np.testing.assert_allclose(found, found[0], rtol=1e-12)
    assert bounds.sensitivity(attrs.evolve(FIT, residual=1e-4)) == pytest.approx(5.0 + 0.02)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"penalised_bias": False}, "penalised_bias False.*\n.*append a constant column"),
        ({"public_scaling": False}, "public_scaling False"),
        ({"penalty": 0.0}, r"penalty 0\.0 is not positive"),
        ({"neighbours": "add-remove"}, "neighbours 'add-remove'"),
        ({"norm_bound": np.inf}, "norm_bound inf"),
    ],
)
def test_a_violated_condition_is_an_error(change, message):
    with pytest.raises(dpaudit.UsageError, match=message):
        bounds.sensitivity(attrs.evolve(FIT, **change))


def test_an_input_beyond_the_public_bound_is_named():
    with pytest.raises(dpaudit.DataError, match=r"record 1 has the norm 2\.0"):
        bounds.check_norms(np.array([[1.0], [2.0]]), 1.0)


def test_noise_of_a_fit_spends_what_it_says():
    scale = bounds.noise_scale(FIT, 2.0, 1e-5)
    assert gaussian_delta(2.0, scale, bounds.sensitivity(FIT)) == pytest.approx(1e-5, rel=1e-9)
    assert bounds.guarantee(FIT, 2.0, 1e-5).neighbours == "replace"


GRADIENTS = Query(name="clipped gradients", noise_multiplier=1.0)


def test_two_queries_of_one_batch_compose_before_they_are_amplified():
    statistic = Query(name="loss of each group", noise_multiplier=2.0)
    made = Account(sample_rate=0.02, steps=1000, each_step=(GRADIENTS, statistic))
    assert made.epsilon(1e-5) == pytest.approx(4.94, abs=0.01)
    assert "neighbours add-remove" in made.statement(1e-5)
    assert "loss of each group of each batch" in made.statement(1e-5)


@pytest.mark.parametrize(("neighbours", "size"), [("add-remove", 1.0), ("replace", 2.0)])
def test_whole_batches_are_plain_gaussian_queries(neighbours, size):
    made = Account(
        sample_rate=1.0, steps=1, each_step=(GRADIENTS,), once=(GRADIENTS,), neighbours=neighbours
    )
    epsilon = made.epsilon(1e-5)
    assert gaussian_delta(epsilon, 1 / np.sqrt(2), size) == pytest.approx(1e-5, rel=1e-3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ACCOUNT.epsilon(1e-5, "gdp"), "no upper bound"),
        (lambda: ACCOUNT.epsilon(1e-5, "rdp"), "looser"),
        (lambda: ACCOUNT.epsilon(0.0), r"delta 0\.0"),
        (lambda: attrs.evolve(ACCOUNT, sampling="shuffled"), "'shuffled' cannot be accounted"),
        (lambda: attrs.evolve(ACCOUNT, each_step=()), "names no query"),
        (lambda: attrs.evolve(ACCOUNT, neighbours="replace").epsilon(1e-5, "prv"), "'replace'"),
    ],
)
def test_what_cannot_be_accounted_for_is_refused(make, message):
    with pytest.raises(dpaudit.UsageError, match=message):
        make()


ACCOUNT = Account(sample_rate=0.01, steps=10, each_step=(GRADIENTS,))
