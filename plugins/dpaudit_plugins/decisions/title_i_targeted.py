"""Targeted grants of Title I, Part A."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit_plugins.decisions._title_i import (
    COUNTIES,
    DISTRICTS,
    TARGETED,
    bends,
    bounded_spending,
    targeted_eligible,
    weighted,
)
from dpaudit_plugins.decisions._title_i_columns import Districts
from dpaudit_plugins.decisions._title_i_grants import WeightedGrant


@attrs.frozen(kw_only=True, eq=False)
class TitleITargeted(WeightedGrant):
    """Share targeted grants: children count the more, the more they are or the larger their share.

    A district is eligible with 10 formula children or more that are 5 percent or more of its
    children of 5 to 17. They are weighted bracket by bracket, by number and by share; the larger
    sum counts, times 40 percent of spending per pupil as in basic grants. Brackets make the
    formula convex: noise that is right on average gives too much on average.

    Parameters
    ----------
    brackets
        Those of school districts, or of counties.
    minimum_share
        0.0035 in the law.

    References
    ----------
    20 U.S.C. 6335; 34 CFR 200.71(c) and 200.73.

    Examples
    --------
    >>> made = TitleITargeted(population=np.array([9000.0, 5000.0]), appropriation=1.0)
    >>> made.decide(np.array([3000.0, 700.0])).round(4)
    array([0.8801, 0.1199])
    """

    name: ClassVar[str] = "title-i-targeted"

    brackets: Literal["district", "county"] = "district"
    minimum_share: float = attrs.field(
        default=0.0035, validator=[attrs.validators.ge(0.0), attrs.validators.le(1.0)]
    )

    def _due(self, children: FloatArray, districts: Districts) -> FloatArray:
        brackets = DISTRICTS if self.brackets == "district" else COUNTIES
        counted = weighted(children, districts.population, brackets, TARGETED)
        counted = self._capped(counted, children, districts)
        counted *= bounded_spending(districts.expenditure, districts.average)
        return np.where(targeted_eligible(children, districts.population), counted, 0.0)

    def _bends(self, districts: Districts) -> Sequence[FloatArray]:
        brackets = DISTRICTS if self.brackets == "district" else COUNTIES
        return (bends(districts.population, brackets, TARGETED, self._cap(districts)),)


@dpaudit.hookimpl
def dpaudit_decisions() -> Sequence[type[dpaudit.Decision]]:
    """Offer the decision."""
    return (TitleITargeted,)
