# ruff: noqa: N803 (arguments have the names of the stored file)
"""Golden values of learning under privacy, each computed independently of this project's code."""

import json
import math

import numpy as np
import pytest

from dpaudit.privacy.gaussian import analytic_gaussian_sigma
from dpaudit.training import clipping, excess_risk, models, pate, probes, pruning
from dpaudit.training import output_perturbation as output
from dpaudit.training.accounting import Account, Query
from dpaudit.training.erm import fit
from dpaudit.training.linear_models import LogisticLoss, SoftmaxLoss, SquaredLoss
from dpaudit.training.one_hidden_layer import OneHiddenLayer
from dpaudit.training.records import Records
from dpaudit.training.sensitivity import Objective, sensitivity
from dpaudit.training.theorem2 import step_terms
from dpaudit_plugins.mechanisms.exponential import Exponential

pytestmark = [pytest.mark.shared_data, pytest.mark.golden]


def records(item, labels=None):
    x = np.array(item["X"])
    y = item.get("y", labels if labels is not None else np.zeros(len(x)))
    return Records(inputs=x, labels=y, groups=item.get("group", np.zeros(len(x), int)))


def classic(epsilon, delta):
    return math.sqrt(2.0 * math.log(1.25 / delta)) / epsilon


def gap_identity(n, R):
    made = excess_risk.GroupExcess(groups=np.array(R), shares=np.array(n) / np.sum(n))
    xi = made.gaps
    return {
        "R_all": made.overall,
        "xi": xi,
        "max_pairwise": made.largest_difference,
        "ratio_xi": xi[0] / xi[1],
    }


def t_interval(run_level_gaps, level):
    found = excess_risk.run_interval(np.array(run_level_gaps), level)
    return {
        "mean": found.mean,
        "se": found.standard_error,
        "t": found.quantile,
        "lo": found.low,
        "hi": found.high,
    }


def wilson(correct, n, level):
    return dict(
        zip(("lo", "hi"), excess_risk.wilson(np.array(correct), np.array(n), level), strict=True)
    )


def quadratic(g, H, s):
    found = excess_risk.quadratic_moments(np.array(g), np.array(H), s)
    return dict(zip(("mean", "var", "var_antithetic_pair"), found, strict=True))


def four_points(stored):
    item = stored["output_perturbation_logistic_4pt"]["input"]
    people = records(item)
    return people, fit(LogisticLoss(features=2), people, item["lam"]), item


def output_logistic(stored, **_):
    people, theta, item = four_points(stored)
    model = LogisticLoss(features=2)
    delta = sensitivity(
        Objective(
            loss="logistic", records=4, penalty=item["lam"], penalised_bias=True,
            public_scaling=True,
        )
    )  # fmt: skip
    sigma = classic(item["epsilon"], item["delta"])
    found = output.predicted_excess(model, theta, people, delta * sigma)
    traces = models.group_traces(model, theta, people)
    return {
        "theta_star": theta,
        "Delta": delta,
        "sigma": sigma,
        "trace_group": traces,
        "trace_all": people.shares @ traces,
        "R_pred": found.groups,
        "xi_pred": found.gaps,
    }


def output_exact(stored, s, **_):
    people, theta, _ = four_points(stored)
    found = output.one_logit_excess(theta, people, s)
    second = output.predicted_excess(LogisticLoss(features=2), theta, people, s)
    return {
        "R_group_exact": found.groups,
        "R_all_exact": found.overall,
        "R_group_2nd_order": second.groups,
    }


def expected_accuracy(stored, s, **_):
    people, theta, _ = four_points(stored)
    each = output.expected_accuracy(theta, people, s)
    return {
        "per_point_acc": each,
        "group_acc": people.means(each),
        "group_selection": people.means(output.expected_selection(theta, people, s)),
    }


def squared(s, **item):
    people = records(item)
    theta, half, whole = np.zeros(2), SquaredLoss(features=2, factor=0.5), SquaredLoss(features=2)
    assert not output.norms_allow_fairness(people)
    return {
        "mean_norm": people.means(np.sqrt(people.squared_norms)),
        "mean_sq_norm": people.means(people.squared_norms),
        "trace_half_sq": models.group_traces(half, theta, people),
        "trace_sq": models.group_traces(whole, theta, people),
        "R_half_sq": output.squared_loss_excess(people, s, factor=0.5).groups,
        "R_sq": output.predicted_excess(whole, theta, people, s).groups,
        "xi_sq": output.squared_loss_excess(people, s).gaps,
    }


def softmax(W, x):
    model, theta, row = SoftmaxLoss(features=4, classes=3), np.ravel(W), np.array([x])
    f = model.probabilities(theta, row)
    return {
        "f": f[0],
        "one_minus_sum_sq": clipping.boundary_closeness(f)[0],
        "x_sq": row[0] @ row[0],
        "trace": model.traces(theta, row, np.array([0.0]))[0],
    }


def simplex(K):
    return {
        "max_value": [clipping.boundary_closeness(np.full((1, k), 1 / k))[0] for k in K],
        "min_value": clipping.boundary_closeness(np.eye(3)[:1])[0],
        "tie_of_two_for_K3": clipping.boundary_closeness(np.array([[0.5, 0.5, 0.0]]))[0],
    }


