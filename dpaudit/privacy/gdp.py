"""Gaussian differential privacy: mu in epsilon, and lower bounds of mu from an attack.

A lower bound of mu holds only if the mechanism is *assumed* to be as hard to attack as Gaussian
noise at every error rate: the report must name the assumption beside the number. Without it the
same counts bound epsilon by :mod:`dpaudit.stats.audits`.

References
----------
Dong, Roth and Su (2022), Gaussian differential privacy, JRSS B 84(1), Corollary 2.13. Nasr et al.
(2023), Tight auditing of differentially private machine learning, USENIX Security, section 4.2.
Mahloujifar, Melis and Chaudhuri (2024), Auditing f-differential privacy in one run.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import special

from dpaudit.errors import UsageError
from dpaudit.privacy.gaussian import gaussian_delta
from dpaudit.stats.one_run import Guesses, fits_curve
from dpaudit.stats.proportions import clopper_pearson

ASSUMPTION = "gaussian"
"""What a bound of this module assumes of the trade-off curve of the mechanism."""

_STEPS = 200
_MOST = 1e6


def gaussian_epsilon(mu: float, delta: float) -> float:
    """Return the smallest epsilon at which mu-GDP is (epsilon, delta)-private.

    Parameters
    ----------
    mu
        Non-negative, at most 1000.
    delta
        In (0, 1).

    Raises
    ------
    UsageError
        If a parameter is out of range.

    Examples
    --------
    >>> round(gaussian_epsilon(1.0, 1e-5), 6)
    4.377178
    """
    if not 0 <= mu <= 1e3 or not 0 < delta < 1:  # noqa: PLR2004
        raise UsageError(
            f"mu {mu!r} at delta {delta!r} has no epsilon",
            hint="give mu from 0 to 1000 and delta between 0 and 1",
        )
    if mu == 0 or gaussian_delta(0.0, 1.0 / mu) <= delta:
        return 0.0
    return _root(lambda epsilon: gaussian_delta(epsilon, 1.0 / mu) > delta, _MOST)


def mu_lower_bound(
    false_positives: int, others: int, false_negatives: int, members: int, risk: float
) -> float:
    """Return a bound that mu exceeds with probability 1 - ``risk``, for a test fixed beforehand.

    Parameters
    ----------
    false_positives, others
        Wrong alarms out of the independent runs without the target.
    false_negatives, members
        Missed out of the independent runs with it.
    risk
        In (0, 1), half of it for each error rate.

    Returns
    -------
    float
        max(0, Phi^-1(1 - FPR_u) - Phi^-1(FNR_u)), with Clopper-Pearson upper bounds.

    Raises
    ------
    UsageError
        If counts or risk are out of range.

    Examples
    --------
    >>> round(mu_lower_bound(50, 1000, 100, 1000, 0.05), 6)
    2.684578
    """
    if not (0 <= false_positives <= others and 0 <= false_negatives <= members and 0 < risk < 1):
        raise UsageError(
            f"{false_positives!r} of {others!r} and {false_negatives!r} of {members!r} errors at "
            f"risk {risk!r}",
            hint="give no more errors than runs, and a risk between 0 and 1",
        )
    if not others or not members:
        return 0.0
    false = float(clopper_pearson(np.array(false_positives), others, 0.5 * risk)[1])
    missed = float(clopper_pearson(np.array(false_negatives), members, 0.5 * risk)[1])
    return max(0.0, float(-special.ndtri(false) - special.ndtri(missed)))


def one_run_mu(guesses: Guesses, risk: float) -> float:
    """Return a lower bound of mu from the canaries of one run, if the mechanism is mu-GDP.

    Parameters
    ----------
    guesses
        How many canaries there were, were guessed and were guessed rightly.
    risk
        Probability that the bound is above mu, in (0, 1).

    Examples
    --------
    >>> mu = one_run_mu(Guesses(canaries=1000, guessed=100, right=100), 0.05)
    >>> round(gaussian_epsilon(mu, 1e-5), 4)
    5.549
    """

    def refuted(mu: float) -> bool:
        return not fits_curve(guesses, risk, lambda x: float(special.ndtr(special.ndtri(x) - mu)))

    return _root(refuted, 1e3) if refuted(0.0) else 0.0


def _root(above: Callable[[float], bool], most: float) -> float:
    """Return where ``above`` turns from true to false, or ``most``, its lower end."""
    low, high = 0.0, 1.0
    while above(high):
        if high >= most:
            return most
        low, high = high, 2.0 * high
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        if middle in {low, high}:
            break
        if above(middle):
            low = middle
        else:
            high = middle
    return low if math.isfinite(low) else 0.0
