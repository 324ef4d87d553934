"""Golden values of the closed forms, each computed independently of this project's code."""

import json
from pathlib import Path

import numpy as np
import pytest

from dpaudit.estimators.clipped_allotment import clipped_allotment
from dpaudit.estimators.ratio import fourth_order_bias, quotient_bias, second_order_bias
from dpaudit.model.estimate import Estimate
from dpaudit.model.hierarchy import Hierarchy
from dpaudit.noise.discrete_gaussian import DiscreteGaussian
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.sums import laplace_sum_tail
from dpaudit.privacy.gaussian import analytic_gaussian_sigma
from dpaudit.privacy.zcdp import delta_of, epsilon_of, simple_epsilon
from dpaudit.solvers.centred import negative_part
from dpaudit.solvers.shared_out import shared_out
from dpaudit.solvers.simplex import simplex_threshold
from dpaudit.solvers.simplex_bias import simplex_bias
from dpaudit.solvers.tree_least_squares import tree_least_squares
from dpaudit.stats.combined_rules import all_of_bias, any_of_bias, exactly_one_of_bias
from dpaudit.stats.spread import cost_of_privacy
from dpaudit_plugins.decisions import _title_i
from dpaudit_plugins.decisions.allotment import Allotment
from dpaudit_plugins.decisions.apportionment import Apportionment
from dpaudit_plugins.decisions.ratio_threshold import RatioThreshold
from dpaudit_plugins.decisions.section_203 import Section203
from dpaudit_plugins.decisions.threshold import Threshold
from dpaudit_plugins.mechanisms import exponential, gaussian, geometric, laplace
from dpaudit_plugins.postprocessors.baseline import Baseline
from dpaudit_plugins.postprocessors.non_negative import NonNegative
from dpaudit_plugins.postprocessors.projection_onto_simplex import ProjectionOntoSimplex
from dpaudit_plugins.postprocessors.simplex import Simplex
from dpaudit_plugins.postprocessors.sum_preserving import SumPreserving

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.shared_data, pytest.mark.golden]
ELSEWHERE = {
    "redundant.alpha": "tests/plugins/mitigations/test_budgets.py",
    "no_penalty.delta": "tests/plugins/mitigations/test_rules.py",
}
"""Items whose tests stand with the mitigation that they are about."""


def clip_bias(noise, x):
    return NonNegative().bias(np.array([float(x)]), noise)[0]


def sum_preserving_variance(scale, n):
    step, counts = SumPreserving(total=100.0 * n), np.full(n, 100.0)
    variances = step.variance(counts, Laplace(scale))
    assert np.ptp(variances) == 0
    return variances[0]


def laplace_scale(epsilon, l1_sensitivity):
    assert l1_sensitivity == 2
    return laplace.Laplace(epsilon=epsilon, neighbours="replace").noise().scale


def second_order(a, x, scale):
    a, x = np.array(a), np.array(x)
    variance = Laplace(scale).variance * np.ones_like(x)
    curvature = Allotment(weights=a).curvature(x, variance)
    np.testing.assert_allclose(curvature, second_order_bias(x, a, variance), rtol=1e-13)
    return curvature


def both_orders(a, x, sigma):
    a, x, noise = np.array(a), np.array(x), Gaussian(sigma)
    second = second_order_bias(x, a, noise.variance)
    return second + fourth_order_bias(x, a, noise.variance, noise.fourth_cumulant)


def analytic_sigma(epsilon, delta, l2_sensitivity):
    assert l2_sensitivity == 1.0
    plugin = gaussian.Gaussian(epsilon=epsilon, delta=delta).noise().sigma
    assert plugin == analytic_gaussian_sigma(epsilon, delta, l2_sensitivity)
    return plugin


def exponential_chances(utilities, epsilon, sensitivity):
    assert sensitivity == 1.0
    counts = np.array(utilities, dtype=float)
    return exponential.Exponential(epsilon=epsilon).probabilities(counts).value


def discrete_variance(sigma2):
    return DiscreteGaussian(np.sqrt(sigma2)).variance


def cost(bias, budget):
    return cost_of_privacy(Estimate.exact(np.array(bias)).scaled(budget)).value


def part_below_zero(noise, x_i, n):
    """The other counts do not enter k_i."""
    return negative_part(np.r_[float(x_i), np.full(n - 1, 1e5)], noise)[0]


