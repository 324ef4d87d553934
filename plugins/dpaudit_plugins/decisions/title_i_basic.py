"""Basic grants of Title I, Part A."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit_plugins.decisions._title_i import LEAST_CHILDREN, basic_eligible, bounded_spending
from dpaudit_plugins.decisions._title_i_columns import Districts
from dpaudit_plugins.decisions._title_i_grants import OneGrant


@attrs.frozen(kw_only=True, eq=False)
class TitleIBasic(OneGrant):
    """Share basic grants: formula children times bounded spending, among those with enough.

    A district is eligible with 10 formula children or more that are more than 2 percent of its
    children of 5 to 17. Each counts 40 percent of what the state spends per pupil, held between
    32 and 48 percent of the average of the United States. All are reduced ratably; last year's
    amount is kept in part (``previous``), and no state gets less than its minimum (``state``).

    Parameters
    ----------
    minimum_share
        0.0025 in the law, of appropriations up to those of fiscal year 2001.
    base_appropriation
        Those of fiscal year 2001, dollars; above them the minimum grows by
        ``minimum_share_above``. Left out, ``minimum_share`` holds throughout.
    minimum_share_above
        0.0035 in the law.

    References
    ----------
    20 U.S.C. 6332(c), 6333(a) to (d); 34 CFR 200.71(a) and 200.73.

    Examples
    --------
    >>> made = TitleIBasic(population=np.array([500.0, 300.0, 100.0]), appropriation=100.0)
    >>> made.decide(np.array([30.0, 10.0, 9.0]))
    array([75., 25.,  0.])
    """

    name: ClassVar[str] = "title-i-basic"

    minimum_share: float = attrs.field(
        default=0.0025, validator=[attrs.validators.ge(0.0), attrs.validators.le(1.0)]
    )
    base_appropriation: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.gt(0.0))
    )
    minimum_share_above: float = attrs.field(
        default=0.0035, validator=[attrs.validators.ge(0.0), attrs.validators.le(1.0)]
    )

    def caveats(self) -> tuple[str, ...]:
        """Return what the formula leaves out or takes on trust."""
        found = super().caveats()
        if self.state is None or self.minimum_share == 0:
            return found
        trusted = (
            f"the minimum of a state in {self.name} ({self.minimum_share:.2%} of the "
            "appropriation, and more above that of 2001) was not checked against the law in force"
        )
        return (*found, trusted)

    def _due(self, children: FloatArray, districts: Districts) -> FloatArray:
        spending = bounded_spending(districts.expenditure, districts.average)
        return np.where(self._eligible(children, districts), children * spending, 0.0)

    def _breaks(self, districts: Districts) -> FloatArray:
        population = districts.population
        return np.stack([np.full_like(population, LEAST_CHILDREN), 0.02 * population])

    def _eligible(self, children: FloatArray, districts: Districts) -> np.ndarray:
        return basic_eligible(children, districts.population)

    def _least(self) -> float:
        if self.base_appropriation is None:
            return self.minimum_share * self.appropriation
        base = min(self.base_appropriation, self.appropriation)
        return self.minimum_share * base + self.minimum_share_above * (self.appropriation - base)


@dpaudit.hookimpl
def dpaudit_decisions() -> Sequence[type[dpaudit.Decision]]:
    """Offer the decision."""
    return (TitleIBasic,)
