"""Lower bounds of epsilon from independent runs on two neighbouring data sets.

An attack says "in" or "out" of each run. Its rates on the two sides bound epsilon from below; a
rate that was chosen after seeing the same runs does not, unless the choice is paid for. Here it
is, in one of two ways: the runs are split, or bounds at thresholds whose ranks were fixed
beforehand share the risk. No number of runs certifies more than :func:`largest_certificate`.

References
----------
Clopper and Pearson (1934), The use of confidence or fiducial limits illustrated in the case of
the binomial, Biometrika 26(4). Nasr et al. (2021), Adversary instantiation: lower bounds for
differentially private machine learning, IEEE S&P, section II-C. David and Nagaraja (2003), Order
statistics, 3rd edition, equation 2.1.5 (the law of an exceeded share). METHODS-attacks 4.
"""

from __future__ import annotations

import math
from typing import Literal

import attrs
import numpy as np
from scipy import special

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.stats.proportions import clopper_pearson

AuditVerdict = Literal["violates", "not refuted"]
"""What an audit of a claim may say; never that a mechanism is private."""

RATIO = 4
"""Ranks of thresholds are 1, 4, 16, ...: few enough to share the risk, dense enough."""


@attrs.frozen(kw_only=True)
class Certificate:
    """What runs say about a claim (epsilon, delta).

    Parameters
    ----------
    epsilon
        Lower bound of epsilon at ``delta``.
    delta
        That is granted to the mechanism.
    confidence
        Probability that the bound is below the truth.
    largest
        The most that so many runs could have certified, whatever they had shown.
    runs
        Pairs of runs, or the smaller number of both sides.
    """

    epsilon: float
    delta: float
    confidence: float
    largest: float
    runs: int

    def __attrs_post_init__(self) -> None:
        numbers = (self.epsilon, self.delta, self.confidence, self.largest)
        if any(math.isnan(number) for number in numbers) or math.isinf(self.epsilon):
            raise UsageError(
                f"a certificate of epsilon {self.epsilon!r}, delta {self.delta!r}, confidence "
                f"{self.confidence!r}, at most {self.largest!r}",
                hint="every verdict needs numbers; look for NaN in the scores",
            )

    def verdict(self, claimed: float) -> AuditVerdict:
        """Return whether a claim of ``claimed`` at this delta is refuted.

        Raises
        ------
        UsageError
            If the claim is negative or no number.
        """
        if not claimed >= 0:
            raise UsageError(f"claimed epsilon {claimed!r}", hint="give a number of 0 or more")
        return "violates" if self.epsilon > claimed else "not refuted"


def largest_certificate(runs: int, risk: float, delta: float = 0.0) -> float:
    """Return the largest epsilon that ``runs`` on each side can certify at a fixed threshold.

    Parameters
    ----------
    runs
        n, at least 1.
    risk
        In (0, 1), half of it for each rate.
    delta
        In [0, 1).

    Returns
    -------
    float
        log((p - delta) / (1 - p)) with p = (risk / 2)^(1/n), and 0 if that is negative.

    Examples
    --------
    >>> round(largest_certificate(1000, 0.05), 6)
    5.600588
    """
    _check(risk, delta)
    if runs < 1:
        raise UsageError(f"{runs!r} runs on each side", hint="give one at least")
    log = math.log(0.5 * risk) / runs
    return _log_ratio(math.exp(log), -math.expm1(log), delta)


def epsilon_lower_bound(
    *, hits: int, members: int, false: int, others: int, risk: float, delta: float = 0.0
) -> float:
    """Return a bound that epsilon exceeds with probability 1 - ``risk``, for a fixed attack.

    Parameters
    ----------
    hits, members
        Runs with the target in which the attack said "in", out of all of them.
    false, others
        Runs without the target in which it said so, out of all of them.
    risk
        In (0, 1), half of it for each rate.
    delta
        That is granted to the mechanism, in [0, 1).

    Returns
    -------
    float
        The larger of log((TPR_l - delta) / FPR_u) and log((TNR_l - delta) / FNR_u), 0 at least.

    Raises
    ------
    UsageError
        If counts are no counts or a probability is out of range.

    Examples
    --------
    >>> round(epsilon_lower_bound(hits=900, members=1000, false=100, others=1000, risk=0.05), 6)
    1.989706
    """
    _check(risk, delta)
    if not (0 <= hits <= members and 0 <= false <= others):
        raise UsageError(
            f"{hits!r} of {members!r} and {false!r} of {others!r} runs",
            hint="give no more hits than runs, and none below 0",
        )
    if not members or not others:
        return 0.0
    low = float(clopper_pearson(np.array(hits), members, 0.5 * risk)[0])
    high = float(clopper_pearson(np.array(false), others, 0.5 * risk)[1])
    return max(_log_ratio(low, high, delta), _log_ratio(1.0 - high, 1.0 - low, delta))


