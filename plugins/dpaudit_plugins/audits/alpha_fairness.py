"""α-fairness: the largest difference between the biases of two entities or groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit.stats.planning import draws_for
from dpaudit.stats.spread import Halves, alpha, xi
from dpaudit_plugins.audits._everywhere import measured

PRECISION = 0.1
"""The relative error that ``draws-for-alpha`` is about."""


@attrs.frozen(kw_only=True)
class AlphaFairness(dpaudit.Audit):
    """Measure instance α = max_i B_i - min_i B_i over entities and over every grouping.

    Where bounds of it are proved they are given beside it, as ``alpha-bounds`` over entities.
    Every entity's own largest difference, max_j abs(B_i - B_j), is given as ``xi``. Of a
    simulated α, ``draws-for-alpha`` says about how many draws keep noise alone below a tenth
    of it.
    In the unit of the decision. This is α on these data, not the worst case over all data;
    a decision that is linear in unbiased counts has α = 0.

    References
    ----------
    Tran, Fioretto, Van Hentenryck and Yao, IJCAI 2021, section 4 (ξ and α); METHODS-decisions
    2.1 and 2.4.
    """

    name: ClassVar[str] = "alpha-fairness"

    def measure(
        self, subject: dpaudit.Subject, rng: np.random.Generator
    ) -> Sequence[dpaudit.Measurement]:
        """Return α over entities and over groups, and ξ per entity, as intervals."""
        groupings = tuple(subject.data.groups)
        biases = {"entity": subject.entity("bias")}
        biases |= {name: subject.grouped("bias", name) for name in groupings}
        found = {over: alpha(bias, subject.halves(over)) for over, bias in biases.items()}
        made = [
            measured(subject, self.name, self.name, estimate, over=over)
            for over, estimate in found.items()
        ]
        halves = subject.halves("entity")
        own = xi(biases["entity"], halves)
        made.append(
            measured(subject, self.name, "xi", own, over="entity", labels=subject.data.entities)
        )
        if halves is not None and found["entity"].value > 0:
            needed = measured(
                subject, self.name, "draws-for-alpha", _draws(found, halves), over="entity"
            )
            made.append(attrs.evolve(needed, unit="draws"))
        bounds = subject.spread_bounds()
        if bounds is not None:
            proved = _proved(bounds, float(found["entity"].value))
            made.append(measured(subject, self.name, "alpha-bounds", proved, over="entity"))
        return made


def _draws(found: Mapping[str, dpaudit.Estimate], halves: Halves) -> dpaudit.Estimate:
    """Return about how many noise vectors keep noise alone below a tenth of α."""
    both, size = halves.first + halves.second, float(found["entity"].value)
    vectors = found["entity"].draws / both.count  # two, where they are mirrored
    needed = vectors * draws_for(both, size, PRECISION)
    return dpaudit.Estimate.exact(needed, method="asymptotic")


def _proved(bounds: dpaudit.Bounds, value: float) -> dpaudit.Estimate:
    """Return proved bounds with the value measured between them."""
    return dpaudit.Estimate(
        value=np.clip(value, bounds.low, bounds.high),
        low=np.float64(bounds.low),
        high=np.float64(bounds.high),
        level=1.0,
        method="bound",
    )


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (AlphaFairness,)
