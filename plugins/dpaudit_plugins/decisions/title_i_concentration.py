"""Concentration grants of Title I, Part A."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import BoolArray, FloatArray
from dpaudit_plugins.decisions._title_i import (
    CONCENTRATED,
    concentration_eligible,
    hold_harmless_rate,
)
from dpaudit_plugins.decisions._title_i_columns import Districts
from dpaudit_plugins.decisions.title_i_basic import TitleIBasic

LEAST_BY_CHILDREN = 340_000.0
"""Dollars that a state's children are worth at the least in its minimum."""


@attrs.frozen(kw_only=True, eq=False)
class TitleIConcentration(TitleIBasic):
    """Share concentration grants: as basic grants, among districts where poor children are many.

    A district that is eligible for a basic grant is eligible if its formula children are more
    than 6,500, or more than 15 percent of its children of 5 to 17. One child more or less at
    either threshold decides about the whole grant.

    Parameters
    ----------
    grace
        Whether a district that is no longer eligible still keeps its part of last year's
        amount, as the law has it for four years.

    References
    ----------
    20 U.S.C. 6332(c)(2), 6334(a); 34 CFR 200.71(b) and 200.73.

    Examples
    --------
    >>> made = TitleIConcentration(population=np.array([500.0, 300.0, 100.0]), appropriation=100.0)
    >>> made.decide(np.array([90.0, 45.0, 30.0]))
    array([75.,  0., 25.])
    """

    name: ClassVar[str] = "title-i-concentration"

    grace: bool = True

    def caveats(self) -> tuple[str, ...]:
        """Return what the formula leaves out or takes on trust."""
        found = super().caveats()
        if self.previous is None or not self.grace:
            return found
        years = (
            "a district that is not eligible for a concentration grant is taken to have been so "
            "within the last four years, if it got one last year"
        )
        return (*found, years)

    def _breaks(self, districts: Districts) -> FloatArray:
        population = districts.population
        many = np.stack([np.full_like(population, CONCENTRATED), 0.15 * population])
        return np.concatenate([super()._breaks(districts), many])

    def _eligible(self, children: FloatArray, districts: Districts) -> BoolArray:
        return concentration_eligible(children, districts.population)

    def _floors(
        self, children: FloatArray, due: FloatArray, districts: Districts
    ) -> FloatArray | None:
        if self.previous is None or not self.grace:
            return super()._floors(children, due, districts)
        return hold_harmless_rate(children, districts.population) * self._previous(districts)

    def _by_children(self, amounts: FloatArray) -> FloatArray:
        return np.maximum(amounts, LEAST_BY_CHILDREN)


@dpaudit.hookimpl
def dpaudit_decisions() -> Sequence[type[dpaudit.Decision]]:
    """Offer the decision."""
    return (TitleIConcentration,)
