"""Golden values of biases, sparsity and suppression, each computed independently of this code."""

import json

import numpy as np
import pytest
from mpmath import mp, mpf

from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.privacy.gaussian import gaussian_delta
from dpaudit.privacy.gdp import gaussian_epsilon, mu_lower_bound, one_run_mu
from dpaudit.privacy.tradeoff import ApproximateDp, GaussianCurve, LaplaceCurve
from dpaudit.solvers import sparsity
from dpaudit.solvers.readout import expected_recovered
from dpaudit.stats import audits, one_run
from dpaudit.stats.proportions import clopper_pearson
from dpaudit_plugins.mechanisms.cell_suppression import CellSuppression
from dpaudit_plugins.mechanisms.dp_cell_suppression import DpCellSuppression
from dpaudit_plugins.mechanisms.threshold_laplace import ThresholdLaplace
from dpaudit_plugins.postprocessors.non_negative import NonNegative

pytestmark = [pytest.mark.shared_data, pytest.mark.golden]
COVERED = ("bias/", "sparsity/", "dpcs_delta/")
COUNTS = (0, 1, 5, 9, 10, 25)
BUDGETS = ("0.25", "0.5", "1", "2", "4")

RELEASES = {
    "laplace_nonneg": lambda x, eps, k: NonNegative().bias(x, Laplace(1.0 / eps)),
    "geometric_nonneg": lambda x, eps, k: NonNegative().bias(x, Geometric(eps)),
    "cell_suppression": lambda x, eps, k: CellSuppression(threshold=k).bias(x),
    "dpcs": lambda x, eps, k: DpCellSuppression(threshold=k, epsilon=eps).bias(x),
    "threshold_laplace": lambda x, eps, k: ThresholdLaplace(threshold=k, epsilon=eps).bias(x),
}
BIASES = [f"bias/{m}/x{x}/eps{e}" for m in RELEASES for x in COUNTS for e in BUDGETS[1:]]
DELTAS = [f"dpcs_delta/eps{e}/c{c}" for e in BUDGETS[1:] for c in (5, 9, 10, 15, 30)]
SPARSITY = [f"sparsity/{name}" for name in ("table", "eps0", "mc_bias")]
CROSSINGS = [f"sparsity/eps{e}" for e in BUDGETS[:4]]
CANCELLED = {
    "bias/threshold_laplace/x25/eps1",
    "bias/threshold_laplace/x25/eps4",
    "bias/dpcs/x25/eps2",
    "bias/dpcs/x25/eps4",
}
"""Stored as a difference from x in double precision, so right to half an ulp of x only."""


@pytest.fixture(scope="module")
def stored(shared):
    items = json.loads((shared / "golden" / "attacks.json").read_text())
    return {item["id"]: item for item in items}


@pytest.fixture(scope="module")
def table():
    drawn = np.exp(np.random.default_rng(7).normal(2.5, 1.4, 400))
    return np.maximum(1.0, np.rint(drawn))


def test_every_stored_item_is_tested(stored):
    due = {identifier for identifier in stored if identifier.startswith(COVERED)}
    missing = due - {*BIASES, *DELTAS, *SPARSITY, *CROSSINGS}
    assert not missing
    assert {identifier for identifier in due if identifier.startswith("bias/")} <= set(BIASES)
    assert len(due) == sum(
        identifier in stored for identifier in (*BIASES, *DELTAS, *SPARSITY, *CROSSINGS)
    )


def exact(mechanism, x, eps, k):
    """The formulas of METHODS-attacks 1 with 60 digits."""
    mp.dps = 60
    x, eps, k = mpf(x), mpf(eps), mpf(k)
    b = 1 / eps
    below = x < k
    keep = mp.exp(-eps * (k - x)) / 2 if below else 1 - mp.exp(-eps * (x - k)) / 2
    shown = (k + b) / 2 * mp.exp(-(k - x) / b) - x if below else -(k - b) / 2 * mp.exp((k - x) / b)
    alpha = mp.exp(-eps)
    return {
        "laplace_nonneg": b / 2 * mp.exp(-x / b),
        "geometric_nonneg": alpha ** (x + 1) / (1 - alpha**2),
        "cell_suppression": -x if 0 < x < k else mpf(0),
        "dpcs": -x * (1 - keep),
        "threshold_laplace": shown,
    }[mechanism]


