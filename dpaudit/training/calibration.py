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

    low, high = _LEAST, 1.0
    while cost(high) > epsilon:
        low, high = high, 2.0 * high
        if high > _MOST:
            raise UsageError(
                f"no noise up to multiplier {_MOST:g} keeps epsilon {epsilon!r} at delta {delta!r}",
                hint="take fewer steps or a smaller batch, or raise epsilon or delta",
            )
    while high / low > 1.0 + _RELATIVE:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if cost(middle) <= epsilon else (middle, high)
    return high


@functools.lru_cache(maxsize=4096)
def _cost(account: Account, delta: float, accountant: str) -> float:
    return account.epsilon(delta, accountant)


def with_statistics(account: Account, queries: tuple[Query, ...]) -> Account:
    """Return ``account`` with more queries of every batch."""
    return attrs.evolve(account, each_step=(*account.each_step, *queries))
