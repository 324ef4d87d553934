"""Individual fairness: how far one person moves the chances of finitely many outputs, exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.privacy.finite import hockey_stick, log_ratio

_MOST = 500


@attrs.frozen(kw_only=True)
class IndividualFairness(dpaudit.Audit):
    """Measure the largest log-ratio of the chances of any output when one person is changed.

    A mechanism is epsilon-private if and only if it treats data sets alike in the sense of
    individual fairness: d_Y <= d_X with d_Y = sup |log P(y | x) - log P(y | x')|, taken both ways,
    and d_X = epsilon times the records that differ. The number compares **data sets, not people**,
    and says nothing about whether two people that are alike are treated alike.

    ``log-ratio`` is d_Y, for one person more or fewer in each entity (``add-remove``), or one
    person moved out of it to the entity where that tells most (``replace``), and the worst;
    ``log-ratio-over-budget`` is the worst over epsilon: at most 1, or the guarantee is broken.
    (Counted as a set difference a replaced record is two, so d_X would be 2 epsilon.) Where the
    guarantee has a delta, ``hockey-stick`` is the delta that these data need at that epsilon.

    Only where the release has finitely many outputs with known chances: a choice of an entity.

    References
    ----------
    Dwork, Hardt, Pitassi, Reingold and Zemel (2012), Fairness through awareness, ITCS.
    """

    name: ClassVar[str] = "individual-fairness"

    def measure(
        self, subject: dpaudit.Subject, rng: np.random.Generator
    ) -> Sequence[dpaudit.Measurement]:
        """Return exact log-ratios; nothing where outputs are not finitely many."""
        counts, promise = subject.data.counts, subject.mechanism.privacy()
        before = subject.mechanism.output_probabilities(counts)
        if before is None or len(counts) < 2:  # noqa: PLR2004 (one output tells nothing)
            return ()
        if len(counts) > _MOST:
            raise dpaudit.UsageError(
                f"individual-fairness: {len(counts)} entities have too many neighbours to look at "
                f"each; at most {_MOST}",
                hint="audit fewer entities, or leave the audit out",
            )
        ratios, deltas = np.zeros(len(counts)), np.zeros(len(counts))
        error = 0.0
        for i in range(len(counts)):
            for other in _neighbours(counts, i, promise.neighbours):
                after = subject.mechanism.output_probabilities(other)
                if after is None:
                    return ()
                ratios[i] = max(ratios[i], log_ratio(before.value, after.value))
                if promise.delta and promise.epsilon is not None:
                    far = hockey_stick(before.value, after.value, promise.epsilon)
                    deltas[i] = max(deltas[i], far)
                error = max(error, _error(before), _error(after))
        return list(self._made(subject, ratios, deltas, error))

    def _made(
        self, subject: dpaudit.Subject, ratios: FloatArray, deltas: FloatArray, error: float
    ) -> Iterator[dpaudit.Measurement]:
        promise = subject.mechanism.privacy()
        yield from self._both(subject, "log-ratio", "log-ratio", ratios, error)
        if promise.epsilon is not None and 0 < promise.epsilon < math.inf:
            share = dpaudit.Estimate.exact(
                ratios.max() / promise.epsilon, error=error / promise.epsilon
            )
            yield dpaudit.Measurement(
                task=subject.task, audit=self.name, quantity="log-ratio-over-budget", unit="share",
                estimate=share,
            )  # fmt: skip
        if promise.delta:
            yield from self._both(subject, "hockey-stick", "probability", deltas, error)

    def _both(
        self, subject: dpaudit.Subject, quantity: str, unit: str, values: FloatArray, error: float
    ) -> Iterator[dpaudit.Measurement]:
        each = dpaudit.Estimate.exact(values, error=error)
        yield dpaudit.Measurement(
            task=subject.task, audit=self.name, quantity=quantity, unit=unit, over="entity",
            per="entity", labels=subject.data.entities, estimate=each,
        )  # fmt: skip
        yield dpaudit.Measurement(
            task=subject.task, audit=self.name, quantity=quantity, unit=unit,
            estimate=dpaudit.Estimate.exact(values.max(), error=error),
        )  # fmt: skip


def _neighbours(counts: FloatArray, i: int, relation: str) -> Iterator[FloatArray]:
    """Yield the counts with one person changed who is or would be in entity ``i``."""
    if relation == "add-remove":
        for step in (1.0, -1.0):
            if counts[i] + step >= 0:
                moved = counts.copy()
                moved[i] += step
                yield moved
        return
    if counts[i] >= 1:
        for j in range(len(counts)):
            if j != i:
                moved = counts.copy()
                moved[i] -= 1.0
                moved[j] += 1.0
                yield moved


def _error(chances: dpaudit.Estimate) -> float:
    """Return how far a log of these chances may be wrong."""
    seen = chances.value > 0
    reach = np.maximum(chances.high - chances.value, chances.value - chances.low)[seen]
    return float(2.0 * (reach / chances.value[seen]).max())


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (IndividualFairness,)
