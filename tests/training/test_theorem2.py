"""Theorem 2 against simulated steps: both groups, three steps, linear and tanh models, ReLU."""

import numpy as np
import pytest

from dpaudit.training import clipping, models
from dpaudit.training.linear_models import LogisticLoss, softplus
from dpaudit.training.one_hidden_layer import OneHiddenLayer
from dpaudit.training.theorem2 import step_terms

pytestmark = pytest.mark.slow

BOUND, MULTIPLIER, BATCH, CHUNK = 0.3, 1.0, 32.0, 500
LOGISTIC = LogisticLoss(features=10)
TANH = OneHiddenLayer(features=10, hidden=8)
RELU = OneHiddenLayer(features=10, hidden=8, activation="relu")
STEPS = (0.1, 0.4, 1.6)
PARTS = ("nonprivate", "clip", "noise")


def start(model):
    """Return parameters of the size that training begins with."""
    rng = np.random.default_rng(0)
    if model is LOGISTIC:
        return 0.3 * rng.standard_normal(model.size)
    scales = np.repeat([10**-0.5, 8**-0.5], [8 * 11, 2 * 9])
    return 1.5 * scales * rng.uniform(-1.0, 1.0, model.size)


def group_losses(model, thetas, people):
    """Return the mean loss of both groups under many parameters (M, P), shape (M, 2)."""
    x, y = people.inputs, people.labels
    if model is LOGISTIC:
        logits = thetas @ x.T
        losses = softplus(logits) - y * logits
    else:
        w1, b1, w2, b2 = np.split(thetas, np.cumsum([80, 8, 16]), axis=1)
        hidden = x @ w1.reshape(-1, 8, 10).transpose(0, 2, 1) + b1[:, None]
        hidden = np.tanh(hidden) if model is TANH else np.maximum(hidden, 0.0)
        logits = hidden @ w2.reshape(-1, 2, 8).transpose(0, 2, 1) + b2[:, None]
        losses = softplus(np.where(y == 1, 1.0, -1.0) * (logits[..., 0] - logits[..., 1]))
    return np.stack([losses[:, people.groups == a].mean(axis=1) for a in (0, 1)], axis=1)


def moves(model, people, step, rng):
    """Return 500 moves without clipping, with it, and of noise alone, and the two mean moves."""
    gradients = model.gradients(start(model), people.inputs, people.labels)
    factors = clipping.clip_factors(np.linalg.norm(gradients, axis=1), BOUND)
    kept = factors[:, None] * gradients
    batches = (rng.random((CHUNK, len(people))) < BATCH / len(people)) / BATCH
    noise = step * rng.standard_normal((CHUNK, model.size)) * BOUND * MULTIPLIER / BATCH
    means = [-step * each.mean(axis=0) for each in (gradients, kept)]
    return -step * batches @ gradients, -step * batches @ kept, noise, means


def simulated(model, people, step, runs):
    """Return the three parts by simulation, shape (3, 2), with their standard errors.

    The linear part of a move is a control whose mean is known; noise is antithetic.
    """
    theta, rng, rows = start(model), np.random.default_rng(1), []
    slopes = models.group_gradients(model, theta, people).T
    here = models.group_losses(model, theta, people)
    for _ in range(runs // CHUNK):
        plain, clipped, noise, means = moves(model, people, step, rng)
        first = group_losses(model, theta + plain, people) - (plain - means[0]) @ slopes
        ends = [group_losses(model, theta + clipped + s * noise, people) for s in (-1, 0, 1)]
        second = ends[1] - (clipped - means[1]) @ slopes
        rows.append(np.stack([first - here, second - first, (ends[0] + ends[2]) / 2 - ends[1]], 1))
    found = np.concatenate(rows)
    return found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(len(found))


def predicted(model, people, step):
    terms = step_terms(
        model, start(model), people, step=step, bound=BOUND, noise_multiplier=MULTIPLIER,
        batch=BATCH,
    )  # fmt: skip
    return np.stack([getattr(terms, part) for part in PARTS])


@pytest.mark.parametrize("model", [LOGISTIC, TANH], ids=["logistic", "tanh"])
def test_second_order_terms_are_the_moments_of_the_moves(model, people):
    """The curvature of simulated moves within 5.8 standard errors of 8 numbers (5e-8).

    What does not divide the noise by the batch, as the seed's Theorem 2, is far outside.
    """
    theta, rng = start(model), np.random.default_rng(2)
    hessians = models.group_hessians(model, theta, people)
    rows = []
    for _ in range(40):
        plain, clipped, noise, _ = moves(model, people, 1.0, rng)
        curved = [
            0.5 * np.einsum("mi,aij,mj->ma", d, hessians, d, optimize=True)
            for d in (plain, clipped, noise)
        ]
        rows.append(np.stack(curved, axis=1))
    found = np.concatenate(rows)
    mean, error = found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(len(found))
    terms = step_terms(
        model, theta, people, step=1.0, bound=BOUND, noise_multiplier=MULTIPLIER, batch=BATCH
    )
    wanted = np.stack(
        [0.5 * terms.batch_curvature, 0.5 * terms.clipped_batch_curvature, terms.noise]
    )
    assert (np.abs(mean - wanted) <= 5.8 * error).all()
    assert (np.abs(mean[2] - wanted[2] * BATCH**2) > 100 * error[2]).all()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("model", "runs", "third"),
    [(LOGISTIC, 20_000, 0.004), (TANH, 8_000, 0.12)],
    ids=["logistic", "tanh"],
)
def test_the_terms_are_what_is_simulated(model, runs, third, step, people):
    """Within 5.8 standard errors of 12 comparisons (false alarm 8e-8) and the third order.

    What the theorem leaves out grows as the cube of the step, relative to the terms as the step
    (``third`` times it, for the noise part which is of second order itself as well): 0.6 % of a
    logistic step of 1.6, a fifth of one of the net, whose clip part was measured 21 % off.
    """
    mean, error = simulated(model, people, step, runs)
    terms = predicted(model, people, step)
    allowed = 5.8 * error + third * step * np.abs(terms)
    assert (np.abs(mean - terms) <= allowed).all()
    seed = terms[2] * BATCH**2  # the noise term that does not divide by the batch
    assert (np.abs(mean[2] - seed) > 100 * (5.8 * error[2] + third * step * seed) / BATCH).all()


def test_a_relu_net_has_more_noise_than_its_hessian_says(people):
    """Curvature on the kinks: the noise term falls short by 5 to 25 % at the smallest step."""
    mean, error = simulated(RELU, people, 0.1, 20_000)
    terms = predicted(RELU, people, 0.1)
    short = 1.0 - terms[2] / mean[2]
    assert (mean[2] - terms[2] > 5.8 * error[2]).all()
    assert ((short > 0.05) & (short < 0.25)).all()
    assert (np.abs(mean[:2] - terms[:2]) <= 5.8 * error[:2] + 0.02 * np.abs(terms[:2])).all()