def simplex_spreads(x, laplace_scale, gaussian_sigma):
    counts = np.array(x, dtype=float)
    step = Simplex(total=counts.sum())
    noises = {"laplace": Laplace(laplace_scale), "gaussian": Gaussian(gaussian_sigma)}
    return {name: np.ptp(step.bias(counts, noise).value) for name, noise in noises.items()}


def simplex_push(x, sigma):
    return simplex_bias(np.array(x, dtype=float), Gaussian(sigma)).push


def simplex_spread(x, sigma):
    return simplex_bias(np.array(x, dtype=float), Gaussian(sigma)).spread


def clipped_allotment_bias(a, x, scale):
    return clipped_allotment(np.array(x), np.array(a), Laplace(scale)).bias


def repaired(a, x_noisy):
    """Both ways to make the shares of noisy counts valid, as post-processors of outcomes."""
    shares = Allotment(weights=np.array(a)).decide(np.array(x_noisy))
    projected = ProjectionOntoSimplex(total=1.0).process(shares)
    baseline = Baseline(total=1.0).process(shares)
    clipped = Allotment(weights=np.array(a)).decide(np.maximum(x_noisy, 0.0))
    np.testing.assert_allclose(baseline, clipped, rtol=0, atol=1e-15)
    return {
        "p": shares,
        "theta": simplex_threshold(shares, 1.0),
        "pos": projected,
        "bl": baseline,
        "spread_pos": np.ptp(projected - shares),
        "spread_bl": np.ptp(baseline - shares),
        "l1_pos": np.abs(projected - shares).sum(),
        "l1_bl": np.abs(baseline - shares).sum(),
    }


def tree_fit(tree, z, var=None, k=None):
    """Return the fitted value of every node by name, in a tree of three levels; k is its arity."""
    assert k in (None, *map(len, tree.values()))
    (root,) = set(tree) - {node for nodes in tree.values() for node in nodes}
    paths = [(node, leaf) for node in tree[root] for leaf in tree[node]]
    made = Hierarchy.of(["node", "leaf"], [list(column) for column in zip(*paths, strict=True)])
    names = [root, *made.labels[1], *made.labels[2]]
    variances = np.array([1.0 if var is None else var[name] for name in names])
    fitted = tree_least_squares(made, np.array([z[name] for name in names]), variances)
    return dict(zip(names, fitted, strict=True))


def above_threshold(x, t, scale):
    return Threshold(at=float(t)).probability(np.array([x]), Laplace(scale), clipped=False)[0]


def above_ratio(num, den, r, scale):
    rule = RatioThreshold(numerator="1", denominator="0", ratio=r, counts=("0", "1"))
    return rule.probability(np.array([[den, num]]), Laplace(scale), clipped=False)[0]


def ratio_bias(num, den, variance):
    return quotient_bias(np.array(num), np.array(den), variance)


def combined(p1, t1, p2, t2):
    given = [np.array(each) for each in (p1 - t1, p2 - t2, t1, t2)]
    forms = {"and": all_of_bias, "or": any_of_bias, "xor": exactly_one_of_bias}
    return {name: form(*given) for name, form in forms.items()}


def covered(x1, x0, ill, r0, scale):
    names = ("citizens", "limited_english", "illiterate")
    rule = Section203(national_rate=r0, counts=names)
    known = rule.probability(np.array([[x0, x1, ill]]), Laplace(scale), clipped=False)
    assert known.high[0] - known.value[0] < 1e-11
    return known.value[0]


def weighted_children(children, pop):
    children, pop = np.array([float(children)]), np.array([float(pop)])
    by_number = _title_i.weighted_by_number(children)
    by_share = _title_i.weighted_by_share(children, pop)
    both = _title_i.weighted(children, pop)
    return {"number": by_number[0], "percent": by_share[0], "weighted": both[0]}


def state_factor(sppe, us, effort, equity):
    spending = _title_i.bounded_spending(np.array(sppe), us, 0.34, 0.46)
    return _title_i.efig_state_factor(spending, effort, equity)


def held_harmless(auth, prev, rate, budget):
    floors = np.array(rate) * np.array(prev)
    due = np.array([auth], dtype=float)
    return shared_out(due, np.array([[float(budget)]]), floors[None, :])[0]


def eligibility(children, pop):
    rules = {name: getattr(_title_i, f"{name}_eligible") for name in ELIGIBLE}
    return {name: rule(np.array(children), np.array(pop)) for name, rule in rules.items()}


