"""Many private runs at once: their draws, their steps, and the law of Opacus."""

import itertools

import numpy as np
import pytest
from scipy import stats

import dpaudit
from dpaudit.training import draws
from dpaudit.training.clipping import clip_factors
from dpaudit.training.linear_models import LogisticLoss
from dpaudit.training.one_hidden_layer import OneHiddenLayer
from dpaudit.training.records import Records

pytestmark = pytest.mark.learn

LOGISTIC = {
    "sizes": (10, 1), "batch": 60.0, "steps": 40, "step": 1.0, "clip_norm": 0.5,
    "noise_multiplier": 1.0, "bias": False, "start": "zero",
}  # fmt: skip
NET = LOGISTIC | {"sizes": (10, 8, 2), "bias": True, "start": "random", "step": 0.5}


def trained_by(given, **changes):
    """Return the trainer, imported here: without torch the mark says what is missing."""
    from dpaudit.training.dp_sgd import DpSgd

    return DpSgd(**given | changes)


def test_poisson_batches_are_independent_trials():
    """Counts of 50 records and of 50 pairs over 20,000 batches, and batch sizes.

    100 counts within 6 deviations (false alarm 2e-7); the variance of the size within 6.
    """
    n, rate, steps = 50, 0.1, 20_000
    hits = draws.poisson_positions(n, rate, steps, np.random.default_rng(0))
    chosen = np.zeros((steps, n), dtype=bool)
    chosen[hits // n, hits % n] = True
    assert chosen.sum() == len(hits)
    for found, chance in ((chosen, rate), (chosen & np.roll(chosen, 1, axis=1), rate**2)):
        deviation = np.sqrt(steps * chance * (1 - chance))
        assert (np.abs(found.sum(axis=0) - steps * chance) < 6 * deviation).all()
    want = n * rate * (1 - rate)
    assert abs(chosen.sum(axis=1).var() / want - 1) < 6 * np.sqrt(2.1 / steps)
    fixed = np.full(steps, n * rate)  # the control: batches of one size have no variance
    assert abs(fixed.var() / want - 1) > 6 * np.sqrt(2.1 / steps)


@pytest.mark.parametrize("given", [LOGISTIC, NET], ids=["logistic", "net"])
def test_a_run_does_not_depend_on_the_others(given, people):
    trainer = trained_by(given)
    together = trainer.train(people, range(13), 7)
    alone = trainer.train(people, range(11, 13), 7)
    np.testing.assert_allclose(together[11:], alone, atol=2e-5)
    assert np.abs(together[11] - together[12]).max() > 1e-2
    assert np.abs(together[11] - trainer.train(people, range(11, 12), 8)[0]).max() > 1e-2


def by_hand(trainer, model, people, start, *, replicate=2, seed=7):
    """Return the run in float64 with gradients of numpy, record by record."""
    theta, n = start.astype(float), len(people)
    made = draws.batches(n, trainer.batch / n, trainer.steps, seed, range(replicate, replicate + 1))
    noise = draws.noises(trainer.size, trainer.steps, seed, range(replicate, replicate + 1))
    for (indices, valid), normal in itertools.zip_longest(made, noise):
        rows = indices[0][valid[0]]
        gradients = model.gradients(theta, people.inputs[rows], people.labels[rows])
        factors = clip_factors(np.linalg.norm(gradients, axis=1), trainer.clip_norm)
        total = factors @ gradients + trainer.noise_multiplier * trainer.clip_norm * normal[0]
        theta = theta - trainer.step * total / trainer.batch
    return theta


def test_steps_are_those_of_the_algorithm(people):
    trainer = trained_by(LOGISTIC)
    found = trainer.train(people, range(3), 7)[2]
    want = by_hand(trainer, LogisticLoss(features=10), people, np.zeros(10))
    np.testing.assert_allclose(found, want, atol=2e-5)
    for activation in ("tanh", "relu"):
        trainer = trained_by(NET, activation=activation)
        start = np.repeat([10**-0.5, 8**-0.5], [88, 18])
        start = start * draws.starts(106, 7, range(2, 3))[0]
        model = OneHiddenLayer(features=10, hidden=8, activation=activation)
        want = by_hand(trainer, model, people, start)
        np.testing.assert_allclose(trainer.train(people, range(3), 7)[2], want, atol=5e-5)


def test_losses_and_predictions_are_those_of_the_closed_forms(people):
    model = OneHiddenLayer(features=10, hidden=8)
    net = trained_by(NET)
    theta = net.train(people, range(2), 0)
    want = [model.losses(t, people.inputs, people.labels) for t in theta]
    np.testing.assert_allclose(net.losses(theta, people), want, atol=2e-6)
    chances = [model.probabilities(t, people.inputs).argmax(axis=1) for t in theta]
    assert (net.predictions(theta, people) == chances).mean() > 0.999


def test_antithetic_twins_cancel_and_the_arms_share_batches(people):
    arms = {
        sign: trained_by(LOGISTIC, noise_sign=sign, steps=1).train(people, range(4), 3)
        for sign in (1, 0, -1)
    }
    np.testing.assert_allclose(arms[1] + arms[-1], 2 * arms[0], atol=1e-6)
    assert np.abs(arms[1] - arms[0]).max() > 1e-3


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"batch": 601.0}, dpaudit.UsageError, r"batch 601\.0 is not between"),
        ({"sizes": (9, 1)}, dpaudit.DataError, "inputs have 10 columns"),
        ({"step": 1e39}, dpaudit.UsageError, "replicate 0 diverged"),
    ],
)
def test_what_cannot_be_trained_is_refused(changes, error, message, people):
    with pytest.raises(error, match=message):
        trained_by(LOGISTIC, **changes).train(people, range(2), 0)


