"""Deciding by the first-order expansion of a rule at public counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.solvers.jacobian import jacobian
from dpaudit_plugins.mitigations._changed import Changed, found, positive_column, proportional

_LARGEST = 4096
"""Derivatives by differences of more entities would fill the memory."""

_STEP = 1e-4
"""Of a difference, relative to the count."""


@attrs.frozen(kw_only=True, eq=False)
class Linearised(Changed):
    """P(p) + J (x - p): a decision expanded at public counts p.

    Parameters
    ----------
    decision
        The decision P that is expanded.
    at
        p, shape (n,), persons.
    value
        P(p), shape (n,), in the unit of the decision.
    own, common, weights
        J = diag(own) - common weights', each of shape (n,): exact for shares of a total.
    """

    name: ClassVar[str] = "linearised"
    vectorised: ClassVar[bool] = True

    at: FloatArray
    value: FloatArray
    own: FloatArray
    common: FloatArray
    weights: FloatArray

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the outcome of every entity, shape (..., n)."""
        gap = counts - self.at
        shared = (gap @ self.weights)[..., None]
        outcome: FloatArray = self.value + self.own * gap - self.common * shared
        return outcome

    def structure(self, n: int) -> dpaudit.Structure:
        """Return that outcomes are linear in the counts."""
        return dpaudit.Linear()


@attrs.frozen(kw_only=True, eq=False)
class LinearisedByDifferences(Changed):
    """P(p) + J (x - p) with J measured by central differences.

    Parameters
    ----------
    decision
        The decision P that is expanded.
    at, value
        p and P(p), shape (n,).
    jacobian
        J, shape (n, n): row i has the derivatives of outcome i.
    """

    name: ClassVar[str] = "linearised-by-differences"
    vectorised: ClassVar[bool] = True

    at: FloatArray
    value: FloatArray
    jacobian: FloatArray

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the outcome of every entity, shape (..., n)."""
        outcome: FloatArray = self.value + (counts - self.at) @ self.jacobian.T
        return outcome

    def structure(self, n: int) -> dpaudit.Structure:
        """Return that outcomes are linear in the counts."""
        return dpaudit.Linear()


@attrs.frozen(kw_only=True, eq=False)
class Linearise(dpaudit.Mitigation):
    """Replace a rule by its first-order expansion at public counts p, such as those of last year.

    A linear decision is unbiased under noise of mean zero, whatever the true counts are. In
    exchange it is another rule: its error against the statute is of second order in x - p, and is
    what the audit shows as bias. It helps where the noise is large beside the change since p;
    it does harm where counts have moved by more than the noise, or the rule has steps, whose
    derivative says nothing. Clipped counts stay biased.

    Parameters
    ----------
    proxy
        Public counts p, positive: a column that is not the true one.

    Raises
    ------
    DataError
        If a count of the proxy is not above 0.
    UsageError
        If the rule is no allotment and there are more than 4,096 entities.

    References
    ----------
    METHODS-decisions 3.1 (linear P has no bias); 7.4 for the comparison with the statute.
    """

    name: ClassVar[str] = "linearised"

    proxy: dpaudit.Column

    def applies(self, subject: dpaudit.Pipeline) -> bool:
        """Return whether the decision takes one count of each entity and is not linear."""
        decision = subject.decision
        is_linear = isinstance(decision.structure(subject.n), dpaudit.Linear)
        return decision.takes == "counts" and not decision.rows and not is_linear

    def apply(self, subject: dpaudit.Pipeline) -> dpaudit.Pipeline:
        """Return the pipeline with the expanded decision."""
        found(self, subject, True if self.applies(subject) else None)
        at = positive_column(self.name, "proxy", self.proxy, subject.n)
        structure = proportional(subject)
        if structure is None:
            decision: dpaudit.Decision = _by_differences(subject.decision, at)
        else:
            decision = _shares(subject.decision, structure, at)
        return attrs.evolve(subject, decision=decision)

    def cost(self) -> str:
        """Return that the rule is another one."""
        return "a rule that differs from the statute where counts have changed since the proxy"


def _shares(
    decision: dpaudit.Decision, structure: dpaudit.Proportional, at: FloatArray
) -> Linearised:
    """Return the expansion of B a_i x_i / Z: own slope B a_i / Z, common -B P_i / Z times a_j."""
    per_count = structure.total * structure.weights / float((structure.weights * at).sum())
    value = per_count * at
    return Linearised(
        decision=decision,
        at=at,
        value=value,
        own=per_count,
        common=value / float((structure.weights * at).sum()),
        weights=structure.weights,
    )


def _by_differences(decision: dpaudit.Decision, at: FloatArray) -> LinearisedByDifferences:
    if at.size > _LARGEST:
        raise dpaudit.UsageError(
            f"mitigation 'linearised': {decision.name!r} of {at.size:,} entities has too many "
            "derivatives to take by differences",
            hint=f"audit at most {_LARGEST:,} entities, or a decision that declares its structure",
        )

    def outcome(counts: FloatArray) -> FloatArray:
        if decision.vectorised:
            return decision.decide(counts)
        return np.stack([decision.decide(row) for row in counts])

    return LinearisedByDifferences(
        decision=decision,
        at=at,
        value=np.asarray(decision.decide(at)),
        jacobian=jacobian(outcome, at, _STEP * at).T,
    )


@dpaudit.hookimpl
def dpaudit_mitigations() -> Sequence[type[dpaudit.Mitigation]]:
    """Offer the mitigation."""
    return (Linearise,)
