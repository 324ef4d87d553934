"""What one row of the table of certificates says, and when it holds."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from scipy import stats

CHANCE = 1e-6
"""Of a false alarm of each row: only beyond this quantile of the binomial law does it fail."""


@attrs.frozen(kw_only=True)
class Counted:
    """What was counted over seeded audits.

    Parameters
    ----------
    wrong
        In how many nulls the interval missed the truth, or the verdict was false.
    control
        The same of something that is known to be wrong, on the same nulls.
    found, tried
        How many planted effects were found, of how many.
    """

    wrong: int
    control: int
    found: int
    tried: int


@attrs.frozen(kw_only=True)
class Certificate:
    """One kind of interval or verdict, and how it is put to the test.

    Parameters
    ----------
    name
        What it is.
    kind
        ``interval`` or ``verdict``.
    null
        The truth of the nulls.
    control
        What must fail.
    planted
        What is planted where power is counted.
    count
        Takes a seed and a number of nulls, and counts.
    seed
        Of everything that is drawn.
    nominal
        The rate of errors that is promised, at most.
    """

    name: str
    kind: str
    null: str
    control: str
    planted: str
    count: Callable[[int, int], Counted]
    seed: int
    nominal: float = 0.05

    def allowed(self, nulls: int) -> int:
        """Return more than how many errors happen by chance less than once in a million times."""
        return int(stats.binom.isf(CHANCE, nulls, self.nominal))


def faults(row: Certificate, counted: Counted, nulls: int) -> list[str]:
    """Return what of a row does not hold."""
    allowed = row.allowed(nulls)
    told = []
    if counted.wrong > allowed:
        told.append(f"{row.name}: {counted.wrong} errors, {allowed} allowed")
    if counted.control <= allowed:
        told.append(f"{row.name}: the control makes {counted.control} errors and does not fail")
    if 2 * counted.found < counted.tried:
        told.append(f"{row.name}: {counted.found} of {counted.tried} planted effects found")
    return told
