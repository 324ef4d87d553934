"""Broken mechanisms are caught, correct ones are flagged no more often than the risk allows.

Seeds are fixed. A count of false verdicts over 1,000 nulls fails beyond the 1e-6 quantile of the
binomial at the nominal rate.
"""

import pytest
from scipy import special

from dpaudit.privacy.black_box import ClaimAudit
from dpaudit.privacy.black_box.sequential import Bettor
from dpaudit.testing.specimens import BROKEN, CORRECT

NULLS, RISK, MOST = 1_000, 0.05, 4_096
ALLOWED = next(k for k in range(NULLS) if special.bdtrc(k, NULLS, RISK) < 1e-6)
QUICK = 8_192
SEEDS = range(5)


def audited(specimen, seed, most):
    audit = ClaimAudit(
        specimen.runner, [specimen.pair], specimen.claim, risk=RISK, seed=seed, bounds=False
    )
    return audit.run(most)


def names(specimens):
    return [specimen.name for specimen in specimens]


EASY = [specimen for specimen in BROKEN if specimen.within <= QUICK]


def test_every_specimen_has_a_name_of_its_own_and_says_what_it_does():
    both = (*BROKEN, *CORRECT)
    assert len(set(names(both))) == len(both)
    assert all(specimen.what for specimen in both)
    assert all(specimen.within is None for specimen in CORRECT)


@pytest.mark.parametrize("specimen", EASY, ids=names(EASY))
def test_a_broken_mechanism_is_caught_within_its_pairs(specimen):
    found = audited(specimen, 0, specimen.within)
    assert found.sentence.startswith("violates (")
    assert found.runs <= specimen.within


@pytest.mark.slow
@pytest.mark.parametrize("specimen", BROKEN, ids=names(BROKEN))
def test_it_is_caught_whatever_the_seed(specimen):
    found = [audited(specimen, seed, specimen.within) for seed in SEEDS]
    assert [one.verdict for one in found] == ["violates"] * len(SEEDS)


@pytest.mark.slow
@pytest.mark.parametrize("specimen", CORRECT, ids=names(CORRECT))
def test_a_correct_mechanism_is_flagged_no_more_often_than_the_risk_allows(specimen):
    flagged = sum(audited(specimen, seed, MOST).verdict == "violates" for seed in range(NULLS))
    assert flagged <= ALLOWED


def test_what_learns_from_the_outputs_it_bets_on_is_noticed(monkeypatch):
    """The negative control: nothing is predictable any more, and nearly every null is flagged."""
    honest = Bettor.bet

    def cheating(self, ours, theirs):
        self.score.learn(ours, theirs)
        honest(self, ours, theirs)

    monkeypatch.setattr(Bettor, "bet", cheating)
    flagged = sum(audited(CORRECT[0], seed, 1_024).verdict == "violates" for seed in range(40))
    assert special.bdtrc(flagged - 1, 40, RISK) < 1e-6