@pytest.mark.parametrize("identifier", BIASES)
def test_bias(identifier, stored):
    item = stored.get(identifier)
    mechanism, x, eps = identifier.removeprefix("bias/").split("/")
    x, eps = float(x[1:]), float(eps[3:])
    got = RELEASES[mechanism](np.array([x]), eps, 10)[0]
    assert got == pytest.approx(float(exact(mechanism, x, eps, 10)), rel=1e-12, abs=0)
    if item is not None:
        assert item["input"] == {"mechanism": mechanism, "x": x, "eps": eps, "k": 10}
        rounding = np.spacing(x) / 2 if identifier in CANCELLED else 0.0
        np.testing.assert_allclose(got, item["output"], rtol=1e-12, atol=rounding)


@pytest.mark.parametrize("identifier", DELTAS)
def test_tight_delta(identifier, stored):
    item = stored[identifier]
    made = DpCellSuppression(threshold=item["input"]["k"], epsilon=item["input"]["eps"])
    got = made.tight_delta(np.array([float(item["input"]["c"])]))[0]
    assert got == pytest.approx(item["output"], rel=1e-12, abs=0)


def test_the_sparse_table(stored, table):
    item = stored["sparsity/table"]
    assert table[:10].tolist() == item["input"]["first10"]
    small = table[table < 10]
    got = {"n": table.sum(), "L_10": small.sum(), "n_small": small.size}
    assert got == item["output"]


@pytest.mark.parametrize("identifier", CROSSINGS)
def test_where_noise_and_suppression_cross(identifier, stored, table):
    item = stored[identifier]
    eps, k = item["input"]["eps"], item["input"]["k"]
    noise = Laplace(1.0 / eps)
    suppressed = -sparsity.suppression_bias(table, k)
    noisy = -sparsity.noisy_suppression_bias(table, k, noise)
    got = {
        "laplace_l1_at_pz0": sparsity.clipped_bias(table, noise),
        "cs_l1": suppressed,
        "dpcs_l1": noisy,
        "pz_cross_cs": sparsity.crossing_share(table, noise, suppressed),
        "pz_cross_dpcs": sparsity.crossing_share(table, noise, noisy),
    }
    assert got == pytest.approx(item["output"], rel=1e-9, abs=0)


def test_the_budget_below_which_noise_is_always_worse(stored, table):
    item = stored["sparsity/eps0"]
    suppressed = -sparsity.suppression_bias(table, item["input"]["k"])
    got = sparsity.crossing_epsilon(table, lambda eps: Laplace(1.0 / eps), suppressed)
    assert got == pytest.approx(item["output"], rel=0, abs=1e-9)


def test_the_plug_in_norm_is_biased_upwards(stored, table):
    """The L1 norm of a simulated mean against the exact one, with draws of our own.

    Folded errors add 5.4 on average with a standard deviation of at most 1 (false alarm below
    1e-6); the sum with signs, the control, is not biased. Two simulations differ by at most 8.
    """
    item = stored["sparsity/mc_bias"]
    counts = np.concatenate([table, np.zeros(item["output"]["nz"])])
    noise = Laplace(1.0 / item["input"]["eps"])
    exact_norm = sparsity.clipped_bias(counts, noise)
    assert exact_norm == pytest.approx(item["output"]["l1_exact"], rel=1e-12)
    rng, reps, total = np.random.default_rng(11), item["input"]["reps"], np.zeros(counts.size)
    for _ in range(reps):
        total += np.maximum(counts + noise.sample(rng, counts.shape), 0.0) - counts
    mean = total / reps
    assert np.abs(mean).sum() > exact_norm
    assert np.abs(mean).sum() == pytest.approx(item["output"]["l1_mc_4000"], abs=8.0)
    spread = np.sqrt(NonNegative().variance(counts, noise).sum() / reps)
    assert abs(mean.sum() - exact_norm) < 5.0 * spread  # 6e-7


def each(stored, kind):
    """Return inputs and outputs of every stored item of a kind, at least one."""
    found = [item for name, item in stored.items() if name.startswith(f"{kind}/")]
    assert found
    return [(item["input"], item["output"]) for item in found]


