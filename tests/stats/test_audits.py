import numpy as np
import pytest
from scipy import special

from dpaudit.errors import UsageError
from dpaudit.stats.audits import (
    Certificate,
    epsilon_lower_bound,
    largest_certificate,
    ranked_certificate,
    split_certificate,
)  # fmt: skip
from dpaudit.stats.one_run import Guesses, fits_curve, p_value
from dpaudit.stats.one_run import epsilon_lower_bound as one_run_bound

NULLS, RISK = 1_000, 0.05
ALLOWED = next(k for k in range(NULLS) if special.bdtrc(k, NULLS, RISK) < 1e-6)
"""More false certificates than this have probability below 1e-6 at the nominal rate."""


def false_certificates(bound):
    """Count over 1,000 seeded nulls (epsilon = 0, continuous scores)."""
    return sum(
        bound(*np.random.default_rng([17, seed]).normal(size=(2, 200))) > 0 for seed in range(NULLS)
    )


def best_threshold_of_all(members, others):
    """The control: the best of all thresholds, each rate bounded with the whole risk."""
    hits = [(int((members >= t).sum()), int((others >= t).sum())) for t in members]
    return max(
        epsilon_lower_bound(hits=a, members=200, false=b, others=200, risk=2 * RISK)
        for a, b in hits
    )


@pytest.mark.slow
@pytest.mark.parametrize("certificate", [split_certificate, ranked_certificate])
def test_no_more_false_certificates_than_promised(certificate):
    """False alarm below 1e-6 by the binomial quantile."""
    assert false_certificates(lambda m, o: certificate(m, o, RISK).epsilon) <= ALLOWED


@pytest.mark.slow
def test_an_unpaid_choice_of_the_threshold_is_noticed():
    assert false_certificates(best_threshold_of_all) > ALLOWED


@pytest.mark.parametrize("certificate", [split_certificate, ranked_certificate])
def test_a_broken_claim_is_refuted_and_ties_prove_nothing(certificate):
    rng = np.random.default_rng(3)
    others, members = rng.laplace(size=400), 2.0 + rng.laplace(size=400)
    found = certificate(members, others, RISK)
    assert found.verdict(0.5) == "violates"
    assert found.verdict(2.0) == "not refuted"
    assert 0.5 < found.epsilon < min(2.0, found.largest)
    assert certificate(np.zeros(400), np.zeros(400), RISK).epsilon == 0.0


def test_no_run_certifies_more_than_is_possible():
    perfect = epsilon_lower_bound(hits=500, members=500, false=0, others=500, risk=RISK)
    assert perfect == pytest.approx(largest_certificate(500, RISK), rel=1e-12)
    blind = epsilon_lower_bound(hits=0, members=0, false=0, others=9, risk=RISK)
    assert blind == 0.0
    apart = np.arange(500.0)
    assert ranked_certificate(apart + 1e3, apart, RISK).epsilon <= largest_certificate(500, RISK)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: largest_certificate(0, 0.05), "0"),
        (lambda: largest_certificate(5, 1.5), "1.5"),
        (lambda: epsilon_lower_bound(hits=3, members=2, false=0, others=1, risk=0.1), "3"),
        (lambda: split_certificate(np.array([np.nan, 0.0]), np.zeros(2), 0.05), "no numbers"),
        (lambda: ranked_certificate(np.zeros(1), np.zeros(2), 0.05), "members"),
        (lambda: Guesses(canaries=5, guessed=6, right=1), "6"),
        (lambda: p_value(Guesses(canaries=5, guessed=5, right=1), float("nan")), "nan"),
        (lambda: one_run_bound(Guesses(canaries=5, guessed=5, right=1), 0.0), "0.0"),
    ],
)
def test_wrong_values_are_named(make, named):
    with pytest.raises(UsageError, match=named) as raised:
        make()
    assert raised.value.hint


def test_a_certificate_of_no_number_is_refused():
    with pytest.raises(UsageError, match="nan"):
        Certificate(epsilon=float("nan"), delta=0.0, confidence=0.95, largest=3.0, runs=10)
    fine = Certificate(epsilon=1.0, delta=0.0, confidence=0.95, largest=3.0, runs=10)
    with pytest.raises(UsageError, match="nan"):
        fine.verdict(float("nan"))


def test_one_run_bounds_hold_under_randomised_response():
    """1,000 runs of 200 canaries at the tight epsilon 1; a claim of 0.3 is the control."""
    rng = np.random.default_rng(5)
    right = rng.binomial(200, special.expit(1.0), NULLS)
    made = [Guesses(canaries=200, guessed=200, right=int(v)) for v in right]
    assert sum(p_value(one, 1.0) < RISK for one in made) <= ALLOWED
    assert sum(p_value(one, 0.3) < RISK for one in made) > ALLOWED
    assert all(one_run_bound(one, RISK) <= 700.0 for one in made[:5])


def test_abstaining_from_all_proves_nothing():
    nothing = Guesses(canaries=10, guessed=0, right=0)
    assert one_run_bound(nothing, RISK) == 0.0
    assert fits_curve(nothing, RISK, lambda x: 0.0)
