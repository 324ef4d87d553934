"""Floors at a share of last year's amounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.base import Noise
from dpaudit.solvers.shared_out import shared_out
from dpaudit_plugins.mitigations._changed import Changed, found, proportional


@attrs.frozen(kw_only=True, eq=False)
class WithFloors(Changed):
    """The amounts of an allotment, none below its floor, reduced alike to the same sum.

    Outcome i is max(l P_i, f_i) with the one l that makes them sum to the appropriation B. Where
    the floors exceed B they are scaled to it; negative amounts count as 0.

    Parameters
    ----------
    budget
        B, in the unit of the decision.
    floors
        f, shape (n,), 0 or more, in the same unit.
    """

    name: ClassVar[str] = "allotment-with-floors"
    bounded: ClassVar[bool] = True

    budget: float
    floors: FloatArray

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the amounts, shape (n,)."""
        amounts = np.maximum(self.decision.decide(counts), 0.0)
        return raised_to(self.floors, amounts, self.budget)

    def existence(self, noise: Noise | None, *, clipped: bool) -> str | None:
        """Return that the expected amount exists: it is between its floor and the budget."""
        return None


def raised_to(floors: FloatArray, amounts: FloatArray, budget: float) -> FloatArray:
    """Return max(l amounts, floors) with the l that makes the sum ``budget``.

    Parameters
    ----------
    floors, amounts
        Shape (n,), 0 or more.
    budget
        Positive.

    Returns
    -------
    FloatArray
        Shape (n,). Floors scaled to the budget, where they exceed it; what is left without any
        amount is shared by the floors, or equally.

    References
    ----------
    METHODS-decisions 9.4 (there by bisection).

    Examples
    --------
    >>> raised_to(np.array([142.5, 90.0, 85.0]), np.array([100.0, 200.0, 300.0]), 500.0)
    array([142.5, 143. , 214.5])
    """
    if not np.any(amounts > 0):
        bound = float(floors.sum())
        shares = floors / bound if bound > 0 else np.full(floors.shape, 1.0 / floors.size)
        return budget * shares
    return shared_out(amounts[None], np.array([[budget]]), floors[None])[0]


@attrs.frozen(kw_only=True, eq=False)
class HoldHarmless(dpaudit.Mitigation):
    """Pay nobody less than a share of last year's amount, and reduce the others alike.

    It helps those who lose most: losses beyond 1 - share are not possible. It does not remove the
    bias of noise but hides it. Floors bind on unlucky draws only, so that it adds a gain for
    those whom they protect, paid by all others; and where last year's amounts came from noisy
    counts themselves, it keeps last year's errors.

    Parameters
    ----------
    last_year
        Last year's amounts, public, in the unit of the decision; 0 or more.
    share
        The share of it that is kept, in [0, 1]: one number, or a column (in Title I 0.95, 0.9 or
        0.85 by the rate of poverty).

    Raises
    ------
    DataError
        If an amount is negative or a share is not in [0, 1].

    References
    ----------
    20 U.S.C. 6332(c), as read in METHODS-decisions 9.4; 7.7.
    """

    name: ClassVar[str] = "hold-harmless"

    last_year: dpaudit.Column
    share: dpaudit.Column | float = 0.85

    def applies(self, subject: dpaudit.Pipeline) -> bool:
        """Return whether an amount is shared by weighted counts."""
        return proportional(subject) is not None and not subject.output

    def apply(self, subject: dpaudit.Pipeline) -> dpaudit.Pipeline:
        """Return the pipeline with floors in the decision."""
        structure = found(self, subject, proportional(subject))
        amounts = self._within("last_year", self.last_year, np.inf, subject.n)
        share = self._within("share", self.share, 1.0, subject.n)
        decision = WithFloors(
            decision=subject.decision, budget=structure.total, floors=share * amounts
        )
        return attrs.evolve(subject, decision=decision)

    def cost(self) -> str:
        """Return who pays."""
        return "smaller amounts for all whom no floor protects"

    def _within(self, parameter: str, given: Any, most: float, n: int) -> FloatArray:
        values = np.broadcast_to(np.asarray(given), (n,))
        is_number = values.dtype.kind in "iuf"
        wrong = ~((values >= 0) & (values <= most)) if is_number else np.ones(n, dtype=np.bool_)
        if wrong.any():
            allowed = "a number of 0 or more" if most == np.inf else "in [0, 1]"
            raise dpaudit.DataError(
                f"mitigation {self.name!r}: {parameter} has the value "
                f"{values[wrong].tolist()[0]!r}, which is not {allowed}",
                hint="name a public column of numbers",
            )
        return values.astype(np.float64)


@dpaudit.hookimpl
def dpaudit_mitigations() -> Sequence[type[dpaudit.Mitigation]]:
    """Offer the mitigation."""
    return (HoldHarmless,)
