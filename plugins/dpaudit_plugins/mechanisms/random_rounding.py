"""Unbiased random rounding to multiples of a base."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray

import dpaudit
from dpaudit import FloatArray
from dpaudit.privacy.sensitivity import l1_sensitivity


@attrs.frozen(kw_only=True)
class RandomRounding(dpaudit.Mechanism):
    """Round each count to a multiple of the base: up with probability r / b, r the remainder.

    No count is biased. The release says of every count where it is within b - 1 persons.

    Parameters
    ----------
    base
        b, at least 2; statistical offices use 3 or 5.

    Notes
    -----
    A count that is a multiple of b is certain, and one person more moves it to the next multiple
    with probability 1 / b, which is impossible without that person. No other pair of neighbours
    is easier to tell apart, so that delta = 1 / b is tight at every epsilon. Where D counts
    change at once (two under ``replace``) it is 1 - (1 - 1 / b)^D. Counts are whole and at most
    2^53 - b, beyond which multiples of b are not all floating-point numbers.

    References
    ----------
    Fellegi (1975), Controlled random rounding, Survey Methodology 1(2).

    Examples
    --------
    >>> RandomRounding(base=5).variance(np.array([0.0, 5.0, 7.0])).tolist()
    [0.0, 0.0, 6.0]
    """

    name: ClassVar[str] = "random-rounding"
    nonnegative: ClassVar[bool] = True

    base: int = attrs.field(
        default=3, validator=[attrs.validators.ge(2), attrs.validators.le(2**31)]
    )

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return rounded counts, persons, of the shape of ``counts``.

        Raises
        ------
        UsageError
            If a count is above 2^53 - b.
        """
        if np.max(counts, initial=0.0) > 2.0**53 - self.base:
            raise dpaudit.UsageError(
                f"random-rounding: the count {float(np.max(counts)):.0f} is above 2^53 - "
                f"{self.base}, beyond which not every multiple of {self.base} is a number",
                hint="leave the entity out, or round to a smaller base",
            )
        rest = np.mod(counts, self.base)
        up = rng.integers(0, self.base, size=counts.shape) < rest
        return counts - rest + self.base * up

    def log_law(
        self, counts: FloatArray, printed: FloatArray, cells: NDArray[np.intp]
    ) -> FloatArray:
        """Return the log probability of the multiple below and of that above, exactly."""
        rest = np.mod(counts, self.base)
        above = printed - (counts - rest) == self.base
        chance = np.where(above, rest, self.base - rest) / self.base
        reached = above | (printed == counts - rest)
        with np.errstate(divide="ignore"):
            return np.log(np.where(reached, chance, 0.0))

    def privacy(self) -> dpaudit.Guarantee:
        """Return delta = 1 - (1 - 1 / b)^D at every epsilon, D the number of changed counts."""
        changed = l1_sensitivity(self.neighbours, self.cells_per_person)
        delta = -math.expm1(changed * math.log1p(-1.0 / self.base))
        return dpaudit.Guarantee(neighbours=self.neighbours, delta=delta, every_epsilon=True)

    def bias(self, counts: FloatArray) -> FloatArray:
        """Return 0, shape (n,), persons; exact."""
        return np.zeros_like(counts)

    def variance(self, counts: FloatArray) -> FloatArray:
        """Return r (b - r), shape (n,), persons squared; exact."""
        rest = np.mod(counts, self.base)
        return rest * (self.base - rest)

    def positive(self, counts: FloatArray) -> FloatArray:
        """Return r / b below the base and 1 from it on, shape (n,)."""
        return np.minimum(counts / self.base, 1.0)

    def caveats(self) -> tuple[str, ...]:
        """Return what is different in practice."""
        return (
            "in practice a count is rounded once and for all, so that asking again tells nothing",
            "counts of other tables are rounded on their own: rounded tables do not add up",
        )


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (RandomRounding,)
