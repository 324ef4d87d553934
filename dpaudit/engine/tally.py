"""What simulation adds up: mergeable moments of one task over blocks of noise vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs
import numpy as np

from dpaudit.engine.job import Job
from dpaudit.errors import PluginError
from dpaudit.estimators.control import DecisionControl
from dpaudit.interfaces import Control
from dpaudit.model.arrays import FloatArray
from dpaudit.noise.base import Variates
from dpaudit.stats.moments import Moments
from dpaudit.stats.streams import BLOCK, PAIRS, PILOT, block_generator


@attrs.frozen(kw_only=True, eq=False)
class Tally:
    """Moments over pairs of noise vectors, one column per entity, group and total.

    Parameters
    ----------
    error
        Outcome minus truth in the first half of each pair: plain simulation, which closed forms
        are checked against. A mirrored pair would hide clipping that is too rare to be seen.
    bias
        Outcome minus control, to which :attr:`Controlled.offset` is added.
    square
        Squared error (of the sum, in a group's column; summed over entities, in the total's).
    shortfall
        Amount by which the outcome is below the truth.
    """

    error: Moments
    bias: Moments
    square: Moments
    shortfall: Moments

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            error=self.error + other.error,
            bias=self.bias + other.bias,
            square=self.square + other.square,
            shortfall=self.shortfall + other.shortfall,
        )


@attrs.frozen(kw_only=True, eq=False)
class Controlled:
    """A job with the control that was chosen for it on the pilot block.

    ``offset`` (m,) is the known mean of the control minus the truth; ``error`` its numerical
    error; ``control`` is ``None`` for plain simulation.
    """

    job: Job
    control: tuple[Control, DecisionControl] | None
    offset: FloatArray
    error: float

    @classmethod
    def choose(cls, job: Job, seed: int, digest: str) -> Controlled:
        """Take the control if it lowers the variance on the pilot block, which is used up."""
        plain = cls(job=job, control=None, offset=np.zeros(_width(job)), error=0.0)
        control = job.control()
        if control is None:
            return plain
        offset = job.extended((control[1].mean - job.truth)[None, :])[0]
        tried = cls(job=job, control=control, offset=offset, error=control[1].error)
        n = job.chain.counts.size
        with np.errstate(all="ignore"):
            gain = [
                measure_block(each, seed, digest, PILOT, {}).bias.m2[:n].sum()
                for each in (tried, plain)
            ]
        return tried if np.isfinite(gain[0]) and gain[0] <= gain[1] else plain

    def minus_control(self, errors: FloatArray, noisy: FloatArray) -> FloatArray:
        """Return outcome minus control minus its mean, shape (draws, n)."""
        if self.control is None:
            return errors
        release, decision = self.control
        shift = decision.mean - self.job.truth
        result: FloatArray = errors - decision.expansion(release.deviation(noisy)) - shift
        return result


def noisy_pairs(
    job: Job, seed: int, digest: str, block: int, shared: dict[str, Variates]
) -> tuple[FloatArray, FloatArray]:
    """Return the two halves of a block of noisy counts, each (PAIRS, n).

    For symmetric noise the second half mirrors the first (antithetic pairs); ``shared`` keeps
    the unit-scale variates of the block by family, so that every task sees the same ones.
    """
    counts, mechanism = job.chain.counts, job.chain.mechanism
    noise = mechanism.noise()
    if noise is None:
        rng = block_generator(seed, digest, block)
        rows = np.stack([_released(job, rng) for _ in range(BLOCK)])
        return rows[0::2], rows[1::2]
    half = PAIRS if noise.symmetric else BLOCK
    key = f"{noise.family}/{half}"
    if key not in shared:
        shared[key] = noise.variates(block_generator(seed, digest, block), (half, counts.size))
    drawn = noise.from_variates(shared[key])
    if noise.symmetric:
        return counts + drawn, counts - drawn
    return counts + drawn[0::2], counts + drawn[1::2]


def measure_block(
    controlled: Controlled, seed: int, digest: str, block: int, shared: dict[str, Variates]
) -> Tally:
    """Measure one block of one job."""
    job = controlled.job
    plain, residuals, squares, shortfalls = [], [], [], []
    for noisy in noisy_pairs(job, seed, digest, block, shared):
        errors = job.outcome(job.chain.process(noisy)) - job.truth
        residuals.append(job.extended(controlled.minus_control(errors, noisy)))
        wide = job.extended(errors)
        plain.append(wide)
        squares.append(_totalled(wide**2, errors**2))
        short = np.clip(-wide, 0.0, None)
        shortfalls.append(_totalled(short, np.clip(-errors, 0.0, None)))
    return Tally(
        error=Moments.of(plain[0]),
        bias=_paired(residuals),
        square=_paired(squares),
        shortfall=_paired(shortfalls),
    )


def tallies(
    jobs: Mapping[str, Controlled], seed: int, digest: str, blocks: Iterable[int]
) -> dict[str, list[Tally]]:
    """Measure several jobs on several blocks, sharing each block's variates."""
    found: dict[str, list[Tally]] = {task: [] for task in jobs}
    for block in blocks:
        shared: dict[str, Variates] = {}
        for task, controlled in jobs.items():
            found[task].append(measure_block(controlled, seed, digest, block, shared))
    return found


def _paired(halves: list[FloatArray]) -> Moments:
    return Moments.of((halves[0] + halves[1]) / 2.0)


def _totalled(wide: FloatArray, entity: FloatArray) -> FloatArray:
    """Replace the total's column by the sum over entities of what was made of each."""
    wide[:, -1] = entity.sum(axis=1)
    return wide


def _width(job: Job) -> int:
    return job.chain.counts.size + sum(len(g.labels) for g in job.groupings.values()) + 1


def _released(job: Job, rng: np.random.Generator) -> FloatArray:
    mechanism, counts = job.chain.mechanism, job.chain.counts
    released = np.asarray(mechanism.release(counts, rng), dtype=np.float64)
    if released.shape != counts.shape or not np.isfinite(released).all():
        raise PluginError(
            f"mechanism {mechanism.name!r} released shape {released.shape} in task "
            f"{job.task.id!r}, or a value that is not finite",
            hint=f"return finite noisy counts of shape {counts.shape}",
        )
    return released