def test_known_rest_curves(stored):
    rates = np.array([0.001, 0.01, 0.1])
    for given, out in each(stored, "roc"):
        if "mu" in given:
            curve = GaussianCurve(given["mu"])
            assert curve.auc == pytest.approx(out["auc"], abs=1e-12)
            np.testing.assert_allclose(curve.tpr(rates), out["tpr_at"], rtol=0, atol=1e-12)
            continue
        ceiling, laplace = ApproximateDp(given["eps"]), LaplaceCurve(given["eps"])
        assert laplace.auc == pytest.approx(out["lap_auc_closed"], abs=1e-12)
        np.testing.assert_allclose(ceiling.tpr(rates), out["dp_tpr"], rtol=0, atol=1e-12)
        np.testing.assert_allclose(laplace.tpr(rates), out["lap_tpr"], rtol=0, atol=1e-12)
        for name in ("dp_auc", "geo_auc", *(f"geo_clip_auc_c{c}" for c in (0, 1, 10))):
            assert ceiling.auc == pytest.approx(out[name], abs=1e-9)
        for name in (f"geo_clip_tpr1_c{c}" for c in (0, 1, 10)):
            assert float(ceiling.tpr(0.01)) == pytest.approx(out[name], abs=1e-9)


def test_ceilings_of_the_area(stored):
    for given, out in each(stored, "auc_ceiling"):
        got = ApproximateDp(given["eps"], given["delta"]).auc
        assert got == pytest.approx(out, abs=1e-12)


def test_bounds_of_rates_and_of_epsilon(stored):
    for given, out in each(stored, "cp"):
        got = clopper_pearson(np.array(given["k"]), given["n"], given["alpha"] / 2)
        np.testing.assert_allclose(got, out, rtol=0, atol=1e-12)
    for given, out in each(stored, "cp_ceiling"):
        got = audits.largest_certificate(given["n"], given["alpha"])
        assert got == pytest.approx(out, abs=1e-6)
    for given, out in each(stored, "eps_lb"):
        got = audits.epsilon_lower_bound(
            hits=given["k1"], members=given["n1"], false=given["k0"], others=given["n0"],
            risk=given["alpha"], delta=given["delta"],
        )  # fmt: skip
        assert got == pytest.approx(out, abs=1e-9)


def test_gaussian_privacy_and_its_textbook_calibration(stored):
    for given, out in each(stored, "gdp"):
        mu = mu_lower_bound(given["fp"], given["n0"], given["fn"], given["n1"], given["alpha"])
        assert mu == pytest.approx(out["mu_lb"], abs=1e-6)
        assert gaussian_epsilon(mu, 1e-5) == pytest.approx(out["eps_at_1e5"], abs=1e-6)
    for given, out in each(stored, "gdp_conv"):
        assert gaussian_epsilon(given["mu"], given["delta"]) == pytest.approx(out, abs=1e-6)
    for given, out in each(stored, "classical_gauss"):
        delta = gaussian_delta(given["eps"], given["sigma"])
        assert delta == pytest.approx(out["delta_true"], rel=1e-9)
        assert (delta <= given["delta_claimed"]) == out["valid"]


def test_canaries_of_one_run(stored):
    for given, out in each(stored, "one_run"):
        guesses = one_run.Guesses(canaries=given["m"], guessed=given["r"], right=given["v"])
        got = one_run.epsilon_lower_bound(guesses, given["p"], given["delta"])
        assert got == pytest.approx(out["eps_lb"], abs=1e-5)
        assert one_run.p_value(guesses, 1.0, given["delta"]) == pytest.approx(
            out["p_at_eps1"], abs=1e-5
        )
        if out["eps_lb_gaussian_fdp"] is not None:
            got = gaussian_epsilon(one_run_mu(guesses, given["p"]), given["delta"])
            assert got == pytest.approx(out["eps_lb_gaussian_fdp"], abs=1e-5)


def test_records_read_out_of_a_histogram(stored):
    for given, out in each(stored, "recon_readout"):
        got = expected_recovered(np.array([float(given["x"])]), Laplace(1.0 / given["eps"]))
        assert got[0] == pytest.approx(out, rel=1e-12, abs=0)


@pytest.mark.slow
def test_the_best_threshold_certifies_as_much_as_stored(stored):
    """A stored lower bound is a floor, within its tolerance; no bound passes the truth."""
    item = stored["tightness/gaussian_mu1_n1000"]
    given, out, rng = item["input"], item["output"], np.random.default_rng(0)
    found = [
        audits.ranked_certificate(
            rng.normal(given["mu"], 1.0, given["n"]), rng.normal(size=given["n"]), 0.05, 1e-5
        ).epsilon
        for _ in range(given["runs"])
    ]
    assert np.mean(found) > out["cp_mean"] - 0.1
    assert max(found) < out["true_eps"]
    assert gaussian_epsilon(given["mu"], 1e-5) == pytest.approx(out["true_eps"], abs=1e-6)