def quadratic_steps(theta, lr, C, sigma, expected_batch, **item):
    people, model, theta = records(item), SquaredLoss(features=2, factor=0.5), np.array(theta)
    kept = {"nonprivate": "nonpriv", "batch_curvature": "E", "clipped_batch_curvature": "Ec"}
    kept |= {name: name for name in ("clip", "noise")}
    first = {"clip_first": "clip_first", "clip_second": "clip_hess"}

    def terms(sampling, names):
        found = step_terms(
            model, theta, people, step=lr, bound=C, noise_multiplier=sigma, batch=expected_batch,
            sampling=sampling,
        )  # fmt: skip
        return [{names[k]: getattr(found, k)[a] for k in names} for a in (0, 1)]

    gradients = model.gradients(theta, people.inputs, people.labels)
    poisson = terms("poisson", kept | first)
    return {
        "per_sample_grad": gradients,
        "clip_factor": clipping.clip_factors(np.linalg.norm(gradients, axis=1), C),
        "poisson": poisson,
        "fixed_size_no_replacement_b2": terms("fixed", kept),
        "R_noise_if_not_divided_by_batch": [t["noise"] * expected_batch**2 for t in poisson],
    }


def lemma(p_a, p_b, norm_ga, norm_gb, C):
    left, right, fires = clipping.two_group_lemma((p_a, p_b), (norm_ga, norm_gb), C)
    paper = clipping.paper_condition((p_a, p_b), (norm_ga, norm_gb), C)
    return {
        "lhs": left,
        "threshold": right,
        "fires": fires,
        **dict(zip(("paper_lhs", "paper_rhs", "paper_fires"), paper, strict=True)),
    }


def first_order(g, group, C, lr):
    gradients = np.array(g)
    people = Records(inputs=gradients, labels=np.zeros(4), groups=group)
    found = clipping.clip_bias(gradients, people, C, lr)
    return {
        "c": found.factors,
        "gD": found.mean_gradient,
        "gbarD": found.clipped_gradient,
        "R_clip_first": found.first_order,
        "direction": found.direction,
        "magnitude": found.magnitude,
        "frac_clipped": found.share_clipped,
        "cos_group": found.cosine,
        "cos_all": found.cosine_all,
    }


def net(item):
    theta = np.concatenate([np.ravel(item[name]) for name in ("W1", "b1", "W2", "b2")])
    return OneHiddenLayer(features=2, hidden=3), theta, records(item)


def tanh_trace(**item):
    model, theta, people = net(item)
    at = (theta, people.inputs, people.labels)
    parts = [float(part.mean()) for part in model.trace_parts(*at)]
    return {
        "loss": model.losses(*at).mean(),
        "trace_full": np.trace(model.hessian(*at)),
        "trace_ggn": parts[0],
        "trace_residual": parts[1],
        "per_sample_grad_norm": model.gradient_norms(*at),
        "frob_H": np.linalg.norm(model.hessian(*at)),
        "lambda_max": models.group_largest_eigenvalues(model, theta, people)[0],
    }


def hutchinson(H):
    signs, normal = probes.probe_variances(np.array(H))
    return {
        "trace": np.trace(H),
        "var_rademacher_one_probe": signs,
        "var_gaussian_one_probe": normal,
    }


def gaussians(delta, eps):
    return {
        "sigma": [analytic_gaussian_sigma(e, delta) for e in eps],
        "classic_sigma": [classic(e, delta) for e in eps],
    }


def dp_sgd(q, sigma, steps, delta, neighbours):
    gradients = Query(name="gradients", noise_multiplier=sigma)
    made = Account(sample_rate=q, steps=steps, each_step=(gradients,))
    return {"opacus_prv": made.epsilon(delta, "prv"), "dpa_pld": made.epsilon(delta)}


def pruned(prune, act, **item):
    model, theta, people = net(item)
    prunable = np.concatenate(
        [np.full(np.size(item[name]), name[0] == "W") for name in ("W1", "b1", "W2", "b2")]
    )
    after = pruning.pruned_by_magnitude(theta, prunable, 0.25)
    found = pruning.pruning_loss(model, theta, after, people)
    w1, b1, w2, b2 = np.split(after, np.cumsum([6, 3, 6]))
    fields = {
        "R": found.excess, "first": found.first, "second": found.second,
        "gnorm": found.gradient_norms, "lam_max": found.largest_eigenvalues, "bound": found.bound,
    }  # fmt: skip
    return {
        "theta_pruned": {
            "l1.weight": w1.reshape(3, 2),
            "l1.bias": b1,
            "l2.weight": w2.reshape(2, 3),
            "l2.bias": b2,
        },
        "delta_norm": np.linalg.norm(after - theta),
        "groups": [{name: values[a] for name, values in fields.items()} for a in (0, 1)],
        "xi": found.largest_difference,
    }


