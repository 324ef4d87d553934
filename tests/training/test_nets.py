"""Nets of torch against the closed forms, pruning by name, and training under a mask."""

import numpy as np
import pytest

import dpaudit
from dpaudit.training import models
from dpaudit.training.image_net import ConvNet
from dpaudit.training.linear_models import LogisticLoss
from dpaudit.training.one_hidden_layer import OneHiddenLayer
from dpaudit.training.pruning import pruned_by_magnitude
from dpaudit.training.records import Records

torch = pytest.importorskip("torch")
from dpaudit.training import nets  # noqa: E402 (needs torch)

pytestmark = pytest.mark.learn

CONV = ConvNet(features=17, channels=3, classes=3, scale=2.0)
MLP = OneHiddenLayer(features=17, hidden=6, classes=3)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 90)
    raw = rng.random((90, 4, 4)) * 0.5
    raw[np.arange(90), labels] += 1.0  # class k has a bright row k
    inputs = np.column_stack([raw.reshape(90, 16), np.ones(90)]) / 3.0
    return Records(inputs=inputs, labels=labels, groups=labels)


@pytest.mark.parametrize("model", [CONV, MLP], ids=["conv", "mlp"])
def test_a_module_computes_what_the_form_says(model, images):
    theta = nets.started(model, np.random.default_rng(1))
    assert theta.shape == (model.size,)
    module = nets.loaded(model, theta)
    with torch.no_grad():
        logits = module(torch.as_tensor(images.inputs))
        wanted = torch.softmax(logits, 1).numpy()
    np.testing.assert_allclose(model.chances(theta, images.inputs), wanted, atol=1e-12)
    np.testing.assert_array_equal(nets.flat(module, nets.names_of(module)), theta)


def test_derivatives_of_the_convolution_are_those_of_differences(images):
    theta = nets.started(CONV, np.random.default_rng(2))
    x, y = images.inputs[:12], images.labels[:12]
    gradients = CONV.gradients(theta, x, y)
    rng, small = np.random.default_rng(3), 1e-6
    for _ in range(3):
        way = rng.standard_normal(CONV.size)
        ends = [CONV.losses(theta + s * small * way, x, y) for s in (1, -1)]
        np.testing.assert_allclose(gradients @ way, (ends[0] - ends[1]) / (2 * small), atol=1e-7)
        slopes = [CONV.gradients(theta + s * small * way, x, y).mean(axis=0) for s in (1, -1)]
        bent = CONV.product(theta, x, y, way)
        np.testing.assert_allclose(bent, (slopes[0] - slopes[1]) / (2 * small), atol=1e-6)
    hessian = CONV.hessian(theta, x, y)
    assert CONV.traces(theta, x, y).mean() == pytest.approx(np.trace(hessian), rel=1e-9)
    largest = models.group_largest_eigenvalues(
        CONV, theta, Records(inputs=x, labels=y, groups=np.zeros(12))
    )
    assert largest[0] == pytest.approx(np.linalg.eigvalsh(hessian)[-1], rel=1e-9)


def test_global_pruning_is_that_of_the_smallest_weights():
    theta = nets.started(MLP, np.random.default_rng(4))
    weights = np.zeros(MLP.size, dtype=bool)
    weights[: 6 * 17] = weights[6 * 18 : 6 * 18 + 18] = True
    pruned, kept = nets.magnitude_pruned(MLP, theta, 0.5)
    np.testing.assert_array_equal(pruned, pruned_by_magnitude(theta, weights, 0.5))
    assert kept.sum() == MLP.size - round(0.5 * 120)
    np.testing.assert_array_equal(pruned[~weights], theta[~weights])
    layer, _ = nets.magnitude_pruned(MLP, theta, 0.5, "layer")
    assert (layer[: 6 * 17] == 0).sum() == 51
    assert (layer[6 * 18 : 6 * 18 + 18] == 0).sum() == 9
    assert nets.magnitude_pruned(MLP, theta, 0.0)[1].all()
    with pytest.raises(dpaudit.UsageError, match=r"rate 1\.0"):
        nets.magnitude_pruned(MLP, theta, 1.0)


