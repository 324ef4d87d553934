"""Holds two ways to repair shares against a general solver, draw by draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit.solvers.allotment_programs import smallest_distance, smallest_spread
from dpaudit.solvers.simplex import project_onto_simplex


@attrs.frozen(kw_only=True)
class Programs(dpaudit.Audit):
    """Compare the projection (PoS) and rescaling (BL) with the optima that a solver finds.

    On each draw: by how much PoS has a larger spread of changes than the optimum of P_alpha, how
    far it is from the solver's solution, and by how much PoS and BL have a larger sum of absolute
    changes than the optimum of P_CoP. Draws whose noisy counts sum to nothing or less are counted
    and left out, because BL is no optimum there.

    Parameters
    ----------
    solved
        How many draws.
    """

    name: ClassVar[str] = "programs"
    once: ClassVar[bool] = True

    solved: int = 20

    def measure(self, subject, rng):
        """Return the largest excess of each over all draws."""
        counts, excess, left_out = subject.data.counts, [], 0
        while len(excess) < self.solved:
            noisy = subject.mechanism.release(counts, rng)
            if noisy.sum() <= 0:
                left_out += 1
                continue
            excess.append(_excess(noisy / noisy.sum()))
        worst = np.max(excess, axis=0)
        names = ("pos-spread-excess", "pos-distance", "pos-cost-excess", "bl-cost-excess",
                 "bl-spread-excess")  # fmt: skip
        return [
            dpaudit.Measurement(
                task=subject.task, audit=self.name, quantity=name, unit="share",
                estimate=dpaudit.Estimate.exact(value),
            )
            for name, value in zip(names, worst, strict=True)
        ]  # fmt: skip


def _excess(shares):
    """Return by how much PoS and BL are above the optima on one draw."""
    best, spread = smallest_spread(shares)
    _, distance = smallest_distance(shares)
    pos = project_onto_simplex(shares, 1.0)
    kept = np.maximum(shares, 0.0)
    bl = kept / kept.sum()
    return (
        np.ptp(pos - shares) - spread,
        np.abs(pos - best).max(),
        np.abs(pos - shares).sum() - distance,
        np.abs(bl - shares).sum() - distance,
        np.ptp(bl - shares) - spread,
    )


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (Programs,)