def three_groups(p, g):
    sizes = np.rint(10 * np.array(p)).astype(int)
    groups = np.repeat(np.arange(3), sizes)
    people = Records(inputs=np.array(g)[groups], labels=np.zeros(10), groups=groups)
    return {
        "sum_p_g": float(people.shares @ people.means(people.inputs)[:, 0]),
        "norms": np.linalg.norm(people.means(people.inputs), axis=1),
    }


def flips(counts, sigma):
    keep = [pate.gaussian_keep_probability(np.array([row]), sigma)[0] for row in counts]
    return {"keep": keep, "flip": [1.0 - k for k in keep]}


def selection(score, group, sensitivity, eps):
    def chances(values, epsilon):
        if epsilon == 0:
            return np.full(4, 0.25)
        return Exponential(epsilon=epsilon / sensitivity).probabilities(np.array(values)).value

    p = [chances(score, e) for e in eps]
    moved = chances([-0.1, 1.8, 1.6, 1.5], 5.0)
    member = np.array(group)
    return {
        "p": p,
        "group_share": [[row[member == a].sum() for a in (0, 1)] for row in p],
        "max_log_ratio_under_score_change_of_1_at_eps5": np.log(p[2] / moved).max(),
    }


def adapted(norms, C, Z):
    made = np.array(norms)
    return {
        "global_adapt": clipping.clip_factors(made, C, rule="global-adapt", threshold=Z),
        "global_": clipping.clip_factors(made, C, rule="global", threshold=Z),
        "flat": clipping.clip_factors(made, C),
    }


COMPUTE = {
    "gap_identity_two_groups": gap_identity,
    "t_interval": t_interval,
    "runs_needed": lambda sd, half_width, level: {
        "M": excess_risk.runs_needed(sd, half_width, level)
    },
    "folded_bias": lambda se, gap: {"bias": excess_risk.folded_mean(gap, se)},
    "folded_mean": lambda mu, se: {"E_abs": excess_risk.folded_mean(mu, se)},
    "wilson_interval": wilson,
    "var_of_quadratic_excess": quadratic,
    "output_perturbation_logistic_4pt": output_logistic,
    "output_perturbation_exact_s0.1": output_exact,
    "output_perturbation_exact_s5.0": output_exact,
    "output_perturbation_expected_accuracy": expected_accuracy,
    "squared_loss_trace_and_counterexample": squared,
    "softmax_hessian_trace": softmax,
    "theorem5_simplex": simplex,
    "theorem2_quadratic_4pt": lambda loss, q, clip_factor, **item: quadratic_steps(**item),
    "clip_lemma_two_groups": lemma,
    "clip_bias_first_order": first_order,
    "mlp_tanh_hessian_trace": lambda loss, **item: tanh_trace(**item),
    "hutchinson_variance": hutchinson,
    "analytic_gaussian": gaussians,
    "dpsgd_epsilon": dp_sgd,
    "pate_gnmax_data_independent": lambda queries, sigma, delta, orders: {
        "epsilon": pate.gnmax_epsilon(queries, sigma, delta)
    },
    "pruning_2_3_2": pruned,
    "prop1_counterexample_three_groups": three_groups,
    "pate_gnmax_flip": flips,
    "exponential_mechanism_selection": selection,
    "global_adapt_clip_factor": adapted,
}
REFUSED = {"dpsgd_epsilon": {"opacus_rdp", "opacus_gdp", "dpa_rdp"}}
"""What other accountants say: looser, or no bound; the project computes neither."""


@pytest.fixture(scope="module")
def stored(shared):
    items = json.loads((shared / "golden" / "learning.json").read_text())["items"]
    return {item["id"]: item for item in items}


def test_every_stored_item_is_tested(stored):
    assert set(stored) == set(COMPUTE)


def agree(got, wanted, tolerance, place):
    """Compare nested values leaf by leaf."""
    if isinstance(wanted, dict):
        assert set(got) == set(wanted), place
        for name, value in wanted.items():
            agree(got[name], value, tolerance, f"{place}.{name}")
    elif isinstance(wanted, list) and wanted and isinstance(wanted[0], dict):
        assert len(got) == len(wanted), place
        for i, value in enumerate(wanted):
            agree(got[i], value, tolerance, f"{place}[{i}]")
    else:
        np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance, err_msg=place)


@pytest.mark.parametrize("identifier", COMPUTE)
def test_golden_value(identifier, stored):
    item = stored[identifier]
    given = dict(item["input"])
    if given.pop("same_as", None) or identifier == "output_perturbation_logistic_4pt":
        given["stored"] = stored
    wanted = dict(item["output"])
    for name in REFUSED.get(identifier, ()):
        wanted.pop(name)
    agree(COMPUTE[identifier](**given), wanted, item["tolerance"], identifier)


def test_a_wrong_value_is_noticed(stored):
    item = stored["mlp_tanh_hessian_trace"]
    wanted = item["output"] | {"trace_residual": item["output"]["trace_residual"] + 1e-8}
    given = {name: value for name, value in item["input"].items() if name != "loss"}
    with pytest.raises(AssertionError, match="trace_residual"):
        agree(tanh_trace(**given), wanted, item["tolerance"], "net")
