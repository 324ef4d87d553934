"""Projection of outcomes on the simplex: PoS in the words of the paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

import dpaudit
from dpaudit import FloatArray
from dpaudit.solvers.simplex import project_onto_simplex
from dpaudit_plugins.postprocessors._total import KeepsTotal


@attrs.frozen(kw_only=True)
class ProjectionOntoSimplex(KeepsTotal):
    """Move outcomes to the nearest ones that are not negative and have the public sum.

    For the ``output`` of a decision that shares something: unprocessed noisy counts may give
    negative shares. Of all ways to make shares valid this one changes them most alike: it alone
    minimises the largest difference of two changes, draw by draw (Theorem 2). That is no
    statement about bias. Counts are projected by ``simplex``, whose bias is known exactly.

    Parameters
    ----------
    total
        The public sum, in the unit of the outcome. It may be left out after an allotment, whose
        appropriation it is: the sum of other true outcomes is not public.

    References
    ----------
    Tran, Fioretto, Van Hentenryck and Yao (2021), Decision making with differential privacy
    under a fairness lens, IJCAI, Theorem 2; METHODS-decisions 6.1.

    Examples
    --------
    >>> ProjectionOntoSimplex(total=1.0).process(np.array([-0.2, 0.4, 0.8]))
    array([0. , 0.3, 0.7])
    """

    name: ClassVar[str] = "projection-onto-simplex"
    vectorised: ClassVar[bool] = True
    nonnegative: ClassVar[bool] = True

    @property
    def feasible(self) -> dpaudit.Feasible:
        """Nothing but the nearest point."""
        return "nearest"

    def process(self, release: FloatArray) -> FloatArray:
        """Return the projected outcomes, shape (..., n).

        Raises
        ------
        UsageError
            If there is no total, or it is negative.
        """
        return project_onto_simplex(release, self.public_total())


@dpaudit.hookimpl
def dpaudit_postprocessors() -> Sequence[type[dpaudit.PostProcessor]]:
    """Offer the post-processor."""
    return (ProjectionOntoSimplex,)
