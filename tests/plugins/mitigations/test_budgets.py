"""Mitigations that spend the budget in another way, against METHODS-decisions 7.1, 7.5 and 7.8."""

import json

import numpy as np
import pytest

import dpaudit
from dpaudit_plugins.mechanisms.discrete_gaussian import DiscreteGaussian
from dpaudit_plugins.mechanisms.gaussian import Gaussian
from dpaudit_plugins.mechanisms.geometric import Geometric
from dpaudit_plugins.mechanisms.laplace import Laplace
from dpaudit_plugins.mitigations.multi_year_average import Averaged
from dpaudit_plugins.mitigations.redundant_total import ByTotal, WithTotal, break_even

ALLOTMENT = 'use = "allotment"\nweights = "a"'
RAW = 'mechanism = { use = "laplace", epsilon = 0.5 }'
CLIPPED = 'mechanism = { use = "laplace", epsilon = 0.1 }\npostprocess = [{ use = "non-negative" }]'
COUNTS = 'use = "counts"'
SMALL = {"x": [0, 8, 40, 400]}


def theory(x, a, scale):
    shares = a * x / (a * x).sum()
    return (shares.max() - shares.min()) * 2.0 * scale**2 / (a * x).sum() ** 2


@pytest.mark.shared_data
@pytest.mark.golden
def test_redundant_golden(shared):
    items = json.loads((shared / "golden" / "decisions.json").read_text())["items"]
    (case,) = (item for item in items if item["id"] == "redundant.alpha")
    given = case["inputs"]
    x = given["Z"] * np.array(
        [0.5 + given["Pmax_minus_Pmin"] / 2, 0.5 - given["Pmax_minus_Pmin"] / 2]
    )
    assert theory(x, np.ones(2), given["scale_Z"]) == pytest.approx(case["output"], abs=1e-12)


@pytest.mark.parametrize(("share", "alpha"), [(0.1, 2.4049e-7), (0.2, 6.012e-8)])
def test_the_bias_of_shares_of_a_measured_total(sixty, share, alpha):
    """METHODS 7.1: four digits, by integrating over the noise of the total."""
    x, a = sixty["x"].astype(float), sixty["a"]
    made = WithTotal(base=Laplace(epsilon=0.5), weights=a, share=share)
    scale = float(made.noise().scale[-1])
    assert scale == pytest.approx(a.max() / (share * 0.5), rel=1e-12)
    np.testing.assert_allclose(made.noise().scale[:-1], 1.0 / ((1 - share) * 0.5))
    structure = dpaudit.Proportional(weights=a, total=1.0)
    decision = ByTotal(decision=None, shared=structure, floor=scale)
    nodes, weights = np.polynomial.laguerre.laggauss(60)
    measured = made.queries(x)
    outcome = np.zeros(60)
    for sign in (-1.0, 1.0):
        for node, weight in zip(nodes, weights, strict=True):
            outcome += (
                0.5 * weight * decision.decide(measured + sign * node * scale * np.eye(61)[-1])
            )
    bias = outcome - a * x / (a * x).sum()
    assert np.ptp(bias) == pytest.approx(theory(x, a, scale), rel=1e-3)
    assert np.ptp(bias) == pytest.approx(alpha, rel=1e-3)


def redundant(audit, sixty, share, **more):
    return audit(
        sixty,
        release=more.pop("release", RAW),
        decision=ALLOTMENT,
        mitigation=f'use = "redundant-total"\nshare = {share}',
        draws=25_600,
        **more,
    )


def test_a_small_share_of_the_total_makes_alpha_far_worse(audit, sixty):
    """METHODS 7.1: 230 times at f = 0.01, below the break-even share of 0.149, and it says so."""
    found = redundant(audit, sixty, 0.01)
    ratio = found.alpha("after").low / found.alpha("before").value
    assert 210 < ratio < 240
    assert found.alpha("after").high / found.alpha("before").value < 245
    (said,) = found.caveats()
    assert "below about 0.149" in said
    assert found.after.guarantee == found.before.guarantee
    assert found.after.parameters["base"]["epsilon"] == 0.5


