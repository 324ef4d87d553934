"""The two orders of what clipping does in one step: Figure 11 shows that the second is small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit.training.theorem2 import step_terms


@attrs.frozen(kw_only=True)
class ClipOrders(dpaudit.Audit):
    """Measure the clipping term of Theorem 2 and ψ, its part that depends on the Hessian.

    ψ is the difference of the mean curvature of batches with and without clipping, times half the
    squared step. Both are of one step, at the start of the training and at its end.

    References
    ----------
    Tran, Dinh and Fioretto (2021), Differentially private empirical risk minimization under the
    fairness lens, NeurIPS, appendix C.2 and Figure 11.
    """

    name: ClassVar[str] = "clip-orders"
    of: ClassVar = "learners"

    def measure(self, subject, rng):  # noqa: ARG002
        """Return the first order, ψ and the share of ψ, of each group and the largest."""
        private, model = subject.learner.private_step(subject.data), subject.learner.model(
            subject.data
        )  # fmt: skip
        if private is None or model is None:
            return []
        found = []
        thetas = {"start": np.zeros(model.size), "end": subject.reference_runs().parameters[0]}
        for where, theta in thetas.items():
            terms = step_terms(
                model, theta, subject.data.train, step=private.step, bound=private.clip_norm,
                noise_multiplier=private.noise_multiplier, batch=private.batch,
            )  # fmt: skip
            share = np.abs(terms.clip_second).max() / max(np.abs(terms.clip).max(), 1e-300)
            found += [
                self._made(subject, f"clip-at-{where}", terms.clip),
                self._made(subject, f"psi-at-{where}", terms.clip_second),
                self._made(subject, f"psi-share-at-{where}", share),
            ]
        return found

    def _made(self, subject, quantity, value):
        grouped = np.ndim(value) > 0
        return dpaudit.Measurement(
            task=subject.task,
            audit=self.name,
            quantity=quantity,
            unit=subject.unit,
            over=subject.data.group if grouped else "total",
            labels=subject.data.names if grouped else (),
            estimate=dpaudit.Estimate.exact(value, method="asymptotic"),
        )


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (ClipOrders,)
