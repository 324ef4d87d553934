"""What is known of a job, and the same job at another budget."""

from __future__ import annotations

from typing import Any

import attrs

from dpaudit.engine.chunks import halves
from dpaudit.engine.job import Job, budget_of
from dpaudit.engine.steps import told
from dpaudit.engine.subject import MeasuredTask
from dpaudit.engine.tally import Controlled, tallies
from dpaudit.errors import PluginError
from dpaudit.estimators.curvature import curvature_of
from dpaudit.estimators.known import Known
from dpaudit.estimators.ladder import known
from dpaudit.estimators.rules import known_of_rule
from dpaudit.model.dataset import Dataset

_CHECKED = 2
"""Blocks that are simulated where the bias is known anyway."""


def known_of(job: Job, limit: float | None = None) -> Known:
    """Return what is known of a job's outcomes against its truth, whoever has changed them.

    ``limit`` is how many bytes curvature may need, by default what this machine has.
    """
    found = known(job.chain, job.declared, job.extras, job.output)
    ruled = None
    if found.bias is None and not job.output:
        ruled = known_of_rule(job.chain, job.decision, job.truth, job.extras)
    best = found.against(job.own - job.truth) if ruled is None else ruled
    if not (job.wants_curvature and job.chain.is_flat and job.chain.width == 1):
        return best
    curvature = curvature_of(
        job.decision, job.chain, job.output, change=job.wants_change, memory_limit=limit
    )
    return attrs.evolve(best, curvature=curvature)


def at_budget(
    job: Job, data: Dataset, budget: float, confidence: float, *, seed: int, blocks: int
) -> MeasuredTask:
    """Return a job as it would be measured at another budget, on the same random numbers.

    Parameters
    ----------
    job
        A job whose mechanism states its budget.
    data
        The data of the audit.
    budget
        The value of ε or ρ in place of the mechanism's own.
    confidence
        Of what is measured.
    seed, blocks
        As in the audit. Where the bias is known without simulation only two blocks are drawn.

    Raises
    ------
    PluginError
        If the mechanism does not state a budget as one number.
    """
    mechanism, chain = job.chain.mechanism, job.chain
    stated = budget_of(mechanism)
    if stated is None:
        raise PluginError(
            f"task {job.task.id!r}: mechanism {mechanism.name!r} states no budget as one number",
            hint="audit a mechanism with epsilon or rho",
        )
    parameters: dict[str, Any] = {stated[0]: budget}
    changed = attrs.evolve(mechanism, **parameters)
    where = f"task {job.task.id!r} at {stated[0]} {budget:g}"
    steps = tuple(told(chain.steps, changed, chain.hierarchy, where))
    other = Job.make(
        attrs.evolve(job.task, id=f"{job.task.id} at {stated[0]} {budget:g}"),
        attrs.evolve(chain, mechanism=changed, steps=steps),
        job.decision,
        job.output,
        groupings=job.groupings,
        truth=job.truth,
    )
    found = known_of(other)
    controlled = Controlled.choose(other, seed, data.digest)
    drawn = range(_CHECKED if found.bias is not None else blocks)
    drawn_tallies = tallies({other.task.id: controlled}, seed, data.digest, drawn)
    even, odd = halves(drawn_tallies[other.task.id])
    return MeasuredTask(
        controlled=controlled,
        known=found,
        even=even,
        odd=odd,
        data=data,
        confidence=confidence,
        draws=even.error.count + odd.error.count,
    )
