"""A mitigated task beside the one it was made of, draw by draw on the same noise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dpaudit.engine.pairs import ERROR_CHANGE, GAIN
from dpaudit.engine.subject import ROUNDING, MeasuredTask
from dpaudit.model.estimate import Estimate
from dpaudit.model.measurement import Measurement
from dpaudit.stats.bands import band


def changes(subject: MeasuredTask, base: MeasuredTask) -> Iterator[Measurement]:
    """Yield what a mitigation changes: outcomes of all, and the sum of the sizes of errors.

    The gain is exact where both biases are; else it comes from the same draws with and without
    the mitigation, so that what they share cancels.
    """
    for over, labels in _axes(subject):
        yield _measured(subject, GAIN, over, labels, _gain(subject, base, over))
    if ERROR_CHANGE in subject.even.extra:
        change = _band(subject, base, ERROR_CHANGE, "total")
        yield _measured(subject, ERROR_CHANGE, "total", (), change)


def _axes(subject: MeasuredTask) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "entity", subject.data.entities
    yield "total", ()
    for name, grouping in subject.controlled.job.groupings.items():
        yield name, grouping.labels


def _gain(subject: MeasuredTask, base: MeasuredTask, over: str) -> Estimate:
    after, before = (each.known.bias for each in (subject, base))
    if (after is None or before is None) and GAIN in subject.even.extra:
        return _band(subject, base, GAIN, over)
    own, other = (_bias(each, over) for each in (subject, base))
    return Estimate(
        value=own.value - other.value,
        low=own.low - other.high,
        high=own.high - other.low,
        level=min(own.level, other.level),
        method=own.method if other.is_deterministic else other.method,
        draws=max(own.draws, other.draws),
    )


def _bias(subject: MeasuredTask, over: str) -> Estimate:
    if over == "entity":
        return subject.entity("bias")
    return subject.total("bias") if over == "total" else subject.grouped("bias", over)


def _band(subject: MeasuredTask, base: MeasuredTask, part: str, over: str) -> Estimate:
    """Return a paired mean with its band; where nothing varied, with what was not seen."""
    moments = subject.columns(part, over)
    size = sum(10.0 * np.sqrt(each.columns("square", over).mean) for each in (subject, base))
    risk = min(1.0, np.log(moments.mean.size / (1.0 - subject.confidence)) / moments.count)
    rounding = moments.count * (ROUNDING * float(np.abs(subject.truth).max(initial=1.0))) ** 2
    unseen = np.where(moments.m2 > rounding, 0.0, risk * size)
    found = band(
        moments, subject.confidence, draws=subject.draws, method="simulated", allowance=unseen
    )
    return found[0] if over == "total" else found


def _measured(
    subject: MeasuredTask, quantity: str, over: str, labels: tuple[str, ...], estimate: Estimate
) -> Measurement:
    task = subject.controlled.job.task
    return Measurement(
        task=task.id,
        audit=task.mitigation or "",
        quantity=quantity,
        unit=subject.unit,
        over=over,
        labels=labels,
        estimate=estimate,
    )
