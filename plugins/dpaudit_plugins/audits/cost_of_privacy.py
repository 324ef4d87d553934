"""Cost of privacy: what the entities that lose on average lose together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit.stats.spread import cost_of_privacy
from dpaudit_plugins.audits._everywhere import measured


@attrs.frozen(kw_only=True)
class CostOfPrivacy(dpaudit.Audit):
    """Measure sum_i max(-B_i, 0): the money that would make good every expected loss.

    In the unit of the decision. It is about long-run averages: read it beside the expected
    shortfall, which is about one release and never smaller.

    References
    ----------
    Tran, Fioretto, Van Hentenryck and Yao, IJCAI 2021, Definition 5 and Proposition 3;
    METHODS-decisions 2.2.
    """

    name: ClassVar[str] = "cost-of-privacy"

    def measure(
        self, subject: dpaudit.Subject, rng: np.random.Generator
    ) -> Sequence[dpaudit.Measurement]:
        """Return the cost of privacy over all entities."""
        cost = cost_of_privacy(subject.entity("bias"), subject.halves("entity"))
        return [measured(subject, self.name, self.name, cost)]


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (CostOfPrivacy,)