def test_a_large_share_makes_alpha_better_and_counts_worse(audit, sixty):
    found = redundant(audit, sixty, 0.5)
    expected = theory(sixty["x"], sixty["a"], sixty["a"].max() / 0.25)
    after = found.alpha("after")
    assert expected < found.alpha("before").low / 8
    assert after.low <= expected <= after.high
    assert after.high < found.alpha("before").low / 4
    assert found.caveats() == []
    error = [found.get(which, "mean-squared-error").value for which in ("before", "after")]
    assert np.median(np.sqrt(error[1] / error[0])) == pytest.approx(2.0, rel=0.05)


def test_the_share_at_which_both_totals_are_equally_good(sixty):
    assert break_even(sixty["a"]) == pytest.approx(0.149, abs=5e-4)
    assert break_even(np.ones(400)) == pytest.approx(0.05)


BASES = [
    Laplace(epsilon=0.5),
    Laplace(epsilon=0.5, neighbours="replace", cells_per_person=2),
    Laplace(scale=np.array([1.0, 4.0, 9.0])),
    Gaussian(rho=0.1),
    Gaussian(rho=0.1, cells_per_person=3),
    Gaussian(rho=0.1, neighbours="replace", cells_per_person=3),
    Gaussian(sigma=np.array([1.0, 4.0, 9.0]), neighbours="replace"),
    Geometric(epsilon=0.5),
    DiscreteGaussian(rho=0.1, cells_per_person=2),
]


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("base", BASES, ids=lambda base: f"{base.name}-{base.neighbours}")
def test_the_split_budget_keeps_the_promise(base, share):
    """The loss of the worst person, summed over all that the person moves."""
    weights = np.array([1.0, 2.0, 3.0])
    made = WithTotal(
        base=base,
        weights=weights,
        share=share,
        neighbours=base.neighbours,
        cells_per_person=base.cells_per_person,
    )
    assert made.privacy() == base.privacy()
    noise, c = made.noise(), base.cells_per_person
    pure = base.name in {"laplace", "geometric"}
    unit = 1.0 / noise.scale if base.name == "laplace" else None
    unit = noise.epsilon_per_unit if base.name == "geometric" else unit
    losses = []
    for i in range(3):
        for j in range(3) if base.neighbours == "replace" else [None]:
            if i == j:
                continue
            entered = [i] if j is None else [i, j]
            moved = max(c * weights[k] for k in entered)
            if pure:
                losses.append(sum(c * unit[k] for k in entered) + moved * unit[-1])
            else:
                square = 1.0 / np.square(noise.sigma)
                losses.append(0.5 * (sum(c * square[k] for k in entered) + moved**2 * square[-1]))
    promised = base.privacy()
    bound = promised.epsilon if pure else promised.rho
    assert max(losses) <= bound * (1 + 1e-12)
    if base.neighbours == "add-remove" and share == 0.5 and np.ndim(base.noise().variance) == 0:
        assert max(losses) == pytest.approx(bound)


def test_whole_noise_is_for_whole_weights(audit, sixty):
    release = 'mechanism = { use = "geometric", epsilon = 0.5 }'
    with pytest.raises(dpaudit.SpecError, match="applies to no release"):
        redundant(audit, sixty, 0.5, release=release)


def test_per_entity_noise_takes_curvature_away(audit, sixty):
    """METHODS 7.5: alpha 1.04e-7 to at most 2.7e-12, epsilon_i up to 1.54 for small places."""
    found = audit(
        {**sixty, "p": sixty["x"]},
        release=RAW,
        decision=ALLOTMENT,
        mitigation='use = "per-entity-noise"\nproxy = "p"',
    )
    assert found.alpha("before").value == pytest.approx(1.04e-7, rel=0.005)
    assert found.alpha("after").high < 2.7e-12
    assert found.before.guarantee.epsilon == 0.5
    assert found.after.guarantee.epsilon == pytest.approx(1.54, abs=0.005)


def test_per_entity_noise_by_a_wrong_proxy_is_worse(audit, sixty):
    """The negative control: noise that grows where counts are small."""
    found = audit(
        {**sixty, "p": 1e5 / sixty["x"]},
        release=RAW,
        decision=ALLOTMENT,
        mitigation='use = "per-entity-noise"\nproxy = "p"',
    )
    assert found.alpha("after").low > found.alpha("before").high


