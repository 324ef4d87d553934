"""Language assistance at elections: section 203 of the Voting Rights Act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.conditioning import Bend, expected_chance
from dpaudit.noise.exact_ratio import Ratio
from dpaudit.noise.released import Released
from dpaudit.noise.sums import chance_of_ratio
from dpaudit_plugins.decisions._rows import check_distinct, positions

SMALLEST = 1e-9
NATIONAL_RATE = 0.0131

Route = Literal["jurisdiction", "state", "covered-state", "reservation"]


@attrs.frozen(kw_only=True, eq=False)
class Section203(dpaudit.Decision):
    """Decide whether ballots must be in the language of a minority group (1) or need not be (0).

    With x_C citizens of voting age, x_L of them members of the group with limited English, and
    x_I of those without the fifth primary grade, a jurisdiction is covered where

        (x_L > 0.05 x_C or x_L > 10,000) and x_I > national rate * x_L.

    Ratios are compared cross-multiplied and without rounding, so that "more than 5 percent"
    means what it says for whole counts.

    Parameters
    ----------
    citizens, limited_english, illiterate
        Names of three different counts of each entity: x_C, x_L and x_I.
    share
        "More than 5 percent", in [1e-9, 1].
    number
        "More than 10,000", persons, for the route ``jurisdiction`` alone.
    national_rate
        The national illiteracy rate that x_I / x_L must exceed, in [1e-9, 1].
    route
        ``jurisdiction``: a political subdivision on its own, by share or by number
        (28 CFR 55.6(a)(1) and (3)). ``state``: a State, by share alone. ``covered-state``: a
        subdivision of a State that is covered, which needs at least (not more than) the share,
        and whose illiteracy and number are not looked at (55.6(a)(2)(iii)). ``reservation``: the
        counts are those of American Indian and Alaska Native citizens in a reservation, which
        covers every subdivision that it touches, by share alone (55.6(a)(4)).
    counts
        The names of the counts in a row; filled in by an audit.

    Raises
    ------
    ValueError
        If two of the counts are the same one, or a parameter is out of range.
    DataError
        If the data have no count of that name.

    Notes
    -----
    All conditions read x_L, so that they are not independent: given the released x_L = u the
    other two counts are, and the chance is the integral over u of

        f(u) * (1{u > 10,000} or P(x_C + X_C < u / 0.05)) * P(x_I + X_I > rate * u).

    The product of the three chances would be wrong (METHODS-decisions 4.6).

    References
    ----------
    52 U.S.C. 10503(b)(2)(A) and (B); 28 CFR 55.6(a) and (b).

    Examples
    --------
    >>> rule = Section203(counts=("citizens", "limited_english", "illiterate"))
    >>> rule.decide(np.array([[3_305.0, 166.0, 10.0], [3_300.0, 165.0, 10.0]]))
    array([1., 0.])
    """

    name: ClassVar[str] = "section-203"
    unit: ClassVar[str] = "probability"
    rows: ClassVar[bool] = True
    vectorised: ClassVar[bool] = True
    bounded: ClassVar[bool] = True

    citizens: str = "citizens"
    limited_english: str = "limited_english"
    illiterate: str = "illiterate"
    share: float = attrs.field(
        default=0.05, validator=[attrs.validators.ge(SMALLEST), attrs.validators.le(1.0)]
    )
    number: float = attrs.field(
        default=10_000.0, validator=[attrs.validators.ge(0.0), attrs.validators.le(1e12)]
    )
    national_rate: float = attrs.field(
        default=NATIONAL_RATE, validator=[attrs.validators.ge(SMALLEST), attrs.validators.le(1.0)]
    )
    route: Route = "jurisdiction"
    counts: dpaudit.GivenCounts = ()

    def __attrs_post_init__(self) -> None:
        check_distinct(**self._names)

    def caveats(self) -> tuple[str, ...]:
        """Return what the rule takes for granted."""
        single = "each entity is one jurisdiction and one language group, as in a determination"
        if self.route == "covered-state":
            return (single, "the State is taken to be covered, whatever its own counts are")
        if self.national_rate != NATIONAL_RATE:
            return (single,)
        unread = (
            f"the national illiteracy rate is taken to be {NATIONAL_RATE:.2%}, a figure that was "
            "not checked against a notice of determinations: set national_rate"
        )
        return (single, unread)

    @property
    def largest_change(self) -> float:
        """1: from nothing to a whole."""
        return 1.0

    @property
    def reads(self) -> tuple[int, ...]:
        """The positions of the counts that the route looks at."""
        return positions(self.name, self.counts, **self._names)

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return 1 where the jurisdiction is covered, else 0, shape (..., n), of (..., n, k)."""
        citizens, limited, *illiterate = (counts[..., column] for column in self.reads)
        margin = Ratio.of(self.share).margin(limited, citizens)
        if not illiterate:
            return np.where(margin >= 0, 1.0, 0.0)
        many = (margin > 0) | ((limited > self.number) & self._by_number)
        is_above = Ratio.of(self.national_rate).margin(illiterate[0], limited) > 0
        return np.where(many & is_above, 1.0, 0.0)

    def probability(
        self, counts: FloatArray, noise: dpaudit.Noise, *, clipped: bool
    ) -> dpaudit.ClosedForm:
        """Return P(covered), shape (n,), of rows (n, k), with its numerical error.

        For Laplace, Gaussian and whole-number noise, clipped or not; ``None`` for other noise.
        """
        citizens, limited, *rest = (
            Released.of_column(noise, counts, column, clipped=clipped) for column in self.reads
        )
        share, rate = Ratio.of(self.share), Ratio.of(self.national_rate)
        if not rest:
            return chance_of_ratio(limited, citizens, share, strict=False)
        illiterate = rest[0]

        def covered(value: FloatArray, index: np.ndarray) -> FloatArray:
            many = citizens.at(index).below(share.into(value))
            if self._by_number:
                many = np.where(value > self.number, 1.0, many)
            return many * illiterate.at(index).above(rate.times(value))

        bends = [
            Bend(share.times(citizens.counts), share.times(citizens.unit)),
            Bend(rate.into(illiterate.counts), rate.into(illiterate.unit)),
            Bend(self.number),
        ]
        return expected_chance(limited, covered, bends)

    @property
    def _by_number(self) -> bool:
        return self.route == "jurisdiction"

    @property
    def _names(self) -> dict[str, str]:
        names = {"citizens": self.citizens, "limited_english": self.limited_english}
        if self.route != "covered-state":
            names["illiterate"] = self.illiterate
        return names


@dpaudit.hookimpl
def dpaudit_decisions() -> Sequence[type[dpaudit.Decision]]:
    """Offer the decision."""
    return (Section203,)
