"""What is known of a task beside its simulation: they must agree."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dpaudit.engine.subject import ROUNDING, MeasuredTask
from dpaudit.model.arrays import BoolArray, FloatArray
from dpaudit.model.estimate import Estimate
from dpaudit.model.measurement import Note
from dpaudit.stats.bands import agreement
from dpaudit.stats.moments import Moments


def checks(subject: MeasuredTask) -> Iterator[Note]:
    """Compare what is known with the simulation, over all entities at once.

    The bias is compared with plain simulation, which shares nothing with the closed form,
    and with controlled simulation, which is sharper but knows the moments of the release.
    """
    known, offset = subject.known, subject.offset("entity")
    nothing = np.zeros_like(offset)
    compared = (
        ("bias", known.bias, "error", nothing),
        ("bias, controlled", known.bias, "bias", offset),
        ("mean-squared-error", known.square, "square", nothing),
    )
    for message, exact, part, shift in compared:
        if exact is not None:
            yield _check(subject, message, exact, subject.columns(part, "entity"), shift)


def _check(
    subject: MeasuredTask, message: str, exact: Estimate, simulated: Moments, shift: FloatArray
) -> Note:
    rounding = ROUNDING * np.abs(subject.truth + shift)
    error = (exact.high - exact.low) / 2.0 + rounding
    worst, limit = agreement(exact.value - shift, simulated, error, _excused(subject))
    values = (("max_z", worst), ("limit", limit), ("draws", float(subject.draws)))
    return Note(task=subject.task, kind="check", message=message, values=values)


def _excused(subject: MeasuredTask) -> BoolArray:
    """Return which entities may have stood still in every draw, though they are random.

    The noise may be nil that often. Otherwise an outcome that was c in all N draws has bias
    b and variance v only if P(outcome is not c) >= g^2 / (g^2 + v) with g = abs(x + b - c),
    by Cauchy and Schwarz; unless that is above ln(n / 1e-6) / N, chance may hide it.
    """
    known, plain = subject.known, subject.columns("error", "entity")
    rests = subject.controlled.job.chain.rests(plain.count)
    if known.bias is None or known.variance is None:
        return rests
    gap = np.square(known.bias.value - plain.mean)
    moved = np.divide(gap, gap + known.variance.high, out=np.zeros_like(gap), where=gap > 0)
    return rests | (plain.count * moved <= np.log(1e6 * gap.size))