@pytest.mark.parametrize(
    "base",
    [Laplace(epsilon=0.5), Geometric(epsilon=0.5), Gaussian(rho=0.1), DiscreteGaussian(rho=0.02)],
    ids=lambda base: base.name,
)
def test_per_entity_noise_keeps_the_mean_variance(base, registry):
    proxy = np.array([20.0, 90.0, 400.0])
    pipeline = dpaudit.Pipeline(
        mechanism=base,
        steps=(),
        decision=registry.create("decision", "allotment"),
        output=(),
        n=3,
        create=registry.create,
    )
    after = registry.create("mitigation", "per-entity-noise", proxy=proxy).apply(pipeline)
    variance = after.mechanism.noise().variance
    np.testing.assert_allclose(variance.mean(), base.noise().variance, rtol=1e-9)
    np.testing.assert_allclose(variance / proxy, variance[0] / proxy[0], rtol=1e-9)
    weakest, stated = after.mechanism.privacy(), base.privacy()
    if base.name in {"laplace", "geometric"}:
        assert weakest.epsilon > stated.epsilon
    else:
        assert weakest.rho == pytest.approx(0.5 / variance.min(), rel=1e-9)


@pytest.mark.parametrize("budget", ['"laplace", epsilon = 0.5', '"gaussian", rho = 0.125'])
def test_averaging_divides_curvature_by_m(audit, sixty, budget):
    """METHODS 7.8, with four budgets spent: epsilons add, or rhos do."""
    found = audit(
        sixty,
        release=f"mechanism = {{ use = {budget} }}",
        decision=ALLOTMENT,
        mitigation='use = "multi-year-average"\nyears = 4',
    )
    after = found.alpha("after")
    assert after.low == pytest.approx(found.alpha("before").value / 4, rel=1e-3)
    assert after.high == pytest.approx(found.alpha("before").value / 4, rel=1e-3)
    before, spent = found.before.guarantee, found.after.guarantee
    if before.rho is None:
        assert spent.epsilon == 4 * before.epsilon
    else:
        assert spent.rho == pytest.approx(4 * before.rho)
        assert before.epsilon < spent.epsilon < 4 * before.epsilon


def test_averaging_lets_the_bias_of_clipping_fall_faster_than_the_noise(audit):
    """From 5 and 2.25 (METHODS 5.1): by less than 2 at 0, where noise falls by 2, else by more."""
    found = audit(
        SMALL,
        release=CLIPPED,
        decision=COUNTS,
        mitigation='use = "multi-year-average"\nyears = 4',
        draws=25_600,
    )
    before, after = found.bias("before").value, found.bias("after")
    np.testing.assert_allclose(before[:2], 5.0 * np.exp([0.0, -0.8]))
    assert 2.5 < after.low[0] < after.high[0] < 3.0
    assert 0.2 < after.low[1] < after.high[1] < before[1] / 3
    assert any("taken to be of the same counts" in said for said in found.caveats())


def test_averaging_gaussian_noise_is_known_exactly(audit):
    """sigma (phi(z) - z Q(z)), z = x / sigma: at two sigma 0.0849 falls to 3.6e-5 (METHODS 5.1)."""
    found = audit(
        {"x": [0, 20, 400]},
        release=CLIPPED.replace('"laplace", epsilon = 0.1', '"gaussian", sigma = 10.0'),
        decision=COUNTS,
        mitigation='use = "multi-year-average"\nyears = 4',
    )
    assert found.bias("after").method == "exact"
    np.testing.assert_allclose(found.bias("before").value[:2], [3.98942, 0.084907], rtol=1e-4)
    np.testing.assert_allclose(found.bias("after").value[:2], [1.99471, 3.5726e-5], rtol=1e-3)


