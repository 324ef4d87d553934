"""What must be said beside the numbers of a task: checks, assumptions, bounds and caveats."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dpaudit.engine.checks import checks
from dpaudit.engine.job import GUARD, Job, bounds_outcomes
from dpaudit.engine.subject import MeasuredTask
from dpaudit.model.measurement import Note, noted
from dpaudit.noise.base import Noise
from dpaudit.stats.laws import law_gap
from dpaudit.stats.streams import BLOCK, PILOT, block_generator

_EXACT = 2.0**40
"""Above this a count plus continuous noise is rounded by more than the noise's law shows."""


def notes_on(subject: MeasuredTask) -> Iterator[Note]:
    """Yield what a reader must know of a task beside its numbers."""
    job = subject.controlled.job
    yield from checks(subject)
    yield from _release_checks(subject)
    yield from _guards(job)
    noise = job.chain.mechanism.noise()
    bounded = job.decision.bounded or job.chain.is_nonnegative or bounds_outcomes(job.output)
    if job.structure is None and not bounded and _is_noisy(noise):
        message = noted(
            "whether {rule} has an expected outcome under noise that is not bounded was not "
            "checked: a rule that divides by noisy counts has none"
        ).format(rule=job.decision.name)
        yield Note(task=subject.task, kind="assumption", message=message)
    bounds = subject.spread_bounds()
    if bounds is not None:
        values = (("low", bounds.low), ("high", bounds.high))
        yield Note(task=subject.task, kind="bound", message=bounds.statement, values=values)
    for plugin in (job.chain.mechanism, *job.chain.steps, job.decision, *job.output):
        for caveat in plugin.caveats():
            yield Note(task=subject.task, kind="caveat", message=caveat)
    if subject.known.curvature is not None and subject.known.curvature.missing:
        message = subject.known.curvature.missing
        yield Note(task=subject.task, kind="caveat", message=message)
    if subject.known.empty > 0:
        yield Note(
            task=subject.task,
            kind="empty",
            message=noted("the release has no positive count"),
            values=(("probability", subject.known.empty),),
        )


def _guards(job: Job) -> Iterator[Note]:
    if job.guard is None:
        return
    values = (("guard", GUARD),)
    yield Note(task=job.task.id, kind="definition", message=job.guard, values=values)
    if job.guard_matters:
        message = noted(
            "the noise is so large beside the total that the guard, and not the rule, decides "
            "what is measured of unprocessed counts"
        )
        yield Note(task=job.task.id, kind="assumption", message=message)


def _release_checks(subject: MeasuredTask) -> Iterator[Note]:
    """Compare what a mechanism releases with the noise that it says it adds."""
    chain = subject.controlled.job.chain
    noise = chain.mechanism.noise()
    if noise is None:
        return
    rng = block_generator(0, subject.data.digest, PILOT)
    counts = chain.measured
    errors = np.empty((BLOCK, counts.size))
    for row in errors:
        np.subtract(chain.release(rng), counts, out=row)
    noisy = np.broadcast_to(noise.variance > 0, counts.shape)
    changed = float(np.abs(errors[:, ~noisy]).max(initial=0.0))
    found = [("entities without noise", changed, 1e-12 * float(counts.max(initial=1.0)))]
    # Beyond 2^53 of a count the sum has lost the last digits of the noise.
    exact = noisy & (counts < _EXACT)
    if exact.any():
        law = noise.at(np.flatnonzero(exact)).cdf
        gap, limit = law_gap(
            law, errors if exact.all() else errors[:, exact], whole=noise.lattice, rng=rng
        )
        found.append(("law of the noise", gap, limit))
    for message, worst, limit in found:
        values = (("max_z", worst), ("limit", limit), ("draws", float(BLOCK)))
        yield Note(task=subject.task, kind="check", message=message, values=values)


def _is_noisy(noise: Noise | None) -> bool:
    """Whether there is noise, or nothing is known of it."""
    return noise is None or bool(np.any(noise.variance > 0))
