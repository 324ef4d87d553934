"""The inverse question: the privacy-loss budget that keeps a harm under a limit.

A harm (α, a group's loss, the cost of privacy) is measured at one budget after another. All
answers are three-valued, as those of a threshold are: the limit is kept, it is passed, or the
interval cannot tell. The result is an interval too: from the largest budget at which the limit
is known to be passed to the smallest from which on it is known to be kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs
import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.estimate import Estimate

Harm = Callable[[float, float], Estimate]
"""From a budget and a confidence to the harm, a number or one of each group, with its interval."""


@attrs.frozen(kw_only=True, eq=False)
class Probe:
    """A budget at which the harm was measured, and the largest harm of all groups there."""

    budget: float
    low: float
    value: float
    high: float


@attrs.frozen(kw_only=True, eq=False)
class Budget:
    """The smallest budget that keeps a harm under a limit.

    Parameters
    ----------
    value
        Where the estimate of the harm crosses the limit; infinite where it is above it at
        every budget that was tried.
    low
        The largest budget at which the limit is known to be passed; 0 if there is none.
    high
        The smallest budget from which on every budget tried is known to keep the limit;
        infinite if there is none.
    level
        The probability that the interval is right; 1 where the harm is known exactly.
    is_monotone
        Whether nothing that was measured contradicts that more budget does less harm.
    probes
        All that was measured, by budget.
    """

    value: float
    low: float
    high: float
    level: float
    is_monotone: bool
    probes: tuple[Probe, ...]


def smallest_budget(
    harm: Harm,
    limit: float,
    *,
    least: float,
    most: float,
    confidence: float = 0.95,
    tolerance: float = 1e-3,
    grid: int = 9,
) -> Budget:
    """Return the smallest budget between ``least`` and ``most`` that keeps a harm under a limit.

    Parameters
    ----------
    harm
        Measures the harm at a budget with intervals of a confidence; where the method is
        deterministic the confidence is of no account. Use the same random numbers at every
        budget: the answers then differ by the budget alone.
    limit
        The largest harm that is accepted, in its unit, above 0.
    least, most
        Budgets in one currency, ε or ρ.
    confidence
        Of the result; each measurement gets its part of the risk.
    tolerance
        Relative width to which each end is found.
    grid
        Budgets, evenly spaced in logarithms, that are tried first: they find whether the harm
        falls with the budget at all.

    Returns
    -------
    Budget
        Where the harm is not monotone the interval is about the last time that it falls below
        the limit, as far as the grid shows.

    Raises
    ------
    UsageError
        If limit, range, tolerance or grid make no sense.

    Notes
    -----
    Each end is the root of a bound of the harm, found by the ITP method on logarithms: never
    more than one step beyond bisection. With D decades between the grid's points the number of
    measurements is at most grid + 3 (log2(2.3 D / tolerance) + 2).

    References
    ----------
    Oliveira and Takahashi (2020), An enhancement of the bisection method average performance
    preserving minmax optimality, ACM Trans. Math. Software 47(1).
    """
    _check(limit, least, most, tolerance, grid)
    points = np.geomspace(least, most, grid)
    steps = _steps(math.log(most / least) / (grid - 1), tolerance)
    search = _Search(harm, limit, 1.0 - (1.0 - confidence) / (grid + 3 * steps))
    for point in points:
        search.at(float(point))
    high = search.root("high", tolerance)
    low = search.root("low", tolerance)
    value = search.root("value", tolerance)
    probes = tuple(search.found[budget] for budget in sorted(search.found))
    return Budget(
        value=float(np.clip(value[1], low[0], high[1])),
        low=low[0],
        high=high[1],
        level=1.0 if search.is_exact else confidence,
        is_monotone=_falls(probes),
        probes=probes,
    )


@attrs.define(eq=False)
class _Search:
    """What was measured so far."""

    harm: Harm
    limit: float
    confidence: float
    found: dict[float, Probe] = attrs.field(factory=dict)
    is_exact: bool = True

    def at(self, budget: float) -> Probe:
        """Measure at a budget, once."""
        if budget not in self.found:
            estimate = self.harm(budget, self.confidence)
            self.is_exact = self.is_exact and estimate.is_deterministic
            ends = (float(np.max(getattr(estimate, end))) for end in ("low", "value", "high"))
            low, value, high = ends
            self.found[budget] = Probe(budget=budget, low=low, value=value, high=high)
        return self.found[budget]

    def root(self, bound: str, tolerance: float) -> tuple[float, float]:
        """Return the last two budgets between which a bound falls to the limit."""
        tried = sorted(self.found)
        above = [b for b in tried if self._excess(b, bound) > 0]
        if not above:
            return 0.0, tried[0]
        if above[-1] == tried[-1]:
            return tried[-1], math.inf
        after = tried[tried.index(above[-1]) + 1]
        return _itp(lambda budget: self._excess(budget, bound), above[-1], after, tolerance)

    def _excess(self, budget: float, bound: str) -> float:
        """Return by how much a bound of the harm is above the limit, as a logarithm."""
        harm = getattr(self.at(budget), bound)
        return math.log(harm / self.limit) if harm > 0 else -math.inf


def _itp(
    excess: Callable[[float], float], above: float, below: float, tolerance: float
) -> tuple[float, float]:
    """Return budgets with the root between them, no wider apart than the tolerance."""
    a, b, fa, fb = math.log(above), math.log(below), excess(above), excess(below)
    close = math.log1p(tolerance) / 2.0
    slack, most = 0.2 / (b - a), _steps(b - a, tolerance)
    for step in range(most):
        if b - a <= 2.0 * close:
            break
        x = middle = (a + b) / 2.0
        if math.isfinite(fa) and math.isfinite(fb):
            reach = max(0.0, close * 2.0 ** (most - step) - (b - a) / 2.0)
            secant = (fb * a - fa * b) / (fb - fa)
            side = math.copysign(1.0, middle - secant)
            x = secant + side * min(slack * (b - a) ** 2, abs(middle - secant))
            x = x if abs(x - middle) <= reach else middle - side * reach
        budget = math.exp(x)
        fx = excess(budget)
        if fx > 0:
            a, fa, above = x, fx, budget
        else:
            b, fb, below = x, fx, budget
    return above, below


def _steps(width: float, tolerance: float) -> int:
    """Return the most steps that ITP takes over a logarithmic width: one more than bisection."""
    return max(0, math.ceil(math.log2(width / math.log1p(tolerance)))) + 1


def _falls(probes: tuple[Probe, ...]) -> bool:
    """Whether no probe is certainly above one at a smaller budget."""
    highs = np.minimum.accumulate([probe.high for probe in probes])
    return all(probe.low <= high for probe, high in zip(probes[1:], highs[:-1], strict=True))


def _check(limit: float, least: float, most: float, tolerance: float, grid: int) -> None:
    wrong = {
        f"a limit of {limit!r}": not 0 < limit < math.inf,
        f"budgets from {least!r} to {most!r}": not 0 < least < most < math.inf,
        f"a tolerance of {tolerance!r}": not 0 < tolerance < 1,
        f"a grid of {grid!r} budgets": grid < 2,  # noqa: PLR2004 - a range has two ends
    }
    for what, is_wrong in wrong.items():
        if is_wrong:
            raise UsageError(
                f"the smallest budget: {what}",
                hint="give a positive limit, a range of budgets, 0 < tolerance < 1 and grid >= 2",
            )
