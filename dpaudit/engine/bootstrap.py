"""Intervals of a plug-in audit: the published release stands in, and is released again.

An audit that takes a published release for the true counts is wrong by as much as that release
is noisy. How much that is, releases drawn from it show: each takes the place of the published
one, the audit is measured again, and the spread of its numbers widens their intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import numpy as np

from dpaudit.data.digest import digest_of
from dpaudit.engine.job import Job
from dpaudit.errors import SpecError
from dpaudit.model.arrays import frozen_floats
from dpaudit.model.dataset import Dataset
from dpaudit.model.estimate import Estimate
from dpaudit.model.measurement import Measurement
from dpaudit.model.public import PublicSpec
from dpaudit.model.results import Results
from dpaudit.stats.streams import block_generator

_STREAM = 2**42
"""Number of the first stream that releases are drawn from."""


def maker(jobs: Sequence[Job], public: PublicSpec) -> Job:
    """Return the task of the release that the published counts came from.

    Raises
    ------
    SpecError
        If no release has the name, or several points of a sweep fit it.
    """
    named = [job for job in jobs if job.task.release == public.made_by and not job.task.mitigation]
    fitting = [
        job
        for job in named
        if all(job.task.point.get(key) == value for key, value in public.at.items())
    ]
    points = {tuple(sorted(job.task.point.items())) for job in fitting}
    if len(points) != 1:
        raise SpecError(
            f"[public.release] made_by = {public.made_by!r}: {len(points)} releases fit",
            hint="name a [[release]], and with at = { epsilon = ... } the point of its sweep",
        )
    return fitting[0]


def widened(
    base: Results, job: Job, again: Callable[[Dataset], Results], *, count: int
) -> tuple[Measurement, ...]:
    """Return the measurements of ``base`` with intervals that hold the noise of the release too.

    Parameters
    ----------
    base
        The audit of the published release.
    job
        The task whose chain made it.
    again
        Measures the same audit of other counts.
    count
        How many releases are drawn.
    """
    seed, data = base.spec.run.seed, base.data
    values: dict[tuple[str, ...], list[np.ndarray]] = {}
    for b in range(count):
        rng = block_generator(seed, data.digest, _STREAM + b)
        drawn = job.chain.process(job.chain.release(rng)[np.newaxis], _only(rng))[0]
        for m in again(_with_counts(data, np.maximum(0.0, np.round(drawn)))).measurements:
            values.setdefault(_address(m), []).append(np.asarray(m.estimate.value))
    return tuple(
        _wider(m, np.array(values.get(_address(m), ())), base.spec.run.confidence)
        for m in base.measurements
    )


def _only(rng: np.random.Generator) -> Callable[[int], np.random.Generator]:
    """Return one generator for the random steps of a chain, whichever they are."""
    return lambda _position: rng


def _with_counts(data: Dataset, counts: np.ndarray) -> Dataset:
    new = frozen_floats(counts)
    columns = {name: new if name == data.count else c for name, c in data.columns.items()}
    made = attrs.evolve(data, counts=new, columns=columns)
    return attrs.evolve(made, digest=digest_of(made))


def _address(m: Measurement) -> tuple[str, ...]:
    return (m.task, m.audit, m.quantity, m.over, m.per, m.unit)


def _wider(m: Measurement, values: np.ndarray, confidence: float) -> Measurement:
    """Widen an interval by Student's t at the level that holds for every entry at once."""
    from scipy.stats import t

    kept = values[np.isfinite(values.reshape(len(values), -1)).all(axis=1)]
    if len(kept) < 2:  # noqa: PLR2004 - no spread of fewer
        return m
    spread = kept.std(axis=0, ddof=1)
    level = 1.0 - (1.0 - confidence) / max(1, np.size(m.estimate.value))
    reach = float(t.ppf((1.0 + level) / 2.0, len(kept) - 1)) * spread
    low, high = m.estimate.low - reach, m.estimate.high + reach
    if (m.estimate.low >= 0).all() and m.quantity != "bias":
        low = np.maximum(low, 0.0)
    return attrs.evolve(
        m,
        estimate=Estimate(
            value=m.estimate.value, low=low, high=high, level=min(confidence, m.estimate.level),
            method="simulated", draws=len(kept),
        ),
    )  # fmt: skip
