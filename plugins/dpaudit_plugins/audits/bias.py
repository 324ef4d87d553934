"""Bias: how far the expected outcome is from the outcome of the true counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit_plugins.audits._everywhere import everywhere


@attrs.frozen(kw_only=True)
class Bias(dpaudit.Audit):
    """Measure E[outcome] minus the outcome of the true counts.

    Per entity and per group, in the unit of the decision. A group has the sum over its
    entities, the mean per entity and the value per person counted. Negative: the entity gets
    less, on average over the noise, than it would from the true counts.

    References
    ----------
    Tran, Fioretto, Van Hentenryck and Yao, *Decision making with differential privacy under a
    fairness lens*, IJCAI 2021: definition of the bias of a decision problem.
    """

    name: ClassVar[str] = "bias"

    def measure(
        self, subject: dpaudit.Subject, rng: np.random.Generator
    ) -> Sequence[dpaudit.Measurement]:
        """Return biases over entities, groupings (sum, mean, per person) and in total."""
        return everywhere(subject, audit=self.name, quantity="bias", unit=subject.unit, means=True)


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (Bias,)
