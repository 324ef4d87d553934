"""DP-SGD and mitigations inside it: arms, accounts, and what each rule does to a step."""

import attrs
import numpy as np
import pytest

import dpaudit
from dpaudit.training.accounting import Account, Query

pytestmark = pytest.mark.learn

REGISTRY = dpaudit.Registry.discover()
FEW = {"batch": 60.0, "steps": 30, "step": 1.0, "clip_norm": 0.2}
RULES = ["global-adapt", "dpsgd-f", "reweighted", "equalising-penalty", "lagrangian-dual"]


def learner(use="dp-sgd", **parameters):
    return REGISTRY.create("learner", use, **{"noise_multiplier": 1.0, **FEW, **parameters})


@pytest.mark.parametrize("use", ["dp-sgd", *RULES])
@pytest.mark.parametrize("architecture", ["logistic", "softmax", "mlp"])
def test_blocks_of_replicates_are_the_same_runs(people, use, architecture):
    made = learner(use, architecture=architecture)
    whole = made.train(people, range(6), 3)
    part = made.train(people, range(4, 6), 3)
    np.testing.assert_allclose(part.parameters, whole.parameters[4:], atol=2e-4)
    assert np.isfinite(whole.losses("held-out")).all()
    assert np.abs(whole.parameters[0] - whole.parameters[1]).max() > 1e-3


@pytest.mark.parametrize("use", ["dp-sgd", *RULES])
def test_plain_arms_are_one_for_all_and_twins_differ(people, use):
    made = learner(use)
    plain = made.train(people, range(3), 5, "plain").parameters
    np.testing.assert_allclose(
        plain, learner().train(people, range(3), 5, "plain").parameters, atol=1e-6
    )
    arms = [made.train(people, range(3), 5, arm).parameters for arm in ("made", "twin")]
    middle = made.train(people, range(3), 5, "noiseless").parameters
    assert np.abs(arms[0] - arms[1]).max() > 1e-3
    if use in {"dp-sgd", "reweighted"}:
        # Noise of two signs lies on two sides of no noise, nearly alike after 30 steps; a rule
        # that answers to noisy statistics bends it.
        away = np.linalg.norm(0.5 * (arms[0] + arms[1]) - middle)
        assert away < 0.3 * np.linalg.norm(arms[0] - middle)
    with pytest.raises(dpaudit.UsageError, match="has no arm 'sideways'"):
        made.train(people, range(1), 5, "sideways")


def test_adapting_nothing_is_dp_sgd_with_longer_steps(people):
    """With Z fixed the rule is flat clipping at Z with steps shrunk by C/Z (METHODS 4.3)."""
    from dpaudit.training.dp_sgd import DpSgd
    from dpaudit.training.group_rules import GlobalAdapt

    class Fixed(GlobalAdapt):
        def factors(self, norms, batch, noise):
            return self.clip_norm / norms.clamp(min=self.threshold)

    base = DpSgd(sizes=(7, 1), batch=60.0, steps=20, step=1.0, clip_norm=0.1,
                 noise_multiplier=0.7, bias=False, start="zero")  # fmt: skip
    adapted = attrs.evolve(base, rule=lambda **state: Fixed(threshold=0.4, **state))
    flat = attrs.evolve(base, clip_norm=0.4, step=0.25)
    np.testing.assert_allclose(
        adapted.train(people.train, range(4), 2), flat.train(people.train, range(4), 2), atol=2e-6
    )


def test_a_clip_bound_of_each_group_is_never_above_the_noise(people):
    import torch

    from dpaudit.training.group_rules import Batch, GroupClip

    rule = GroupClip(clip_norm=0.2, batch=100.0, shares=torch.tensor([0.7, 0.3]), replicates=5,
                     deviation=3.0)  # fmt: skip
    rng = torch.Generator().manual_seed(0)
    for _ in range(50):
        batch = Batch(groups=(torch.rand(5, 90, generator=rng) < 0.3).long(),
                      valid=torch.ones(5, 90))  # fmt: skip
        norms = torch.rand(5, 90, generator=rng)
        noise = torch.randn(5, rule.size, generator=rng)
        lengths = rule.factors(norms, batch, noise) * norms
        assert (lengths <= rule.bound() * (1 + 1e-6)).all()
        assert (rule.bound() <= 0.2 * (1 + 1 / 0.3) * (1 + 1e-6)).all()


