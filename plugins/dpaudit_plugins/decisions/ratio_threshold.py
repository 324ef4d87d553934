"""Whether one count reaches a share of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.exact_ratio import Ratio
from dpaudit.noise.released import Released
from dpaudit.noise.sums import chance_of_ratio
from dpaudit_plugins.decisions._rows import check_distinct, positions

SMALLEST, LARGEST = 1e-9, 1e9


@attrs.frozen(kw_only=True, eq=False)
class RatioThreshold(dpaudit.Decision):
    """Decide 1 where ``numerator`` >= ``ratio`` * ``denominator``, else 0.

    Nothing is divided: the rule is defined for denominators of 0 and below, and linear in the
    noise. Whole counts are compared with the ratio as it is written, without rounding: 7 of 100
    reaches 0.07.

    Parameters
    ----------
    numerator, denominator
        Names of two different counts of each entity.
    ratio
        In [1e-9, 1e9].
    strict
        Whether a tie is not enough ("more than" in a law, against "at least").
    counts
        The names of the counts in a row; filled in by an audit.

    Raises
    ------
    ValueError
        If both counts are the same one, or the ratio is out of range.
    DataError
        If the data have no count of that name.

    References
    ----------
    METHODS-decisions 4.3 (derived for this project).

    Examples
    --------
    >>> rule = RatioThreshold(numerator="young", denominator="all", ratio=0.07,
    ...                       counts=("all", "young"))
    >>> rule.decide(np.array([[100.0, 7.0], [100.0, 6.0]]))
    array([1., 0.])
    """

    name: ClassVar[str] = "ratio-threshold"
    unit: ClassVar[str] = "probability"
    rows: ClassVar[bool] = True
    vectorised: ClassVar[bool] = True
    bounded: ClassVar[bool] = True

    numerator: str
    denominator: str
    ratio: float = attrs.field(
        validator=[attrs.validators.ge(SMALLEST), attrs.validators.le(LARGEST)]
    )
    strict: bool = False
    counts: dpaudit.GivenCounts = ()

    def __attrs_post_init__(self) -> None:
        check_distinct(numerator=self.numerator, denominator=self.denominator)

    @property
    def largest_change(self) -> float:
        """1: from nothing to a whole."""
        return 1.0

    @property
    def reads(self) -> tuple[int, ...]:
        """The positions of numerator and denominator."""
        return positions(
            self.name, self.counts, numerator=self.numerator, denominator=self.denominator
        )

    @property
    def grows_with(self) -> tuple[int, ...]:
        """The position of the numerator."""
        return self.reads[:1]

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return 1 where the ratio is reached, else 0, shape (..., n), of rows (..., n, k)."""
        over, under = self.reads
        margin = Ratio.of(self.ratio).margin(counts[..., over], counts[..., under])
        return np.where(margin > 0 if self.strict else margin >= 0, 1.0, 0.0)

    def probability(
        self, counts: FloatArray, noise: dpaudit.Noise, *, clipped: bool
    ) -> dpaudit.ClosedForm:
        """Return P(x1 + X1 >= r (x0 + X0)), shape (n,), of rows (n, k); of > where ``strict``.

        A closed form for Laplace and Gaussian noise, a sum for whole-number noise, an integral
        where counts are clipped; ``None`` for noise that is none of these.
        """
        numerator, denominator = (
            Released.of_column(noise, counts, column, clipped=clipped) for column in self.reads
        )
        ratio = Ratio.of(self.ratio)
        return chance_of_ratio(numerator, denominator, ratio, strict=self.strict)


@dpaudit.hookimpl
def dpaudit_decisions() -> Sequence[type[dpaudit.Decision]]:
    """Offer the decision."""
    return (RatioThreshold,)