def test_only_the_private_arm_is_accounted_for():
    assert trained_by(LOGISTIC).account(600).sample_rate == pytest.approx(0.1)
    with pytest.raises(dpaudit.UsageError, match="promises nothing"):
        trained_by(LOGISTIC, noise_sign=0).account(600)


NOISY = LOGISTIC | {"noise_multiplier": 5.0}
"""So much noise that a wrong scale of it, or of the divisor, shows in 300 runs."""
RUNS, OURS = 300, 1500


@pytest.fixture(scope="module")
def opacus_runs(people):
    """The parameters (300, 10) of as many runs of Opacus' own engine."""
    import torch
    from opacus import PrivacyEngine

    inputs = torch.as_tensor(people.inputs, dtype=torch.float32)
    labels = torch.as_tensor(people.labels, dtype=torch.float32)
    data, found = torch.utils.data.TensorDataset(inputs, labels), []
    for run in range(RUNS):
        torch.manual_seed(1000 + run)
        net = torch.nn.Linear(10, 1, bias=False)
        torch.nn.init.zeros_(net.weight)
        net, optimiser, loader = PrivacyEngine(accountant="prv").make_private(
            module=net,
            optimizer=torch.optim.SGD(net.parameters(), lr=LOGISTIC["step"]),
            data_loader=torch.utils.data.DataLoader(data, batch_size=60),
            noise_multiplier=NOISY["noise_multiplier"],
            max_grad_norm=LOGISTIC["clip_norm"],
        )
        for _ in range(4):  # epochs of 10 batches
            for x, y in loader:
                optimiser.zero_grad()
                logits = net(x)[:, 0]
                torch.nn.functional.binary_cross_entropy_with_logits(logits, y).backward()
                optimiser.step()
        found.append(next(net.parameters()).detach().double().numpy().ravel())
    return np.array(found)


def disagree(ours, theirs):
    """Return whether means (z) or laws (Kolmogorov) of any quantity differ at 1.6e-7 each."""
    error = np.sqrt(ours.var(axis=0, ddof=1) / len(ours) + theirs.var(axis=0, ddof=1) / len(theirs))
    z = np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) / error
    ks = [stats.ks_2samp(ours[:, a], theirs[:, a]).pvalue for a in range(3)]
    return bool((z > 5.24).any() or min(ks) < 1.6e-7)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_runs_have_the_law_of_opacus(people, opacus_runs):
    """1,500 runs against 300 of Opacus: six tests, false alarm 1e-6 together.

    Both group losses and the squared distance from the mean run, which shows the scale of the
    noise. The control has three tenths more noise; it is noticed.
    """
    model = LogisticLoss(features=10)
    ours = trained_by(NOISY).train(people, range(OURS), 5)
    centre = ours.mean(axis=0)

    def measured(runs):
        losses = [model.losses(theta, people.inputs, people.labels) for theta in runs]
        distance = ((runs - centre) ** 2).sum(axis=1)
        return np.column_stack([[people.means(row) for row in losses], distance])

    theirs = measured(opacus_runs)
    assert not disagree(measured(ours), theirs)
    wrong = trained_by(NOISY, noise_multiplier=6.5).train(people, range(OURS), 5)
    assert disagree(measured(wrong), theirs)


def test_a_group_of_one_record_is_trained_and_measured():
    rng = np.random.default_rng(0)
    made = Records(inputs=rng.random((30, 10)), labels=np.zeros(30), groups=[0] * 29 + [1])
    trainer = trained_by(LOGISTIC, batch=5.0, steps=3)
    losses = trainer.losses(trainer.train(made, range(2), 0), made)
    assert np.isfinite([made.means(row) for row in losses]).all()


@pytest.mark.parametrize("given", [LOGISTIC, NET], ids=["logistic", "net"])
def test_runs_of_parts_are_those_of_the_parts_alone(given, people):
    """Three runs on 100 of the records each, together and one by one; the control: all records."""
    members = np.random.default_rng(0).permuted(np.arange(3 * len(people)).reshape(3, -1), axis=1)
    members = members % len(people) < 100
    trainer = trained_by(given)
    together = trainer.train(people, range(4, 7), 7, members)
    for r, own in enumerate(members):
        alone = trainer.train(people.of(own), range(4 + r, 5 + r), 7)[0]
        np.testing.assert_allclose(together[r], alone, atol=2e-5)
    assert np.abs(together - trainer.train(people, range(4, 7), 7)).max() > 1e-2


def test_a_batch_larger_than_a_part_is_refused(people):
    members = np.arange(len(people)) < np.array([[59], [len(people)]])
    with pytest.raises(dpaudit.UsageError, match="larger than the 59 records"):
        trained_by(LOGISTIC).train(people, range(2), 7, members)