@pytest.mark.parametrize("model", [CONV, MLP], ids=["conv", "mlp"])
def test_training_learns_and_leaves_what_was_pruned(model, images):
    start = nets.started(model, np.random.default_rng(5))
    theta = nets.Sgd(epochs=60, batch=15).run(model, start, images, np.random.default_rng(6))
    chances = model.chances(theta, images.inputs)
    assert (chances.argmax(axis=1) == images.labels).mean() > 0.95
    pruned, kept = nets.magnitude_pruned(model, theta, 0.6)
    tuned = nets.Sgd(epochs=5, batch=15).run(
        model, pruned, images, np.random.default_rng(7), kept=kept
    )
    assert (tuned[~kept] == 0).all()
    x, y = images.inputs, images.labels
    assert model.losses(tuned, x, y).mean() < model.losses(pruned, x, y).mean()
    again = nets.Sgd(epochs=60, batch=15).run(model, start, images, np.random.default_rng(6))
    np.testing.assert_array_equal(again, theta)


def test_the_dual_brings_group_losses_together():
    """One input that two groups label in different shares: the loss of one must give way."""
    rng = np.random.default_rng(8)
    groups = np.repeat([0, 1], [300, 100])
    labels = (rng.random(400) < np.where(groups == 1, 0.5, 0.1)).astype(float)
    people = Records(inputs=rng.random((400, 3)), labels=labels, groups=groups)
    model = OneHiddenLayer(features=3, hidden=4)
    start = nets.started(model, rng)

    def trained(dual=0.0, penalty=None):
        sgd = nets.Sgd(epochs=20, batch=100, dual_step=dual)
        return sgd.run(model, start, people, np.random.default_rng(9), penalty=penalty)

    def gap(theta):
        return np.ptp(models.group_losses(model, theta, people))

    def gradient_gap(theta):
        return np.ptp(np.linalg.norm(models.group_gradients(model, theta, people), axis=1))

    plain = trained()
    assert gap(trained(dual=0.5)) < 0.5 * gap(plain)
    assert gradient_gap(trained(penalty=nets.group_penalty(1.0, 0.0))) < 0.7 * gradient_gap(plain)


def test_penalties_are_those_of_the_groups(images):
    theta = nets.started(MLP, np.random.default_rng(1))
    module = nets.loaded(MLP, theta)
    logits = module(torch.as_tensor(images.inputs))
    labels = torch.as_tensor(images.labels).long()
    losses = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    found = nets.group_penalty(2.0, 3.0)(
        losses, logits, torch.as_tensor(images.groups), list(module.parameters())
    )
    norms = np.linalg.norm(models.group_gradients(MLP, theta, images), axis=1)
    slopes = MLP.gradients(theta, images.inputs, images.labels)
    whole = np.linalg.norm(slopes.mean(axis=0))
    close = 1 - (MLP.chances(theta, images.inputs) ** 2).sum(axis=1)
    wanted = 2 * np.abs(norms - whole).sum() + 3 * np.abs(images.means(close) - close.mean()).sum()
    assert found.item() == pytest.approx(wanted, rel=1e-5)


def test_threads_are_held_to_one_and_given_back(images):
    """The same bits, however many threads torch may use."""
    start = nets.started(CONV, np.random.default_rng(0))
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 4):
            torch.set_num_threads(threads)
            theta = nets.Sgd(epochs=2).run(CONV, start, images, np.random.default_rng(1))
            found.append(CONV.gradients(theta, images.inputs, images.labels))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(*found)


def test_what_is_no_net_or_no_image_is_refused():
    with pytest.raises(dpaudit.UsageError, match="LogisticLoss is no net"):
        nets.module_of(LogisticLoss(features=3))
    with pytest.raises(dpaudit.DataError, match="15 columns make no square"):
        ConvNet(features=16, classes=2)
