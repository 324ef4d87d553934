"""Mean squared error: bias squared plus variance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit_plugins.audits._everywhere import everywhere


@attrs.frozen(kw_only=True)
class MeanSquaredError(dpaudit.Audit):
    """Measure E[(outcome - true outcome)^2] per entity and of the sum over each group.

    In the square of the unit of the decision. In total: the sum over entities.

    References
    ----------
    METHODS-decisions 2.1.
    """

    name: ClassVar[str] = "mean-squared-error"

    def measure(
        self, subject: dpaudit.Subject, rng: np.random.Generator
    ) -> Sequence[dpaudit.Measurement]:
        """Return mean squared errors over entities, groupings and in total."""
        return everywhere(
            subject, audit=self.name, quantity="mean-squared-error", unit=f"{subject.unit}^2"
        )


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (MeanSquaredError,)
