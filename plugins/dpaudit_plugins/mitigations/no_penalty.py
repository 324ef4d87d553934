"""Raising outcomes so far that noise lets hardly anybody have less than is due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.base import Noise
from dpaudit_plugins.mitigations._changed import (
    Changed,
    deviation_of_total,
    found,
    least_total,
    noise_seen,
    proportional,
)
from dpaudit_plugins.mitigations._quantiles import (
    STEEPEST,
    chernoff,
    lift_of_sum,
    log_moments,
    quantile,
)
from dpaudit_plugins.mitigations._rules import says_yes_or_no

_WHOLE = 100.0
"""From here on a fraction of a person says nothing."""


@attrs.frozen(kw_only=True, eq=False)
class Raised(Changed):
    """B a_i (x_i~ + D_i) / (Z~ - D_Z), with the denominator held up at ``floor``.

    Parameters
    ----------
    shared
        Weights a and the amount B.
    lift
        D, shape (n,), persons.
    slack
        D_Z, weighted persons.
    floor
        The standard deviation of the noise of Z~, positive.
    risk
        The probability that anybody has less than the truth.
    """

    name: ClassVar[str] = "raised-allotment"
    vectorised: ClassVar[bool] = True

    shared: dpaudit.Proportional
    lift: FloatArray
    slack: float
    floor: float
    risk: float

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the raised amounts, shape (..., n)."""
        weights = self.shared.weights
        total = (weights * counts).sum(axis=-1, keepdims=True) - self.slack
        shares: FloatArray = weights * (counts + self.lift) / np.maximum(total, self.floor)
        return self.shared.total * shares

    def caveats(self) -> tuple[str, ...]:
        """Return by how much counts are raised, and what that costs."""
        weighted = float((self.shared.weights * self.lift).sum())
        said = (
            f"every count is raised by up to {_told(float(self.lift.max()))} persons and the "
            f"weighted total lowered by {_told(self.slack)}, so that with probability "
            f"{1.0 - self.risk:.6g} nobody has less than is due: with a weighted total of Z the "
            f"appropriation grows by the factor (Z + {_told(weighted)}) / (Z - {_told(self.slack)})"
        )
        return (said,)