def test_signs_and_weights_of_a_penalty_are_the_gradient_of_the_penalty(people):
    """d/dz of sum_a |h_a - h| over n, by differences, against w_i dh_i/dz / n."""
    import torch

    from dpaudit.training.group_rules import Batch, EqualCloseness

    torch.manual_seed(1)
    for width in (1, 3):
        groups = torch.tensor([[0, 0, 1, 1, 1, 0, 1, 0]])
        shares = torch.bincount(groups[0]).double() / 8
        logits = torch.randn(1, 8, width, dtype=torch.float64, requires_grad=True)
        rule = EqualCloseness(clip_norm=1.0, batch=8.0, shares=shares, replicates=1, strength=0.7)
        batch = Batch(groups=groups, valid=torch.ones(1, 8, dtype=torch.float64))
        labels = torch.zeros(1, 8, dtype=torch.int64)
        with torch.no_grad():
            rule.after(logits, labels, batch, torch.zeros(1, 4, dtype=torch.float64))
            pushed = rule.push(logits, labels, batch)
        f = torch.softmax(logits, 2) if width > 1 else torch.cat(
            [torch.sigmoid(-logits), torch.sigmoid(logits)], 2
        )  # fmt: skip
        h = 1.0 - f.square().sum(2)[0]
        means = torch.stack([h[groups[0] == a].mean() for a in (0, 1)])
        penalty = 0.7 * (means - h.mean()).abs().sum()
        (want,) = torch.autograd.grad(penalty, logits)
        np.testing.assert_allclose(pushed.detach() / 8, want, atol=1e-12)


@pytest.mark.parametrize("sizes", [(5, 1), (5, 3), (5, 4, 3)])
def test_gradients_and_logits_along_a_direction_are_differences(sizes):
    import torch

    from dpaudit.training.ensemble import Ensemble, parameter_count

    torch.manual_seed(2)
    theta, v = torch.randn(2, 2, parameter_count(sizes), dtype=torch.float64)
    inputs, step = torch.randn(2, 6, 5, dtype=torch.float64), 1e-6
    labels = torch.randint(0, max(2, sizes[-1]), (2, 6))
    net, up, down = (Ensemble(sizes, theta + s * step * v) for s in (0, 1, -1))
    moved = (up.forward(inputs)[1] - down.forward(inputs)[1]) / (2 * step)
    np.testing.assert_allclose(net.tangent(inputs, v), moved, atol=1e-8)
    rows = [torch.stack([e.losses(x, y)[r] for r, (x, y) in enumerate(zip(inputs, labels,
            strict=True))]) for e in (up, down)]  # fmt: skip
    along = net.along(net.backward(inputs, labels), v)
    np.testing.assert_allclose(along, (rows[0] - rows[1]) / (2 * step), atol=1e-8)


@pytest.mark.parametrize("sizes", [(5, 1), (5, 3)])
def test_the_push_along_what_clipping_takes_off_is_the_gradient_of_its_penalty(sizes):
    """Of sum_a |<g_a - g, v>| over n with v fixed, by differences."""
    import torch

    from dpaudit.training.ensemble import Ensemble, parameter_count
    from dpaudit.training.group_alignment import EqualAlignment
    from dpaudit.training.group_rules import Batch

    torch.manual_seed(3)
    size, n = parameter_count(sizes), 8
    theta = torch.randn(1, size, dtype=torch.float64)
    inputs = torch.randn(1, n, 5, dtype=torch.float64)
    labels = torch.randint(0, max(2, sizes[-1]), (1, n))
    groups = torch.tensor([[0, 0, 1, 1, 1, 0, 1, 0]])
    batch = Batch(groups=groups, valid=torch.ones(1, n, dtype=torch.float64))
    shares = torch.bincount(groups[0]).double() / n
    rule = EqualAlignment(clip_norm=0.3, batch=n, shares=shares, replicates=1, strength=0.7)
    net = Ensemble(sizes, theta)
    none = torch.zeros(1, size, dtype=torch.float64)
    made = net.backward(inputs, labels)
    for _ in range(2):  # a direction first, then the signs along it
        rule.factors(net.norms(made), batch, torch.zeros(1, 4, dtype=torch.float64))
        rule.learn(net, made, batch, none)
    kept = (0.3 / net.norms(made)).clamp(max=1.0)
    v = net.gradient(made, 1.0 - kept) / n
    rule.look(net, inputs)
    logits = net.forward(inputs)[1]
    pushed = net.gradient(
        net.backward(inputs, labels, lambda _, e: 0.0 * e + rule.push(logits, labels, batch)),
        torch.ones(1, n, dtype=torch.float64),
    )

    def penalty(theta):
        moved = Ensemble(sizes, theta)
        along = moved.along(moved.backward(inputs, labels), v)[0]
        means = torch.stack([along[groups[0] == a].mean() for a in (0, 1)])
        return 0.7 * (means - along.mean()).abs().sum()

    steps = 1e-6 * torch.eye(size, dtype=torch.float64)
    want = [(penalty(theta + d) - penalty(theta - d)) / 2e-6 for d in steps]
    assert max(map(abs, want)) > 1e-3
    np.testing.assert_allclose(pushed[0] / n, want, atol=1e-8)