ELIGIBLE = ("basic", "concentration", "targeted")
COMPUTE = {
    "laplace.variance": lambda scale: Laplace(scale).variance,
    "laplace.scale_replace_histogram": laplace_scale,
    "geometric.variance.eps0.1": lambda epsilon, sensitivity: (
        geometric.Geometric(epsilon=epsilon, cells_per_person=sensitivity).noise().variance
    ),
    "geometric.mean_abs.eps1": lambda epsilon: Geometric(epsilon).mean_absolute,
    "gaussian.analytic_sigma.eps1.0.delta1e-05": analytic_sigma,
    "discrete_gaussian.variance.sig2_1.0": discrete_variance,
    "discrete_gaussian.variance.sig2_4.0": discrete_variance,
    "zcdp.epsilon_simple": lambda rho, delta: simple_epsilon(delta, rho),
    "zcdp.epsilon_tight": lambda rho, delta: epsilon_of(delta, rho),
    "zcdp.delta_tight": lambda rho, epsilon: delta_of(epsilon, rho),
    "exponential.probs": exponential_chances,
    "clip.bias.laplace": lambda x, scale: clip_bias(Laplace(scale), x),
    "clip.bias.gaussian": lambda x, sigma: clip_bias(Gaussian(sigma), x),
    "clip.bias.geometric": lambda x, epsilon: clip_bias(Geometric(epsilon), x),
    "piS.variance.arizona": sum_preserving_variance,
    "piS.variance.texas": sum_preserving_variance,
    **{
        f"piS.k.gaussian.hawaii{x}": lambda x_i, n, sigma: part_below_zero(Gaussian(sigma), x_i, n)
        for x in (51, 52, 53)
    },
    **{
        f"piS.k.laplace.hawaii{x}": lambda x_i, n, scale: part_below_zero(Laplace(scale), x_i, n)
        for x in (51, 52)
    },
    "piSplus.alpha.hawaii51": simplex_spreads,
    "piSplus.alpha.hawaii52": simplex_spreads,
    "piSplus.K.n3.gaussian.a": simplex_push,
    "piSplus.K.n8.gaussian": simplex_push,
    "piSplus.alpha.n2.gaussian": simplex_spread,
    "simplex.projection": lambda v, C: Simplex(total=C).process(np.array(v)),  # noqa: N803
    "simplex.tau": lambda v, C: simplex_threshold(np.array(v), C),  # noqa: N803
    "allot.bias2.laplace5": second_order,
    "allot.bias4.gauss7": both_orders,
    "baselineBL.bias.laplace": clipped_allotment_bias,
    "pos.example": repaired,
    "cost_of_privacy": cost,
    "hier.two_pass": tree_fit,
    "hier.hay_binary": tree_fit,
    "huntington_hill.small": lambda pop, seats: Apportionment(seats=seats).decide(
        np.array(pop, dtype=float)
    ),
    "threshold.laplace": above_threshold,
    "ratio.threshold.union": above_ratio,
    "ratio.threshold.loving": above_ratio,
    "ratio.bias2": ratio_bias,
    "lap2.sf.equal": lambda z, scale1, scale2: laplace_sum_tail(
        *map(np.array, (z, scale1, scale2))
    ),
    "compose.independent": combined,
    "section203.joint": covered,
    **dict.fromkeys(
        (
            "titlei.weighted.160.1000",
            "titlei.weighted.700.5000",
            "titlei.weighted.3000.9000",
            "titlei.weighted.10000.40000",
        ),
        weighted_children,
    ),
    "titlei.adj_sppe": lambda sppe, us: _title_i.bounded_spending(np.array(sppe), us),
    "titlei.efig_state_factor": state_factor,
    "titlei.hold_harmless": held_harmless,
    "titlei.eligibility": eligibility,
}


@pytest.fixture(scope="module")
def stored(shared):
    items = json.loads((shared / "golden" / "decisions.json").read_text())["items"]
    return {item["id"]: item for item in items}


def test_every_stored_item_is_tested(stored):
    assert set(stored) == {*COMPUTE, *ELSEWHERE}
    for identifier, file in ELSEWHERE.items():
        assert identifier in (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("identifier", COMPUTE)
def test_golden_value(identifier, stored):
    item = stored[identifier]
    got = COMPUTE[identifier](**item["inputs"])
    wanted = item["output"]
    if not isinstance(got, dict):
        got, wanted = {identifier: got}, {identifier: wanted}
    assert got.keys() == wanted.keys()
    for name, value in got.items():
        np.testing.assert_allclose(value, wanted[name], rtol=0, atol=item["tolerance"])
