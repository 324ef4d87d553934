"""Scaling a table to the public totals of its attributes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.solvers.scaling import Margin, fit_margins


@attrs.frozen(kw_only=True)
class IterativeProportionalFitting(dpaudit.PostProcessor):
    """Scale the noisy table along each attribute in turn until its margins are the public ones.

    The result is the table nearest to the noisy one in relative entropy; odds ratios stay as
    they are. It keeps no count as it is; the margins are those given. The sum of a table's
    margins over several attributes must be one.

    Parameters
    ----------
    targets
        For each attribute whose totals are public, those totals, persons, in the order of the
        attribute's values: ``targets = { sex = [510, 490] }``.
    smallest
        Noisy counts below this are raised to it first, persons, so that a zero made by noise
        forbids no margin. With 0 negative counts become structural zeros, and a margin that
        they do not allow is an error.
    domain
        The table, given by the engine.

    Examples
    --------
    >>> sexes = dpaudit.Domain(names=("sex",), values=(("f", "m"),))
    >>> step = IterativeProportionalFitting(targets={"sex": (6.0, 2.0)}, domain=sexes)
    >>> step.process(np.array([1.0, 4.0]))
    array([6., 2.])
    """

    name: ClassVar[str] = "iterative-proportional-fitting"
    vectorised: ClassVar[bool] = True
    nonnegative: ClassVar[bool] = True

    targets: Mapping[str, tuple[float, ...]] = attrs.field(validator=attrs.validators.min_len(1))
    smallest: float = attrs.field(
        default=0.01, validator=[attrs.validators.ge(0.0), attrs.validators.lt(math.inf)]
    )
    domain: dpaudit.GivenDomain = None

    def process(self, release: FloatArray) -> FloatArray:
        """Return the fitted tables, shape (..., n).

        Raises
        ------
        UsageError
            If there is no table, a target does not fit it, or the margins cannot be reached.
        """
        domain = self._table()
        raised = np.maximum(release, self.smallest).reshape(-1, domain.size)
        fitted = fit_margins(domain.table(raised), self._margins(domain))
        return fitted.reshape(release.shape)

    def uncovered(self) -> tuple[str, ...]:
        """Return the totals that are public."""
        return tuple(f"the totals by {attribute!r}" for attribute in self.targets)

    def _table(self) -> dpaudit.Domain:
        if self.domain is None:
            raise dpaudit.UsageError(
                f"the post-processor {self.name!r} has no table",
                hint="name the table's attributes and their values under [data]",
            )
        return self.domain

    def _margins(self, domain: dpaudit.Domain) -> list[Margin]:
        for attribute, totals in self.targets.items():
            if attribute not in domain.names:
                raise dpaudit.UsageError(
                    f"the table has no attribute {attribute!r}",
                    hint=f"attributes: {', '.join(domain.names)}",
                )
            size = domain.shape[domain.names.index(attribute)]
            if len(totals) != size:
                raise dpaudit.UsageError(
                    f"{len(totals)} targets for the {size} values of {attribute!r}",
                    hint="give one public total for each value, in their order",
                )
        return [
            (domain.names.index(attribute), np.asarray(totals, dtype=np.float64))
            for attribute, totals in self.targets.items()
        ]


@dpaudit.hookimpl
def dpaudit_postprocessors() -> Sequence[type[dpaudit.PostProcessor]]:
    """Offer the post-processor."""
    return (IterativeProportionalFitting,)
