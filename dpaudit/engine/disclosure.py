"""A report of confidential counts through noise of its own: what ``--public dp`` may say.

For a release ``max(x + X, 0)`` with independent symmetric noise the bias of an entity is
``B(x) = E (x + X)^+ - x``, convex and falling in x. One person moves one count by one and so one
bias by at most ``B(0) - B(1)``, which is below one half. The gap between entities and the sums
over groups are then released with whole-number Laplace noise on a fine grid.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TypeVar

import attrs
import numpy as np

from dpaudit.config.public_table import refuse_uncovered
from dpaudit.engine.failures import Failures
from dpaudit.engine.job import Job
from dpaudit.engine.prepare import prepare
from dpaudit.errors import DisclosureError, DpauditError, SpecError
from dpaudit.model.confidential import Confidential
from dpaudit.model.estimate import Estimate
from dpaudit.model.measurement import Measurement
from dpaudit.model.spec import Spec
from dpaudit.model.structure import Linear
from dpaudit.noise.base import Noise
from dpaudit.privacy.discrete_laplace import discrete_laplace, half_width
from dpaudit.registry import Registry

T = TypeVar("T")
FloatVector = np.ndarray
Draw = Callable[[Fraction], int]

GRID = 1024
"""Steps of the grid in one sensitivity."""


@attrs.frozen(kw_only=True, eq=False)
class Disclosed:
    """What may be said of confidential counts, and what it costs.

    Parameters
    ----------
    measurements
        Noisy numbers with their intervals.
    budget
        ε of all of them together, beyond the release itself.
    releases
        By task the ε that the release itself spends, or infinity.
    sensitivity
        By task the most by which one person moves the bias of one entity, persons.
    entities
        How many entities there are: public, with their names and groups.
    left_out
        Groupings that are made of the counts themselves, and tasks whose numbers have no known
        sensitivity.
    """

    measurements: tuple[Measurement, ...]
    budget: float
    releases: dict[str, float]
    sensitivity: dict[str, float]
    neighbours: str
    entities: int
    left_out: tuple[str, ...]


def disclose(
    spec: Spec,
    *,
    registry: Registry | None = None,
    files: tuple[str, ...] = (),
    draw: Draw = discrete_laplace,
) -> Disclosed:
    """Release what can be released of an audit of confidential counts.

    Parameters
    ----------
    spec
        An audit that was loaded with ``public="dp"``.
    registry, files
        As for :func:`dpaudit.run`.
    draw
        Whole-number Laplace noise of a scale. Anything but the default is for tests.

    Raises
    ------
    DisclosureError
        If anything fails: the reason may hold counts and is not told.
    SpecError
        If no number of the audit has a known sensitivity.
    UsageError
        If the audit holds learners or attacks, which no public mode covers.
    """
    public = spec.public
    if public is None or public.mode != "dp" or public.epsilon is None:
        raise SpecError(
            "the audit was not read for a report through noise",
            hint='load it with public="dp" and give [public.dp] an epsilon',
        )
    refuse_uncovered(training=spec.training is not None, attacks=bool(spec.attacks))
    prepared = guarded(lambda: prepare(spec, files, registry, Failures(raises=True)))
    jobs = [each.job for each in prepared.controlled.values()]
    told = [job for job in jobs if _is_known(job)]
    if not told:
        raise SpecError(
            "no number of this audit has a known sensitivity",
            hint='a release of noise and "non-negative" with the decision "counts" has; '
            "else report on public data: --public proxy",
        )
    hidden = _made_of_counts(spec)
    groupings = [name for name in told[0].groupings if name not in hidden]
    each = Fraction(public.epsilon) / (len(told) * (1 + len(groupings)))
    made = guarded(lambda: [_released(job, groupings, each, spec, draw) for job in told])
    return Disclosed(
        measurements=tuple(m for found in made for m in found),
        budget=public.epsilon,
        releases={job.task.id: float(job.chain.mechanism.privacy().epsilon) for job in told},
        sensitivity={job.task.id: _sensitivity(job) for job in told},
        neighbours=_neighbours(told),
        entities=len(prepared.data),
        left_out=(*sorted(hidden), *(job.task.id for job in jobs if job not in told)),
    )


def guarded(compute: Callable[[], T]) -> T:
    """Return what ``compute`` returns; what it raises is told without its words.

    A message about data names the cell and repeats it, and a traceback may show more.
    """
    try:
        return compute()
    except (DpauditError, Exception) as error:  # noqa: BLE001 - whatever it is, it is not told
        kind = type(error).__name__
    raise DisclosureError(
        f"the confidential data could not be measured ({kind})",
        hint="in the house, run the audit without --public: it says why",
    )


def _is_known(job: Job) -> bool:
    """Whether a task gives the counts themselves, with clipped independent symmetric noise."""
    noise, _ = job.chain.reduced()
    declared = job.structure
    return (
        job.task.mitigation is None
        and not job.task.foreign
        and not job.output
        and job.chain.width == 1
        and job.chain.is_clipped
        and noise is not None
        and noise.symmetric
        and isinstance(declared, Linear)
        and declared.slope is not None
        and bool(np.all(declared.slope == 1.0))
    )


def _made_of_counts(spec: Spec) -> set[str]:
    """Return the groupings whose members depend on the confidential counts."""
    classes = {n for n, one in spec.data.classes.items() if one.column in spec.data.true_counts}
    return {" × ".join(parts) for parts in spec.data.groups if classes & set(parts)}


def _noise(job: Job) -> Noise:
    """Return the noise on the counts of a task."""
    noise, _ = job.chain.reduced()
    if noise is None:
        raise SpecError(
            f"task {job.task.id!r} has no noise",
            hint="leave releases without noise out of a public report",
        )
    return noise


def _sensitivity(job: Job) -> float:
    """Return the most by which one count that moves by one moves its bias, persons."""
    noise = _noise(job)
    n = job.chain.counts.size
    fall = noise.excess(np.zeros(n)) - (noise.excess(np.ones(n)) - 1.0)
    return float(np.max(fall))


def _neighbours(jobs: list[Job]) -> str:
    kinds = {job.chain.mechanism.neighbours for job in jobs}
    return "replace" if "replace" in kinds else "add-remove"


def _released(
    job: Job, groupings: list[str], budget: Fraction, spec: Spec, draw: Draw
) -> list[Measurement]:
    """Return the noisy gap between entities and the noisy sums over groups."""
    noise = _noise(job)
    counts = Confidential(job.chain.counts)
    bias = Confidential(noise.excess(counts.reveal()) - counts.reveal())
    moved = 2 if job.chain.mechanism.neighbours == "replace" else 1
    step = _sensitivity(job) / GRID
    # A number that moves by the sensitivity moves by one step more where it is rounded, and by
    # another where the last bit of a float is; a person who is replaced moves two of them.
    scale = Fraction(moved * (GRID + 2)) / budget
    gap = Confidential(np.array([np.ptp(bias.reveal())]))
    made = [_measured(job, "alpha-fairness", "entity", (), gap, (step, scale), spec, draw)]
    for name in groupings:
        grouping = job.groupings[name]
        sums = Confidential(grouping.sums(bias.reveal()))
        made.append(
            _measured(job, "bias", name, grouping.labels, sums, (step, scale), spec, draw)
        )  # fmt: skip
    return made


def _measured(  # noqa: PLR0917 - one number on its way out
    job: Job,
    quantity: str,
    over: str,
    labels: tuple[str, ...],
    value: Confidential[FloatVector],
    noise: tuple[float, Fraction],
    spec: Spec,
    draw: Draw,
) -> Measurement:
    step, scale = noise
    cells = [round(float(v) / step) + draw(scale) for v in value.reveal()]
    noisy = np.array([cell * step for cell in cells])
    level = 1.0 - (1.0 - spec.run.confidence) / len(cells)
    reach = (half_width(scale, level) + 1) * step
    low, high = noisy - reach, noisy + reach
    # A clipped release is never too low on average: what is below zero is noise.
    noisy, low, high = (np.maximum(one, 0.0) for one in (noisy, low, high))
    if not labels:
        noisy, low, high = noisy[0], low[0], high[0]
    return Measurement(
        task=job.task.id, audit=quantity, quantity=quantity, unit="persons", over=over,
        labels=labels,
        estimate=Estimate(value=noisy, low=low, high=high, level=spec.run.confidence,
                          method="simulated", draws=1),
    )  # fmt: skip