def test_the_mean_of_releases_has_the_variance_that_it_states():
    made = Averaged(base=Laplace(epsilon=0.5), releases=5)
    rng, counts = np.random.default_rng(1), np.full(4_000, 7.0)
    found = made.release(counts, rng)
    assert made.noise() is None
    np.testing.assert_allclose(made.variance(counts), 8.0 / 5)
    # Of 4,000 squares the mean is off by over 12 percent with probability below 1e-6.
    assert np.mean(np.square(found - 7.0)) == pytest.approx(8.0 / 5, rel=0.16)
    assert made.privacy().epsilon == 2.5


def test_shrinking_alike_counts_is_more_accurate_and_less_fair(audit):
    found = audit(
        {"x": [20, 22, 18, 21, 19, 23, 17, 20]},
        release=CLIPPED,
        decision=COUNTS,
        mitigation='use = "shrunken-counts"',
    )
    error = [found.get(which, "mean-squared-error").value.mean() for which in ("before", "after")]
    assert error[1] < 0.6 * error[0]
    assert found.after.postprocess == ("shrinkage",)
    assert found.alpha("after").low > 5 * found.alpha("before").high
    total = [found.get(which, "bias", over="total").value for which in ("before", "after")]
    assert abs(total[1]) < total[0] / 5


def test_shrinking_counts_that_differ_by_far_leaves_them(audit):
    """The negative control: the mean squared error is that of the noise, 200, as unclipped."""
    found = audit(
        {"x": [100, 5000, 20000, 90000, 300, 44000]},
        release=CLIPPED,
        decision=COUNTS,
        mitigation='use = "shrunken-counts"\nmethod = "empirical-bayes"',
    )
    error = found.get("after", "mean-squared-error")
    assert (error.low <= 200.0).all()
    assert (error.high >= 200.0).all()
    assert found.alpha("after").high < 2.0


TREE = {"x": [0, 1, 3, 5, 8, 40, 90, 200], "state": list("AAABBBCC")}
BY_LEVEL = (
    'mechanism = { use = "laplace", epsilon = 0.5, '
    "levels = { total = 0.4, state = 0.4, id = 0.2 } }"
    '\npostprocess = [{ use = "hierarchical-least-squares" }, { use = "non-negative" }]'
)


def split(audit, levels):
    return audit(
        TREE,
        data='levels = ["state"]',
        release=BY_LEVEL,
        decision=COUNTS,
        mitigation=f'use = "budget-split"\nlevels = {levels}',
    )


def test_more_budget_below_lowers_clipping_bias_at_the_same_price(audit):
    found = split(audit, "{ total = 0.1, state = 0.1, id = 0.8 }")
    assert found.after.guarantee == found.before.guarantee
    assert found.alpha("after").high < found.alpha("before").low / 2
    error = [found.get(which, "mean-squared-error").value for which in ("before", "after")]
    assert (error[1] < error[0] / 4).all()
    assert found.after.parameters["levels"]["id"] == 0.8


def test_the_same_split_gives_the_same_numbers(audit):
    """The negative control, to the last bit: the same noise, and steps that know it."""
    found = split(audit, "{ total = 0.4, state = 0.4, id = 0.2 }")
    np.testing.assert_array_equal(found.bias("after").value, found.bias("before").value)


def test_steps_are_told_of_the_new_noise(audit):
    """Least squares with stale weights would leave another variance."""
    found = split(audit, "{ total = 0.1, state = 0.1, id = 0.8 }")
    new = BY_LEVEL.replace(
        "total = 0.4, state = 0.4, id = 0.2", "total = 0.1, state = 0.1, id = 0.8"
    )
    alone = audit(
        TREE,
        data='levels = ["state"]',
        release=new,
        decision=COUNTS,
        mitigation='use = "budget-split"\nlevels = { total = 0.1, state = 0.1, id = 0.8 }',
    )
    np.testing.assert_array_equal(found.bias("after").value, alone.bias("before").value)


@pytest.mark.parametrize(
    "levels", ["{ total = 0.1, id = 0.9 }", "{ total = 0.5, state = 0.6, id = 0.2 }"]
)
def test_a_split_that_is_none_is_refused(audit, levels):
    with pytest.raises(dpaudit.SpecError, match=r"neither measured nor exact|sum to 1\.3"):
        split(audit, levels)