@attrs.frozen(kw_only=True, eq=False)
class Lenient(Changed):
    """A rule of 0 or 1 that is decided from raised counts, as if its threshold were lower.

    Parameters
    ----------
    lift
        What is added to the counts, shape (n,) or (n, k), persons.
    """

    name: ClassVar[str] = "lenient"
    bounded: ClassVar[bool] = True

    lift: FloatArray

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the outcomes, shape (n,)."""
        return self.decision.decide(counts + self.lift)

    @property
    def reads(self) -> tuple[int, ...] | None:
        """What the rule itself reads."""
        return self.decision.reads

    def probability(self, counts: FloatArray, noise: Noise, *, clipped: bool) -> dpaudit.ClosedForm:
        """Return P(outcome = 1), shape (n,), where the rule knows it; not of clipped counts."""
        if clipped:
            return None
        return self.decision.probability(counts + self.lift, noise, clipped=False)


@attrs.frozen(kw_only=True, eq=False)
class LenientOnRows(Lenient):
    """The same for a rule that takes rows of counts."""

    rows: ClassVar[bool] = True


@attrs.frozen(kw_only=True)
class NoPenalty(dpaudit.Mitigation):
    """Raise outcomes so that, with probability 1 - delta, noise takes nothing from anybody.

    Of an allotment every count is raised by D and the total lowered by D_Z; each of the two
    fails with probability delta / 2 at most, over all entities together. Of a rule of 0 or 1 that
    says that it grows with a count (``grows_with``) the threshold is lowered, so that each entity
    that is due goes without with probability at most delta. It is refused for other rules.

    It helps where nobody may be worse off than the law says. It does harm to whoever pays: an
    allotment hands out more than the appropriation, and the surplus goes to small places above
    all, so that alpha grows; a rule grants more that is not due.

    Parameters
    ----------
    delta
        In (0, 1).
    combination
        For a rule of several counts of each entity: the weights of the sum that it compares with
        a number, by count. A share of more than 5 percent is
        ``{ limited = 1.0, citizens = -0.05 }``. The first count with a positive weight is raised.

    Notes
    -----
    D_i is the least with P(X_i < -D_i) <= delta / (2 n), for Laplace noise lambda ln(n / delta).
    D_Z = min_s [sum_j ln E exp(s a_j X_j) + ln(2 / delta)] / s, by Chernoff. A single count of a
    rule is raised by the exact quantile, for Laplace noise lambda ln(1 / (2 delta)), and so are two
    with Laplace or Gaussian noise; other combinations by the bound of Chernoff, which is larger.

    References
    ----------
    Pujol, McKenna, Kuppam, Hay, Machanavajjhala and Miklau (2020), Fair decision making using
    privacy-protected data, FAT*, section 6 (the idea); METHODS-decisions 7.6 (the constants).
    """

    name: ClassVar[str] = "no-penalty"

    delta: float = attrs.field(
        default=0.05, validator=[attrs.validators.gt(0.0), attrs.validators.lt(1.0)]
    )
    combination: Mapping[str, float] | None = None
    counts: dpaudit.GivenCounts = ()

    def applies(self, subject: dpaudit.Pipeline) -> bool:
        """Return whether an allotment or a rule is decided from counts with known noise."""
        noise = noise_seen(subject)
        if noise is None or not noise.symmetric or subject.output:
            return False
        if proportional(subject) is None:
            return self._grows(subject) and says_yes_or_no(subject, len(self.counts))
        return noise.characteristic(np.zeros((1, 1))) is not None

    def _grows(self, subject: dpaudit.Pipeline) -> bool:
        """Return whether the rule says that it grows with the count that would be raised."""
        grows = subject.decision.grows_with
        if not subject.decision.rows:
            return 0 in grows
        weights = self.combination or {}
        raised = [i for i, name in enumerate(self.counts) if weights.get(name, 0.0) > 0][:1]
        return bool(grows) and all(position in grows for position in raised)

    def apply(self, subject: dpaudit.Pipeline) -> dpaudit.Pipeline:
        """Return the pipeline with the raised decision."""
        noise = found(self, subject, noise_seen(subject))
        structure = proportional(subject)
        if structure is not None:
            decision: dpaudit.Decision = self._raised(subject, structure, noise)
        elif subject.decision.rows:
            decision = LenientOnRows(
                decision=subject.decision, lift=self._lift_of_rows(subject.n, noise)
            )
        else:
            lift = np.broadcast_to(quantile(noise, self.delta), (subject.n,))
            decision = Lenient(decision=subject.decision, lift=lift)
        return attrs.evolve(subject, decision=decision)

    def cost(self) -> str:
        """Return who pays for it."""
        return (
            "more money than was appropriated, or grants that are not due, so that with "
            f"probability {1.0 - self.delta:.6g} nobody has less than is due"
        )

    def _raised(
        self, subject: dpaudit.Pipeline, structure: dpaudit.Proportional, noise: Noise
    ) -> Raised:
        weights, n = structure.weights, subject.n
        deviation = deviation_of_total(weights, noise)

        def cumulants(s: float) -> float:
            return float(log_moments(noise, s * weights[None, :]).sum())

        edge = float(np.min(np.minimum(noise.strip, STEEPEST) / weights))
        return Raised(
            decision=subject.decision,
            shared=structure,
            lift=np.broadcast_to(quantile(noise, self.delta / (2.0 * n)), (n,)),
            slack=chernoff(cumulants, self.delta / 2.0, deviation, edge),
            floor=least_total(weights, deviation),
            risk=self.delta,
        )

    def _lift_of_rows(self, n: int, noise: Noise) -> FloatArray:
        """Return what is added to each count, shape (n, k)."""
        weights = self._weights()
        k = len(self.counts)
        raised = next(i for i, name in enumerate(self.counts) if weights.get(name, 0.0) > 0)
        position = {name: self.counts.index(name) for name in weights}
        entries = np.arange(n * k).reshape(n, k)
        parts = [
            (weight, noise.at(entries[:, position[name]]))
            for name, weight in weights.items()
            if weight
        ]
        lift = np.zeros((n, k))
        lift[:, raised] = lift_of_sum(parts, self.delta, n) / weights[self.counts[raised]]
        return lift

    def _weights(self) -> Mapping[str, float]:
        """Return the combination, checked.

        Raises
        ------
        SpecError
            If it is missing, names no count, or raises none.
        """
        given = self.combination or {}
        unknown = [name for name in given if name not in self.counts]
        if unknown or not any(weight > 0 for weight in given.values()):
            what = f"names {unknown[0]!r}" if unknown else f"{dict(given)!r} raises no count"
            raise dpaudit.SpecError(
                f"mitigation {self.name!r}: combination {what}, and the decision compares several "
                "counts of each entity",
                hint=f"give the weights of {', '.join(self.counts)} in the sum that is compared",
            )
        return given


def _told(value: float) -> str:
    """Return a number of persons as people write it."""
    return f"{value:,.0f}" if abs(value) >= _WHOLE else f"{value:.3g}"


@dpaudit.hookimpl
def dpaudit_mitigations() -> Sequence[type[dpaudit.Mitigation]]:
    """Offer the mitigation."""
    return (NoPenalty,)