def test_one_person_moves_what_is_asked_by_no_more_than_its_noise_allows():
    """The direction by at most C; the part of a gradient along it by 1, whoever it is."""
    import torch

    from dpaudit.training.ensemble import Ensemble, parameter_count
    from dpaudit.training.group_alignment import EqualAlignment
    from dpaudit.training.group_rules import Batch

    torch.manual_seed(4)
    size, bound = parameter_count((5, 3)), 0.3
    net = Ensemble((5, 3), torch.randn(1, size))
    shares = torch.tensor([0.5, 0.5])
    rule = EqualAlignment(
        clip_norm=bound, batch=1.0, shares=shares, replicates=1, strength=1.0, deviation=1.0,
        memory=0.0,
    )  # fmt: skip
    none = torch.zeros(1, size)
    for scale in (0.1, 10.0, 1e4):
        person = scale * torch.randn(1, 1, 5)
        batch = Batch(groups=torch.zeros(1, 1, dtype=torch.int64), valid=torch.ones(1, 1))
        made = net.backward(person, torch.zeros(1, 1, dtype=torch.int64))
        rule.factors(net.norms(made), batch, torch.zeros(1, 4))
        rule.learn(net, made, batch, none)
        assert float(rule._direction.norm()) <= bound * (1 + 1e-5)
        if rule._answers is not None:
            assert float(rule._answers[0, :2].abs().max()) <= 1 + 1e-5


def test_an_objective_for_clipping_is_counted_whole(people):
    both = learner("equalising-penalty", alignment=40.0, statistic_ratio=2.0)
    assert len(both.statistics(1.0)) == 3
    assert both.account(people, 1.0).noise_multiplier == pytest.approx((1.0 + 0.75) ** -0.5)
    alone = learner("equalising-penalty", strength=0.0, alignment=40.0)
    assert len(alone.statistics(1.0)) == 2
    for made in (both, alone, learner("equalising-penalty", alignment=40.0, private=False)):
        runs = made.train(people, range(2), 3)
        assert np.isfinite(runs.parameters).all()
        without = learner().train(people, range(2), 3).parameters
        assert np.abs(runs.parameters - without).max() > 1e-3
    with pytest.raises(dpaudit.SpecError, match="nothing would be penalised"):
        learner("equalising-penalty", strength=0.0)


def test_a_private_run_is_followed_step_by_step(people):
    made = learner()
    path = made.path(people, range(2), 3, [0, 10, 30])
    assert not path[0].any()
    np.testing.assert_array_equal(path[2], made.train(people, range(2), 3).parameters)
    assert np.abs(path[1] - path[2]).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("use", ["global-adapt", "dpsgd-f", "equalising-penalty",
                                 "lagrangian-dual"])  # fmt: skip
def test_every_statistic_is_counted_before_amplification(people, use):
    made = learner(use, statistic_ratio=2.0)
    plain = learner()
    account = made.account(people, 1.0)
    assert account.noise_multiplier == pytest.approx((1.0 + 0.25) ** -0.5)
    epsilon, without = (one.privacy(people).epsilon for one in (made, plain))
    assert epsilon > without
    apart = Account(sample_rate=0.1, steps=30, each_step=(Query(name="g", noise_multiplier=1.0),))
    assert without == pytest.approx(apart.epsilon(1e-5))
    said = made.counted(people)[0]
    assert "clipped gradients of each batch" in said
    assert f"{type(made).asks} of each batch" in said
    assert "neighbours add-remove" in said


@pytest.mark.slow
def test_a_budget_is_kept_with_all_statistics(people):
    made = REGISTRY.create("learner", "dpsgd-f", epsilon=2.0, **FEW)
    assert 1.95 < made.privacy(people).epsilon <= 2.0