def split_certificate(
    members: FloatArray, others: FloatArray, risk: float, delta: float = 0.0
) -> Certificate:
    """Bound epsilon at a threshold that one half of the runs chooses and the other measures.

    Parameters
    ----------
    members, others
        Scores of independent runs with and without the target, shape (n,) each, in the order
        in which they were made; higher means more likely in.
    risk, delta
        As for :func:`epsilon_lower_bound`.

    Raises
    ------
    UsageError
        If a side has fewer than two runs or a score is no number.

    References
    ----------
    Cox (1975), A note on data-splitting for the evaluation of significance levels, Biometrika
    62(2).
    """
    _check(risk, delta)
    _check_scores(members, others)
    choose = [side[: side.size // 2] for side in (members, others)]
    measure = [side[side.size // 2 :] for side in (members, others)]
    best, level, upper = -1.0, math.inf, True
    for threshold in np.unique(np.concatenate(choose)):
        for above in (True, False):
            found = _at(choose[0], choose[1], float(threshold), risk, delta, above=above)
            if found > best:
                best, level, upper = found, float(threshold), above
    epsilon = _at(measure[0], measure[1], level, risk, delta, above=upper)
    runs = min(measure[0].size, measure[1].size)
    return Certificate(
        epsilon=epsilon,
        delta=delta,
        confidence=1.0 - risk,
        largest=largest_certificate(runs, risk, delta),
        runs=runs,
    )


def ranked_certificate(
    members: FloatArray, others: FloatArray, risk: float, delta: float = 0.0
) -> Certificate:
    """Bound epsilon by the best of a few thresholds of fixed rank, which share the risk.

    Parameters
    ----------
    members, others
        Scores of independent runs with and without the target; higher means more likely in.
    risk, delta
        As for :func:`epsilon_lower_bound`.

    Notes
    -----
    The j-th largest score of the others, with j in 1, 4, 16, ..., is a threshold that an other
    exceeds with a probability of law Beta(j, n - j + 1), or less where scores tie; how many
    members exceed it is binomial given the threshold. The lower tail is used alike with the
    sides exchanged. All of these bounds hold together by Bonferroni's inequality.

    Raises
    ------
    UsageError
        If a side has fewer than two runs or a score is no number.
    """
    _check(risk, delta)
    _check_scores(members, others)
    runs = min(members.size, others.size)
    sides = ((members, others), (-others, -members))
    share = risk / sum(len(_ranks(quiet.size)) for _, quiet in sides)
    best = 0.0
    for loud, quiet in sides:
        for hits, rank in exceeding(loud, quiet):
            low = float(clopper_pearson(np.array(hits), loud.size, 0.5 * share)[0])
            high = float(special.betainccinv(rank, quiet.size - rank + 1, 0.5 * share))
            best = max(best, _log_ratio(low, high, delta))
    p = math.log(0.5 * share) / runs
    return Certificate(
        epsilon=best,
        delta=delta,
        confidence=1.0 - risk,
        largest=_log_ratio(math.exp(p), -math.expm1(p), delta),
        runs=runs,
    )


def exceeding(loud: FloatArray, quiet: FloatArray) -> list[tuple[int, int]]:
    """Return, for each rank j of a threshold, how many of ``loud`` exceed the j-th of ``quiet``.

    Returns
    -------
    list of (hits, rank)
        Strictly larger scores only, so that ties never help.
    """
    ordered = np.sort(quiet)[::-1]
    return [(int((loud > ordered[j - 1]).sum()), j) for j in _ranks(quiet.size)]


def _ranks(size: int) -> list[int]:
    """1, 4, 16, ... up to half of the scores."""
    steps = 1 + int(math.log(max(1, size // 2), RATIO) + 1e-9)
    return [RATIO**k for k in range(steps)]


def _at(
    members: FloatArray,
    others: FloatArray,
    threshold: float,
    risk: float,
    delta: float,
    *,
    above: bool,
) -> float:
    hits, false = (
        int((side >= threshold).sum()) if above else int((side < threshold).sum())
        for side in ((members, others) if above else (others, members))
    )
    sizes = (members.size, others.size) if above else (others.size, members.size)
    low = float(clopper_pearson(np.array(hits), sizes[0], 0.5 * risk)[0])
    high = float(clopper_pearson(np.array(false), sizes[1], 0.5 * risk)[1])
    return _log_ratio(low, high, delta)


def _log_ratio(low: float, high: float, delta: float) -> float:
    if low <= delta or high <= 0:
        return 0.0
    return max(0.0, math.log(low - delta) - math.log(high))


def _check(risk: float, delta: float) -> None:
    if not 0 < risk < 1 or not 0 <= delta < 1:
        raise UsageError(
            f"risk {risk!r} and delta {delta!r} of a bound",
            hint="give a risk between 0 and 1 and a delta from 0 to below 1",
        )


def _check_scores(members: FloatArray, others: FloatArray) -> None:
    for name, side in (("members", members), ("others", others)):
        if side.ndim != 1 or side.size < 2:  # noqa: PLR2004 - half of it must hold one
            raise UsageError(
                f"scores of {name} of shape {side.shape}", hint="give two runs on each side or more"
            )
        if np.isnan(side).any():
            raise UsageError(
                f"{int(np.isnan(side).sum())} scores of {name} are no numbers",
                hint="look for NaN in what the attack returns",
            )
