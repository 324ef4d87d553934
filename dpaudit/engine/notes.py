"""What must be said beside the numbers of a task: checks, assumptions, bounds and caveats."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dpaudit.engine.job import GUARD, Job
from dpaudit.engine.subject import MeasuredTask
from dpaudit.model.measurement import Note
from dpaudit.noise.base import Noise
from dpaudit.stats.bands import agreement
from dpaudit.stats.moments import Moments
from dpaudit.stats.streams import BLOCK, PILOT, block_generator


def notes_on(subject: MeasuredTask) -> Iterator[Note]:
    """Yield what a reader must know of a task beside its numbers."""
    job = subject.controlled.job
    yield from subject.checks()
    yield from _release_checks(subject)
    yield from _guards(job)
    noise = job.chain.mechanism.noise()
    if job.structure is None and not job.chain.is_nonnegative and _is_noisy(noise):
        message = (
            f"whether {job.decision.name} has an expected outcome under noise that is not "
            "bounded was not checked: a rule that divides by noisy counts has none"
        )
        yield Note(task=subject.task, kind="assumption", message=message)
    bounds = subject.spread_bounds()
    if bounds is not None:
        values = (("low", bounds.low), ("high", bounds.high))
        yield Note(task=subject.task, kind="bound", message=bounds.statement, values=values)
    for plugin in (job.chain.mechanism, *job.chain.steps, job.decision, *job.output):
        for caveat in plugin.caveats():
            yield Note(task=subject.task, kind="caveat", message=caveat)
    if subject.known.empty > 0:
        yield Note(
            task=subject.task,
            kind="empty",
            message="the release has no positive count",
            values=(("probability", subject.known.empty),),
        )


def _guards(job: Job) -> Iterator[Note]:
    if job.guard is None:
        return
    values = (("guard", GUARD),)
    yield Note(task=job.task.id, kind="definition", message=job.guard, values=values)
    if job.guard_matters:
        message = (
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
    errors = np.stack([chain.mechanism.release(counts, rng) for _ in range(BLOCK)]) - counts
    variance = np.broadcast_to(noise.variance, counts.shape)
    rounding = 1e-12 * counts
    for message, truth, sample in (
        ("mean of the noise", np.zeros_like(counts), errors),
        ("variance of the noise", variance, errors**2),
    ):
        worst, limit = agreement(truth, Moments.of(sample), rounding)
        values = (("max_z", worst), ("limit", limit), ("draws", float(BLOCK)))
        yield Note(task=subject.task, kind="check", message=message, values=values)


def _is_noisy(noise: Noise | None) -> bool:
    """Whether there is noise, or nothing is known of it."""
    return noise is None or bool(np.any(noise.variance > 0))
