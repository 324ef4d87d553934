"""Education finance incentive grants of Title I, Part A."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import attrs
import numpy as np

import dpaudit
from dpaudit import BoolArray, FloatArray
from dpaudit.solvers.shared_out import ratio, shared_out, sums
from dpaudit_plugins.decisions._title_i import (
    COUNTIES,
    DISTRICTS,
    MIDDLING,
    TARGETED,
    UNEQUAL,
    Brackets,
    Five,
    Weights,
    bends,
    bounded_spending,
    efig_state_factor,
    targeted_eligible,
    weighted,
)
from dpaudit_plugins.decisions._title_i_columns import Districts, read_amount
from dpaudit_plugins.decisions._title_i_grants import WeightedGrant

_MIDDLING_FROM = 0.10
_UNEQUAL_FROM = 0.20


def _check_weights(_instance: Any, attribute: attrs.Attribute[Any], value: Five) -> None:
    """Require five weights that never fall, as brackets have them; an attrs validator."""
    if len(value) != 5 or min(value) <= 0 or list(value) != sorted(value):  # noqa: PLR2004
        raise ValueError(f"{attribute.name} {list(value)} is not five positive weights that rise")


@attrs.frozen(kw_only=True, eq=False)
class TitleIEfig(WeightedGrant):
    """Share education finance incentive grants: first among states, then within each.

    The allotment of a state goes by its formula children in eligible districts, times bounded
    spending per pupil (40 percent, held between 34 and 46 percent of the average), times how
    much the state spends for its income (``effort``), times how evenly its districts spend (1.30
    less ``equity``). Within the state districts share by weighted children, as in targeted
    grants; the more uneven the state, the steeper the weights. What a district keeps of last
    year's amount is paid out of its state's allotment.

    Parameters
    ----------
    effort
        The effort factor of the state, held between 0.95 and 1.05; a column, or one number.
    equity
        The equity factor of the state, the coefficient of variation of spending per pupil
        between its districts, from 0 to 1.30; a column, or one number.
    brackets
        Those of school districts, or of counties.
    middling_number, middling_share
        Weights of the five brackets, by number and by share of children, within a state of
        equity factor 0.10 to 0.20.
    unequal_number, unequal_share
        The same within a state of equity factor 0.20 or more.
    minimum_share
        0.0035 in the law.

    References
    ----------
    20 U.S.C. 6337(b) and (d); 34 CFR 200.71(d) and 200.73.

    Examples
    --------
    >>> made = TitleIEfig(
    ...     population=np.array([400.0, 400.0]), state=np.array(["A", "B"]), effort=1.0,
    ...     equity=np.array([0.05, 0.30]), minimum_share=0.0, appropriation=90.0,
    ... )
    >>> made.decide(np.array([40.0, 40.0]))
    array([50., 40.])
    """

    name: ClassVar[str] = "title-i-efig"

    effort: dpaudit.Column | float = 1.0
    equity: dpaudit.Column | float
    brackets: Literal["district", "county"] = "district"
    middling_number: Five = attrs.field(default=MIDDLING.number, validator=_check_weights)
    middling_share: Five = attrs.field(default=MIDDLING.share, validator=_check_weights)
    unequal_number: Five = attrs.field(default=UNEQUAL.number, validator=_check_weights)
    unequal_share: Five = attrs.field(default=UNEQUAL.share, validator=_check_weights)
    minimum_share: float = attrs.field(
        default=0.0035, validator=[attrs.validators.ge(0.0), attrs.validators.le(1.0)]
    )

    def __attrs_post_init__(self) -> None:
        for needed in ("state", "equity"):
            if getattr(self, needed) is None:
                raise ValueError(
                    f"{self.name} is shared among states by their equity factor: give {needed}"
                )

    def caveats(self) -> tuple[str, ...]:
        """Return what the formula leaves out or takes on trust."""
        unchecked = (
            "the weights within a state whose equity factor is 0.10 or more were not checked "
            "against the text of 20 U.S.C. 6337(d)"
        )
        found = [*super().caveats(), unchecked]
        for name in ("effort", "equity"):
            value = getattr(self, name)
            if not isinstance(value, str) and np.ndim(value) == 0:
                found.append(f"the {name} factor is taken to be {value:g} in every state")
        return tuple(found)

    def _amounts(self, children: FloatArray, districts: Districts) -> FloatArray:
        due, *parts = self._parts(children, districts)
        allotments = self._allotments(*(sums(part, districts.starts) for part in parts))
        return shared_out(due, allotments, self._floors(children, due, districts), districts.starts)

    def _allotments(self, counted: FloatArray, children: FloatArray) -> FloatArray:
        """Return what each state gets, (d, g), dollars, by its counted and eligible children."""
        budget = np.full((counted.shape[0], 1), self.appropriation)
        return shared_out(counted, budget, self._minima(children) if self.minimum_share else None)

    @property
    def _by_state(self) -> bool:
        return True

    def _parts(self, children: FloatArray, districts: Districts) -> tuple[FloatArray, ...]:
        due = self._due(children, districts)
        eligible = np.where(due > 0, children, 0.0)
        return due, eligible * self._factor(districts), eligible

    def _level(self, totals: tuple[FloatArray, ...]) -> FloatArray:
        return ratio(self._allotments(*totals[1:]), totals[0])

    def _due(self, children: FloatArray, districts: Districts) -> FloatArray:
        """Return weighted counts, which tell shares within a state alone, shape (d, n)."""
        brackets = DISTRICTS if self.brackets == "district" else COUNTIES
        due = self._by_equity(children, districts, brackets)
        return np.where(targeted_eligible(children, districts.population), due, 0.0)

    def _by_equity(
        self, children: FloatArray, districts: Districts, brackets: Brackets
    ) -> FloatArray:
        due = np.zeros_like(children)
        for weights, here in self._kinds(districts):
            if here.any():
                due[:, here] = weighted(
                    children[:, here], districts.population[here], brackets, weights
                )
        return self._capped(due, children, districts)

    def _kinds(self, districts: Districts) -> tuple[tuple[Weights, BoolArray], ...]:
        """Return the weights of even, middling and uneven states, and who is of which."""
        equity = self._column("equity", districts)
        return (
            (TARGETED, equity < _MIDDLING_FROM),
            (
                Weights(self.middling_number, self.middling_share),
                (equity >= _MIDDLING_FROM) & (equity < _UNEQUAL_FROM),
            ),
            (Weights(self.unequal_number, self.unequal_share), equity >= _UNEQUAL_FROM),
        )

    def _bends(self, districts: Districts) -> Sequence[FloatArray]:
        brackets = DISTRICTS if self.brackets == "district" else COUNTIES
        return [
            bends(districts.population, brackets, weights, self._cap(districts))
            for weights, here in self._kinds(districts)
            if here.any()
        ]

    def _factor(self, districts: Districts) -> FloatArray:
        spending = bounded_spending(districts.expenditure, districts.average, 0.34, 0.46)
        effort, equity = (self._column(name, districts) for name in ("effort", "equity"))
        return efig_state_factor(spending, effort, equity)

    def _column(self, name: str, districts: Districts) -> FloatArray:
        value = getattr(self, name)
        if isinstance(value, str):
            raise dpaudit.UsageError(
                f"{name}: the column {value!r} is not filled in",
                hint="give an array, or let an audit fill in the column of its data",
            )
        values = read_amount(name, value, districts.size)
        if name == "equity" and (values >= 1.30).any():  # noqa: PLR2004 (the law's own number)
            raise dpaudit.DataError(
                f"equity: {float(values.max())!r} leaves nothing of 1.30",
                hint="the equity factor is a coefficient of variation, mostly below 0.3",
            )
        return districts.sorted(values)


@dpaudit.hookimpl
def dpaudit_decisions() -> Sequence[type[dpaudit.Decision]]:
    """Offer the decision."""
    return (TitleIEfig,)
