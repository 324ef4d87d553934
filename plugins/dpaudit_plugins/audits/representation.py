"""Representation: whose share of the release is not their share of the people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit_plugins.audits._everywhere import everywhere


@attrs.frozen(kw_only=True)
class Representation(dpaudit.Audit):
    """Measure how much of the release each group has, beside how much of the truth.

    Three quantities, per entity, of the sum over each group, and in total:

    ``share``
        Expected share of the sum of all outcomes, minus the true share. Left out where
        outcomes may be negative: the expectation of such a share does not exist.
    ``erased``
        Expected number of entities with people in the truth that have none in the release.
    ``invented``
        Expected number of entities without people in the truth that have some in the release.

    References
    ----------
    METHODS-decisions 3.4 (why a share of counts that may be negative has no expectation).
    """

    name: ClassVar[str] = "representation"
    needs = frozenset({"share", "erased", "invented"})

    def measure(
        self, subject: dpaudit.Subject, rng: np.random.Generator
    ) -> Sequence[dpaudit.Measurement]:
        """Return shares, erased and invented entities, over entities and groupings."""
        wanted = [name for name in ("share", "erased", "invented") if name in subject.quantities]
        return [
            measurement
            for quantity in wanted
            for measurement in everywhere(
                subject,
                audit=self.name,
                quantity=quantity,
                unit="share" if quantity == "share" else "entities",
            )
        ]


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (Representation,)
