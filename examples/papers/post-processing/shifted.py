"""The projection on counts that may be negative down to a bound, as slide 39 shifts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

import dpaudit
from dpaudit.solvers.simplex import project_onto_simplex
from dpaudit.solvers.simplex_bias import simplex_bias


@attrs.frozen(kw_only=True)
class ShiftedSimplex(dpaudit.PostProcessor):
    """Project on the vectors with the public total whose entries are at least -shift.

    Shifting by s is the same as projecting counts that are all s larger.

    Parameters
    ----------
    shift
        s, persons.
    """

    name: ClassVar[str] = "shifted-simplex"
    vectorised: ClassVar[bool] = True

    shift: float
    total: dpaudit.Total | None = None

    def process(self, release):
        """Return the projected release, shape (..., n)."""
        raised = release + self.shift
        return project_onto_simplex(raised, self.total + raised.shape[-1] * self.shift) - self.shift

    def bias(self, counts, noise):
        """Return the exact bias, shape (n,), persons."""
        raised = counts + self.shift
        found = simplex_bias(raised, noise, self.total + counts.size * self.shift)
        if found is None:
            return None
        return dpaudit.Estimate.exact(found.bias, error=found.bias_error, method="quadrature")


@dpaudit.hookimpl
def dpaudit_postprocessors() -> Sequence[type[dpaudit.PostProcessor]]:
    """Offer the post-processor."""
    return (ShiftedSimplex,)
