"""All of Title I, Part A: the four formulas together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit_plugins.decisions._title_i_grants import Grants, OneGrant
from dpaudit_plugins.decisions.title_i_basic import TitleIBasic
from dpaudit_plugins.decisions.title_i_concentration import TitleIConcentration
from dpaudit_plugins.decisions.title_i_efig import TitleIEfig
from dpaudit_plugins.decisions.title_i_targeted import TitleITargeted

_FORMULAS: dict[str, type[OneGrant]] = {
    "basic": TitleIBasic,
    "concentration": TitleIConcentration,
    "targeted": TitleITargeted,
    "efig": TitleIEfig,
}


def _parts(grants: TitleI) -> tuple[OneGrant, ...]:
    common = ("population", "expenditure", "average_expenditure", "state")
    made = []
    for name, formula in _FORMULAS.items():
        amount = getattr(grants, name)
        if amount == 0:
            continue
        values = {each: getattr(grants, each) for each in common}
        values |= {"appropriation": amount, "previous": getattr(grants, f"previous_{name}")}
        if not grants.state_minimum:
            values["minimum_share"] = 0.0
        if name == "efig":
            values |= {"effort": grants.effort, "equity": grants.equity}
        made.append(formula(**values))
    return tuple(made)


@attrs.frozen(kw_only=True, eq=False)
class TitleI(Grants):
    """Add up what a district gets by the four formulas of Title I, Part A.

    Each formula has an appropriation, an eligibility rule and a minimum of its own, as
    ``title-i-basic``, ``title-i-concentration``, ``title-i-targeted`` and ``title-i-efig`` say;
    each is reduced ratably by itself.

    Parameters
    ----------
    basic, concentration, targeted, efig
        Appropriation of each formula, dollars; 0 leaves it out.
    effort, equity
        Factors of the state in education finance incentive grants; columns, or one number.
    previous_basic, previous_concentration, previous_targeted, previous_efig
        Columns with last year's amounts by each formula, dollars.
    state_minimum
        Whether states have the minima of the law.

    References
    ----------
    20 U.S.C. 6332 to 6337.

    Examples
    --------
    >>> made = TitleI(population=np.array([1000.0, 1000.0]), basic=60.0, targeted=40.0)
    >>> made.decide(np.array([40.0, 60.0])).round(2)
    array([24., 76.])
    """

    name: ClassVar[str] = "title-i"

    basic: float = attrs.field(default=0.0, validator=attrs.validators.ge(0.0))
    concentration: float = attrs.field(default=0.0, validator=attrs.validators.ge(0.0))
    targeted: float = attrs.field(default=0.0, validator=attrs.validators.ge(0.0))
    efig: float = attrs.field(default=0.0, validator=attrs.validators.ge(0.0))
    effort: dpaudit.Column | float = 1.0
    equity: dpaudit.Column | float | None = None
    previous_basic: dpaudit.Column | None = None
    previous_concentration: dpaudit.Column | None = None
    previous_targeted: dpaudit.Column | None = None
    previous_efig: dpaudit.Column | None = None
    state_minimum: bool = True
    parts: tuple[OneGrant, ...] = attrs.field(
        init=False, repr=False, default=attrs.Factory(_parts, takes_self=True)
    )

    def __attrs_post_init__(self) -> None:
        if not self.parts:
            raise ValueError(
                "nothing is shared out: give basic, concentration, targeted or efig dollars"
            )

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the amount of every entity, shape (..., n), dollars."""
        return sum((part.decide(counts) for part in self.parts), np.zeros(counts.shape))

    def structure(self, n: int) -> dpaudit.Structure | None:
        """Return that amounts follow from what each is due by every formula, where all say so."""
        terms: list[dpaudit.Share] = []
        for part in self.parts:
            found = part.structure(n)
            if not isinstance(found, dpaudit.Local):
                return None
            terms.extend(found.terms)
        return dpaudit.Local(terms=tuple(terms))

    def caveats(self) -> tuple[str, ...]:
        """Return what the formulas leave out or take on trust, each once."""
        return tuple(dict.fromkeys(one for part in self.parts for one in part.caveats()))


@dpaudit.hookimpl
def dpaudit_decisions() -> Sequence[type[dpaudit.Decision]]:
    """Offer the decision."""
    return (TitleI,)
