"""Lower bounds of epsilon from canaries of a single run.

Each of m canaries is put in with probability 1/2, independently; an attack guesses some of them
and abstains from the others. The canaries of one run are not independent trials, so that no
binomial interval applies: these bounds hold whatever the dependence.

References
----------
Steinke, Nasr and Jagielski (2023), Privacy auditing with one (1) training run, NeurIPS, Theorem
5.2 and appendix D. Mahloujifar, Melis and Chaudhuri (2024), Auditing f-differential privacy in
one run, arXiv 2410.22235 (the recursion of its auditing algorithm, with abstentions).
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
from scipy import special

from dpaudit.errors import UsageError

_STEPS = 200
_MOST = 700.0


@attrs.frozen(kw_only=True)
class Guesses:
    """What an attack said about the canaries of one run.

    Parameters
    ----------
    canaries
        m, each in with probability 1/2.
    guessed
        r, the canaries that it did not abstain from.
    right
        v, the right ones among those.

    Raises
    ------
    UsageError
        Unless 0 <= v <= r <= m and m >= 1.
    """

    canaries: int
    guessed: int
    right: int

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.right <= self.guessed <= self.canaries or self.canaries < 1:
            raise UsageError(
                f"{self.right!r} right of {self.guessed!r} guesses of {self.canaries!r} canaries",
                hint="give right <= guessed <= canaries, and one canary at least",
            )


def p_value(guesses: Guesses, epsilon: float, delta: float = 0.0) -> float:
    """Return the largest probability of as many right guesses if (epsilon, delta) held.

    Parameters
    ----------
    guesses
        Of one run.
    epsilon
        Non-negative.
    delta
        In [0, 1].

    Notes
    -----
    With W ~ Bin(r, e^epsilon / (1 + e^epsilon)): P(W >= v) + 2 m delta max_i P(v - i <= W < v) / i.

    Examples
    --------
    >>> round(p_value(Guesses(canaries=1000, guessed=100, right=95), 1.0, 1e-5), 9)
    0.000663914
    """
    if not epsilon >= 0 or not 0 <= delta <= 1:
        raise UsageError(
            f"epsilon {epsilon!r} and delta {delta!r} of a claim",
            hint="give an epsilon of 0 or more and a delta from 0 to 1",
        )
    r, v = guesses.guessed, guesses.right
    wrong = special.expit(-epsilon)
    # P(W >= v) and P(W >= v - i): of the r - W wrong guesses, those at most r - v (+ i).
    tail = float(special.bdtr(r - v, r, wrong)) if v else 1.0
    if not v or not delta:
        return tail
    i = np.arange(1, v + 1)
    wider = np.asarray(special.bdtr(r - v + i, r, wrong)) - tail
    return min(1.0, tail + 2.0 * guesses.canaries * delta * float((wider / i).max()))


def epsilon_lower_bound(guesses: Guesses, risk: float, delta: float = 0.0) -> float:
    """Return a bound that epsilon exceeds with probability 1 - ``risk``.

    Parameters
    ----------
    guesses
        Of one run; the number of guesses was fixed before their answers were seen.
    risk
        In (0, 1).
    delta
        That is granted to the claim, in [0, 1].

    Returns
    -------
    float
        The largest epsilon that is refuted, 0 if none is.

    Examples
    --------
    >>> round(epsilon_lower_bound(Guesses(canaries=1000, guessed=100, right=100), 0.05, 1e-5), 4)
    3.4654
    """
    if not 0 < risk < 1:
        raise UsageError(f"risk {risk!r} of a bound", hint="give a number between 0 and 1")
    low, high = 0.0, _MOST
    if p_value(guesses, low, delta) >= risk:
        return 0.0
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        if middle in {low, high}:
            break
        if p_value(guesses, middle, delta) < risk:
            low = middle
        else:
            high = middle
    return low


def fits_curve(guesses: Guesses, risk: float, smaller: Callable[[float], float]) -> bool:
    """Return whether so many right guesses have probability ``risk`` or more under a curve.

    Parameters
    ----------
    guesses
        Of one run.
    risk
        Level of the test, in (0, 1).
    smaller
        From the probability of an event with the canary in, the least with it out: x to
        Phi(Phi^-1(x) - mu) for mu-GDP. It grows with x.

    Notes
    -----
    With r_i and h_i the probabilities of guessing right and wrong at the i-th of the sorted
    guesses, the recursion goes from i = v down: h_i = max(h_{i+1}, smaller(r_{i+1})) and
    r_i = r_{i+1} + i (h_i - h_{i+1}) / (r - i). The curve is refuted if r_0 + h_0 > r / m.
    """
    share = guesses.guessed / guesses.canaries
    if guesses.guessed == 0:
        return True
    right = risk * guesses.right / guesses.canaries
    wrong = risk * (guesses.guessed - guesses.right) / guesses.canaries
    for i in range(guesses.right - 1, -1, -1):
        new = max(wrong, smaller(right))
        right += i / (guesses.guessed - i) * (new - wrong)
        wrong = new
        if right + wrong > share:
            return False
    return right + wrong <= share
