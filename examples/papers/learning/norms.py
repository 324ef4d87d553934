"""Lengths of inputs and of gradients, group by group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit


@attrs.frozen(kw_only=True)
class Norms(dpaudit.Audit):
    """Measure the mean norm of inputs, and of gradients at the reference."""

    name: ClassVar[str] = "norms"
    of: ClassVar = "learners"

    def measure(self, subject, rng):  # noqa: ARG002
        """Return both means of every group."""
        records, model = subject.data.train, subject.learner.model(subject.data)
        theta = subject.reference_runs().parameters[0]
        norms = model.gradient_norms(theta, records.inputs, records.labels)
        found = {
            "mean-input-norm": np.sqrt(records.squared_norms),
            "gradient-norm": norms,
        }
        return [
            dpaudit.Measurement(
                task=subject.task,
                audit=self.name,
                quantity=quantity,
                unit="norm",
                over=subject.data.group,
                labels=subject.data.names,
                estimate=dpaudit.Estimate.exact(records.means(values)),
            )
            for quantity, values in found.items()
        ]


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (Norms,)