def test_what_is_not_private_promises_nothing(people):
    written = learner("equalising-penalty", private=False)
    assert not written.privacy(people).promises
    assert "no budget bounds this" in written.counted(people)[0]
    assert written.caveats()
    assert learner("equalising-penalty").privacy(people).promises
    assert not learner("reweighted").statistics(1.0)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"accountant": "gdp"}, "no upper bound of epsilon"),
        ({"accountant": "rdp"}, "is none of pld, prv"),
        ({"epsilon": 1.0}, "either epsilon or noise_multiplier"),
        ({"batch": 0.0}, "batch"),
    ],
)
def test_what_cannot_be_accounted_for_is_refused(parameters, message):
    with pytest.raises(dpaudit.SpecError, match=message):
        learner(**parameters)


def test_what_does_not_fit_the_data_is_refused(people, make_people):
    with pytest.raises(dpaudit.UsageError, match=r"batch 601\.0 is larger than the 600 records"):
        learner(batch=601.0).check(people)
    with pytest.raises(dpaudit.DataError, match="3 classes"):
        learner().check(make_people(classes=("a", "b", "c")))
    learner(architecture="softmax").check(make_people(classes=("a", "b", "c")))
    with pytest.raises(dpaudit.DataError, match="needs classes"):
        learner(architecture="mlp").check(make_people(classes=()))


def test_the_net_without_privacy_is_the_plain_arm(people):
    settings = {"batch": 60.0, "steps": 30, "step": 0.5, "hidden": 8}
    net = REGISTRY.create("learner", "mlp", **settings)
    private = learner(architecture="mlp", **settings)
    np.testing.assert_allclose(
        net.train(people, range(3), 1).parameters,
        private.train(people, range(3), 1, "plain").parameters,
        atol=1e-6,
    )
    assert private.optimum(people) is None


@pytest.mark.parametrize("use", ["ridge", "logistic", "softmax"])
def test_exact_fits_have_no_gradient_left(make_people, use):
    data = make_people(classes=() if use == "ridge" else ("no", "yes"))
    made = REGISTRY.create("learner", use, penalty=0.01)
    made.check(data)
    fit = made.fit(data, np.random.default_rng(0))
    gradient = fit.model.gradients(fit.theta, data.train.inputs, data.train.labels).mean(axis=0)
    np.testing.assert_allclose(gradient, -0.01 * fit.theta, atol=1e-10)
    assert len(made.train(data, range(2), 0)) == 2


def test_objective_perturbation_shares_its_direction_over_budgets(people):
    made = [REGISTRY.create("learner", "objective-perturbation", epsilon=e, penalty=0.05)
            for e in (1.0, 4.0)]  # fmt: skip
    for one in made:
        one.check(people)
    far, near = (one.train(people, range(20), 2) for one in made)
    best = made[0].optimum(people)
    away = [np.linalg.norm(runs.parameters - best, axis=1).mean() for runs in (far, near)]
    assert away[0] > away[1] > 0
    np.testing.assert_array_equal(
        made[0].train(people, range(15, 20), 2).parameters, far.parameters[15:]
    )
    assert made[0].privacy(people).delta == 0.0
    with pytest.raises(dpaudit.UsageError, match="a bias without penalty"):
        attrs.evolve(made[0], penalised_bias=False).check(people)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["logistic", "mlp"])
def test_opacus_gives_runs_of_the_same_law(people, architecture):
    """Group losses of 60 runs of Opacus and 400 of ours: z below 5.5 each (8e-8 together)."""
    settings = {"architecture": architecture, "hidden": 4, "steps": 20, "noise_multiplier": 4.0}
    theirs = learner(engine="opacus", **settings).train(people, range(60), 3)
    ours = learner(**settings).train(people, range(400), 3)

    def apart(runs):
        rows = [people.train.means(one.losses().T).T for one in (runs, theirs)]
        error = np.sqrt(sum(row.var(axis=0, ddof=1) / len(row) for row in rows))
        return np.abs(rows[0].mean(axis=0) - rows[1].mean(axis=0)) / error

    assert (apart(ours) < 5.5).all()
    # The control: without noise or clipping the losses are others.
    assert (apart(learner(**settings).train(people, range(400), 3, "plain")) > 5.5).any()
    alone = learner(engine="opacus", **settings).train(people, range(58, 60), 3)
    np.testing.assert_allclose(alone.parameters, theirs.parameters[58:], atol=1e-6)
