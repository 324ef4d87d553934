"""Seats in proportion to counts, in whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit_plugins.decisions._divisors import DIVISORS, MOST_SEATS, divided
from dpaudit_plugins.decisions._quotas import by_remainders
from dpaudit_plugins.decisions._ties import settling

Method = Literal["huntington-hill", "webster", "hamilton", "jefferson", "adams"]


@attrs.frozen(kw_only=True, eq=False)
class Apportionment(dpaudit.Decision):
    """Apportion seats by the counts, as the House of Representatives is by population.

    Negative counts count as 0. Where no count is positive there is nothing to go by, and all
    entities are treated alike. Counts need not be whole: every count is taken as the binary
    fraction that it is, and claims are compared exactly.

    Parameters
    ----------
    seats
        How many there are, from 1 to 10^9; 435 in the House.
    method
        ``huntington-hill`` (equal proportions, the law for the House), ``webster`` (major
        fractions), ``jefferson`` (greatest divisors), ``adams`` (smallest divisors) or
        ``hamilton`` (largest remainders).
    minimum
        Seats that every entity has whatever its count; 1 in the House, whatever the method. With
        0 ``huntington-hill`` and ``adams`` still give every entity with a positive count a seat
        before any gets a second, the largest first if there are too few.
    tie_break
        A public column of numbers, if there is one: among equal claims the larger number comes
        first. Claims that are still equal share the seats left in equal parts, which is what a
        lot gives them on average; outcomes are then fractions. The order of the entities never
        matters.

    Raises
    ------
    SpecError
        If there are fewer seats than the entities have at the least.
    DataError
        If a count is not finite, or the column is not one finite number for each entity.

    Notes
    -----
    An entity with count p that has k seats claims the next one with priority p / d(k), and seats
    go to the largest priorities: d(k) is sqrt(k (k + 1)) for ``huntington-hill``, k + 1/2 for
    ``webster``, k + 1 for ``jefferson`` and k for ``adams``. ``hamilton`` gives everybody the
    whole part of max(minimum, m p), where the m is such that these add up to the seats, and the
    seats left to the largest remainders. What the minimum costs is thus taken from the others'
    quotas; leaving those as they are, as is also done, may hand out too many seats, and with the
    populations of 1910 it gives other ones.

    The outcome is piecewise constant in the counts: there is no curvature, and the bias is the
    probability of the changes times their size.

    References
    ----------
    2 U.S.C. 2a(a) (the method of equal proportions, no State to receive less than one Member).
    Balinski and Young (1982), Fair representation: meeting the ideal of one man, one vote, Yale
    University Press, appendix A. METHODS-decisions 8.3.

    Examples
    --------
    >>> Apportionment(seats=10).decide(np.array([7270.0, 1230.0, 2220.0, 1850.0, 430.0]))
    array([5., 1., 2., 1., 1.])
    """

    name: ClassVar[str] = "apportionment"
    unit: ClassVar[str] = "seats"
    vectorised: ClassVar[bool] = True
    bounded: ClassVar[bool] = True

    seats: int = attrs.field(validator=[attrs.validators.ge(1), attrs.validators.le(MOST_SEATS)])
    method: Method = "huntington-hill"
    minimum: int = attrs.field(default=1, validator=attrs.validators.ge(0))
    tie_break: dpaudit.Column | None = None

    @property
    def largest_change(self) -> float:
        """All the seats but the minimum."""
        return float(max(self.seats - self.minimum, 0))

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the seats of every entity, shape (..., n); they add up to ``seats``."""
        n = counts.shape[-1]
        if self.seats < n * self.minimum:
            raise dpaudit.SpecError(
                f"apportionment: {self.seats:,} seats are too few for {n:,} entities with a "
                f"minimum of {self.minimum:,} each",
                hint=f"set seats to {n * self.minimum:,} or more, or lower minimum",
            )
        people = _people(counts).reshape(-1, n)
        settle = settling("tie_break", self.tie_break, n)
        if self.method == "hamilton":
            found = by_remainders(people, self.seats, self.minimum, settle)
        else:
            found = divided(people, self.seats, self.minimum, DIVISORS[self.method], settle)
        return found.reshape(counts.shape)

    def caveats(self) -> tuple[str, ...]:
        """Return what happens to ties and negative counts."""
        tie = "equal claims to a seat" if self.tie_break is None else "claims that stay equal"
        return (
            f"{tie} share it, as a lot would on average, so that seats may be fractions",
            "a negative count counts as 0",
        )


def _people(counts: FloatArray) -> FloatArray:
    """Return counts that are not negative, and all 1 where none is positive, shape (..., n)."""
    if not np.isfinite(counts).all():
        wrong = float(np.asarray(counts)[~np.isfinite(counts)][0])
        raise dpaudit.DataError(
            f"apportionment: the count {wrong!r} is not finite",
            hint="release a finite number for every entity",
        )
    people = np.maximum(np.asarray(counts, dtype=np.float64), 0.0)
    nobody = ~(people > 0).any(axis=-1, keepdims=True)
    return np.where(nobody, 1.0, people)


@dpaudit.hookimpl
def dpaudit_decisions() -> Sequence[type[dpaudit.Decision]]:
    """Offer the decision."""
    return (Apportionment,)
