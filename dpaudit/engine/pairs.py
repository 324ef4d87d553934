"""What a mitigation changes in each draw, added up."""

from __future__ import annotations

import numpy as np

from dpaudit.engine.job import Job
from dpaudit.engine.noisy import Noisy
from dpaudit.estimators.chain import Streams
from dpaudit.model.arrays import FloatArray
from dpaudit.stats.moments import Moments

GAIN = "gain"
"""Outcome with the mitigation minus outcome without it."""

ERROR_CHANGE = "error-change"
"""Size of the error with the mitigation minus size without it."""


def paired(
    job: Job, noisy: FloatArray | Noisy, base_noisy: FloatArray | Noisy, streams: Streams
) -> dict[str, Moments]:
    """Return the moments of what a mitigation changes, a column per entity, group and total.

    Parameters
    ----------
    job
        A mitigated job, with the job that it was made of as its ``base``.
    noisy, base_noisy
        What their mechanisms gave on the same block, shapes (draws, m) and (draws', m'): the
        rows that both have are compared.
    streams
        The generators of random steps.
    """
    base = job.base
    if base is None:
        return {}
    rows = min(len(noisy), len(base_noisy))
    after = job.outcome(job.chain.process(noisy[:rows], streams), streams)
    before = base.outcome(base.chain.process(base_noisy[:rows], streams), streams)
    sizes = np.abs(after - job.truth) - np.abs(before - job.truth)
    return {
        GAIN: Moments.of(job.extended(after - before)),
        ERROR_CHANGE: Moments.of(job.extended(sizes)),
    }
