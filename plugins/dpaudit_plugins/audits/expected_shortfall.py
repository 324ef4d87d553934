"""Expected shortfall: what one release takes from those whom it happens to hurt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit_plugins.audits._everywhere import everywhere


@attrs.frozen(kw_only=True)
class ExpectedShortfall(dpaudit.Audit):
    """Measure E[(true outcome - outcome)^+] per entity and of the sum over each group.

    In the unit of the decision. Bias averages good and bad luck over many releases; there is
    only one release, and shortfall says what it is expected to take away. It is never below
    the cost of privacy (Jensen).

    References
    ----------
    METHODS-decisions 2.1 and 2.2.
    """

    name: ClassVar[str] = "expected-shortfall"

    def measure(
        self, subject: dpaudit.Subject, rng: np.random.Generator
    ) -> Sequence[dpaudit.Measurement]:
        """Return expected shortfalls over entities, groupings and in total."""
        return everywhere(
            subject, audit=self.name, quantity="expected-shortfall", unit=subject.unit
        )


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (ExpectedShortfall,)
