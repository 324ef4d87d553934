"""Allotments for adult employment and training by unemployment, in the manner of WIOA.

The Workforce Innovation and Opportunity Act (29 U.S.C. 3162(b)(1)(B) and 3173(b)(2)(A)) shares
the money for adults out in three parts: by the unemployed in areas of substantial unemployment
(a rate of at least 6.5 percent), by the unemployed in excess of 4.5 percent of the labour force,
and by disadvantaged adults. The last number is in no table of unemployment: here the first two
share everything. Minimum percentages of earlier years are left out, too.
"""

from typing import ClassVar

import attrs
import numpy as np

import dpaudit

DPAUDIT_API = 1


@attrs.frozen(kw_only=True)
class WorkforceAllotment(dpaudit.Decision):
    """Share an appropriation by substantial and by excess unemployment, half by each.

    A simplified reading of 29 U.S.C. 3162(b)(1)(B) and 3173(b)(2)(A): reports say that they are
    no legal advice on a statute that is named here.

    Parameters
    ----------
    labour_force
        The (public) labour force of each area, persons.
    appropriation
        What is shared, dollars.
    substantial
        The rate of unemployment from which all unemployed of an area count for the first half.
    excess
        The share of the labour force beyond which the unemployed count for the second half.
    """

    name: ClassVar[str] = "workforce-allotment"
    unit: ClassVar[str] = "dollars"
    vectorised: ClassVar[bool] = True
    bounded: ClassVar[bool] = True

    labour_force: dpaudit.Column = attrs.field(eq=attrs.cmp_using(eq=np.array_equal))
    appropriation: float = attrs.field(default=1.0, validator=attrs.validators.gt(0))
    substantial: float = 0.065
    excess: float = 0.045

    def decide(self, counts):
        """Return the allotment of every area, shape (..., n), dollars."""
        people = np.maximum(counts, 0.0)
        large = np.where(people >= self.substantial * self.labour_force, people, 0.0)
        beyond = np.maximum(people - self.excess * self.labour_force, 0.0)
        return self.appropriation * (_shares(large, people) + _shares(beyond, people)) / 2.0


def _shares(parts, otherwise):
    """Return shares of a sum; where nobody counts, those of the unemployed, or equal ones."""
    total, people = (x.sum(axis=-1, keepdims=True) for x in (parts, otherwise))
    equal = np.full_like(parts, 1.0 / parts.shape[-1])
    plain = np.divide(otherwise, people, out=equal, where=people > 0)
    return np.divide(parts, total, out=plain, where=total > 0)


@dpaudit.hookimpl
def dpaudit_decisions():
    """Offer the allotment."""
    return [WorkforceAllotment]
