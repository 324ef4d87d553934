"""The noise that keeps a budget: the least multiplier whose epsilon is not above it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import attrs

from dpaudit.errors import UsageError
from dpaudit.training.accounting import Account, Query

_RELATIVE = 1e-3
_LEAST, _MOST = 0.1, 1e4
_TINY = 1e-300


def calibrated(account: Callable[[float], Account], epsilon: float, delta: float,
               accountant: str = "pld") -> float:  # fmt: skip
    """Return a noise multiplier for which ``account`` costs at most ``epsilon``.

    Parameters
    ----------
    account
        What a training with a noise multiplier asks; more noise costs less.
    epsilon, delta
        The budget.
    accountant
        As of :meth:`~dpaudit.training.accounting.Account.epsilon`.

    Returns
    -------
    float
        At most a thousandth above the least one.

    Raises
    ------
    UsageError
        If no multiplier from 0.1 to 10,000 does it.
    """
    if not 0 < epsilon < math.inf:
        raise UsageError(f"epsilon {epsilon!r} is not positive", hint="give a positive number")

    def cost(multiplier: float) -> float:
        return _cost(account(multiplier), delta, accountant)

    target = math.log(epsilon)
    low, high = math.log(_LEAST), 0.0  # bracketed: epsilon falls as the multiplier grows
    above, below = None, math.log(cost(1.0)) - target
    while below > 0:
        low, above, high = high, below, high + math.log(2.0)
        if high > math.log(_MOST):
            raise UsageError(
                f"no noise up to multiplier {_MOST:g} keeps epsilon {epsilon!r} at delta {delta!r}",
                hint="take fewer steps or a smaller batch, or raise epsilon or delta",
            )
        below = math.log(max(cost(math.exp(high)), _TINY)) - target
    if above is None:
        above = math.log(max(cost(_LEAST), _TINY)) - target
        if above <= 0:
            return _LEAST
    while high - low > _RELATIVE:
        # Log epsilon is nearly linear in the log of the multiplier: aim past the crossing.
        aimed = high + (low - high) * below / (below - above)
        middle = min(max(aimed + 0.25 * _RELATIVE, low + 0.2 * _RELATIVE), high - 0.2 * _RELATIVE)
        found = math.log(max(cost(math.exp(middle)), _TINY)) - target
        if found <= 0:
            high, below, above = middle, found, 0.7 * above
        else:
            low, above, below = middle, found, 0.7 * below
    return math.exp(high)


@functools.lru_cache(maxsize=4096)
def _cost(account: Account, delta: float, accountant: str) -> float:
    return account.epsilon(delta, accountant)


def with_statistics(account: Account, queries: tuple[Query, ...]) -> Account:
    """Return ``account`` with more queries of every batch."""
    return attrs.evolve(account, each_step=(*account.each_step, *queries))
