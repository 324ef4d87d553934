"""What simulation adds up: mergeable moments of one task over blocks of noise vectors."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs
import numpy as np

from dpaudit.engine.job import Job
from dpaudit.engine.noisy import Noisy, SharedVariates, noisy_counts
from dpaudit.engine.pairs import paired
from dpaudit.estimators.chain import Streams
from dpaudit.estimators.control import DecisionControl
from dpaudit.estimators.near import Near, near_outcomes
from dpaudit.model.arrays import FloatArray
from dpaudit.stats.moments import Moments, negative_part
from dpaudit.stats.streams import PILOT, block_generator

_SAME = 1e-9
"""Outcomes that differ by less, relative to the truth or to 1, are the same."""

_AT_ONCE = 2**17
"""Outcomes that are measured at once: what a processor's cache holds."""


@attrs.frozen(kw_only=True, eq=False)
class Tally:
    """Moments over noise vectors (or mirrored pairs), a column per entity, group and total.

    Parameters
    ----------
    error
        Outcome minus truth, without mirrored draws: plain simulation, which closed forms are
        checked against.
    bias
        Outcome minus control, to which :attr:`Controlled.offset` is added.
    square
        Squared error (of the sum, in a group's column; summed over entities, in the total's).
    shortfall
        Amount by which the outcome is below the truth.
    extra
        What audits asked for: ``share`` (of the sum, minus the true share), ``changed`` (1
        where an outcome, or any of a sum, is not the true one), ``erased`` (1 where
        an outcome vanished), ``invented`` (1 where one appeared). Of outcomes that are near
        (:attr:`Controlled.near`) their ``near-error`` and ``near-square`` and, as
        ``square-beyond``, the squared error minus theirs.
    """

    error: Moments
    bias: Moments
    square: Moments
    shortfall: Moments
    extra: Mapping[str, Moments] = attrs.field(factory=dict)

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            error=self.error + other.error,
            bias=self.bias + other.bias,
            square=self.square + other.square,
            shortfall=self.shortfall + other.shortfall,
            extra={name: self.extra[name] + other.extra[name] for name in self.extra},
        )

    def part(self, name: str) -> Moments:
        """Return the moments called ``name``."""
        found: Moments = self.extra[name] if name in self.extra else getattr(self, name)
        return found


@attrs.frozen(kw_only=True, eq=False)
class Controlled:
    """A job with the control that was chosen for it on the pilot block.

    ``offset`` (m,) is the known mean of the control minus the truth; ``control`` is ``None`` for
    plain simulation and where outcomes of the mechanism's own release are ``near``: they are the
    control then.
    """

    job: Job
    control: DecisionControl | None
    offset: FloatArray
    near: Near | None = None

    @classmethod
    def choose(cls, job: Job, seed: int, digest: str) -> Controlled:
        """Take the control if it lowers the variance on the pilot block, which is used up."""
        near = near_outcomes(job.chain, job.structure)
        if near is not None:
            # No pilot: what makes it the better control may be an event that no draw shows.
            near = near.against(job.own - job.truth)
            offset = job.extended(near.bias.value[None, :])[0]
            return cls(job=job, control=None, offset=offset, near=near)
        plain = cls(job=job, control=None, offset=np.zeros(job.width))
        control = None if job.is_random_after_noise else job.control()
        if control is None:
            return plain
        if job.is_declared_smooth and not control.is_complete:
            return plain  # a projection's stand-in misses rare events, and its band the truth
        offset = job.extended((control.mean - job.truth)[None, :])[0]
        tried = cls(job=job, control=control, offset=offset)
        n = job.n
        with np.errstate(all="ignore"):
            gain = [
                measure_block(each, seed, digest, PILOT, {}).bias.m2[:n].sum()
                for each in (tried, plain)
            ]
        return tried if np.isfinite(gain[0]) and gain[0] <= gain[1] else plain

    @property
    def is_complete(self) -> bool:
        """Whether the control knows every event of the release, however rare."""
        noise = self.job.chain.mechanism.noise()
        return self.control is not None and noise is not None and self.control.is_complete

    @property
    def is_controlled(self) -> bool:
        """Whether anything is subtracted from the draws."""
        return self.near is not None or self.control is not None

    def minus_control(self, errors: FloatArray, noisy: FloatArray) -> FloatArray:
        """Return outcome minus control minus its mean, shape (draws, n)."""
        if self.near is not None:
            return errors - self.near_errors(noisy)
        if self.control is None:
            return errors
        shift = self.control.mean - self.job.truth
        result: FloatArray = errors - self.control.expansion(noisy) - shift
        return result

    def near_errors(self, noisy: FloatArray) -> FloatArray:
        """Return the errors of the outcomes of the mechanism's own release, shape (draws, n)."""
        return self.job.outcome(self.job.chain.bare.process(noisy)) - self.job.truth


def measure_block(
    controlled: Controlled, seed: int, digest: str, block: int, shared: SharedVariates
) -> Tally:
    """Measure one block of one job."""
    streams = step_streams(seed, digest, block)
    job = controlled.job
    drawn = noisy_counts(job, seed, digest, block, shared)
    tally = tally_of(controlled, drawn, streams)
    if job.base is None:
        return tally
    before = noisy_counts(job.base, seed, digest, block, shared)
    return attrs.evolve(tally, extra={**tally.extra, **paired(job, drawn[0], before[0], streams)})


def tally_of(
    controlled: Controlled, drawn: Sequence[FloatArray | Noisy], streams: Streams | None = None
) -> Tally:
    """Measure one job on what its mechanism gave: one array (draws, n), or two mirrored ones."""
    found = [_rows_of(controlled, noisy, streams) for noisy in drawn]
    error, square, shortfall = Moments.of_errors(found[0]["error"])
    if len(found) > 1:
        square, shortfall = (
            _averaged([change(rows["error"]) for rows in found]) for change in _SUMMED.values()
        )
    names = [name for name in found[0] if name not in {"error", "bias", *_SUMMED}]
    if "bias" in found[0]:
        bias = _averaged([rows["bias"] for rows in found])
    else:
        bias = error if len(found) == 1 else _averaged([rows["error"] for rows in found])
    return Tally(
        error=error,
        bias=bias,
        square=square.ending_with(_totals("square", found)),
        shortfall=shortfall.ending_with(_totals("shortfall", found)),
        extra={name: _averaged([rows[name] for rows in found]) for name in names},
    )


def _rows_of(
    controlled: Controlled, noisy: FloatArray | Noisy, streams: Streams | None
) -> dict[str, FloatArray]:
    """Return what is measured of each draw, shape (draws, m), and sums over entities (draws,).

    A few draws at a time, as many as the processor's cache holds, unless a step draws random
    numbers of its own.
    """
    draws, width = len(noisy), controlled.job.width
    step = draws if controlled.job.is_random_after_noise else max(1, _AT_ONCE // width)
    found = {"error": np.empty((draws, width))}
    for start in range(0, draws, step):
        rows = slice(start, min(start + step, draws))
        part = _measured(controlled, noisy[rows], streams, found["error"][rows])
        for name, values in part.items():
            if name not in found:
                found[name] = np.empty((draws, *values.shape[1:]))
            found[name][rows] = values
    return found


def _measured(
    controlled: Controlled, noisy: FloatArray, streams: Streams | None, wide: FloatArray
) -> dict[str, FloatArray]:
    """Write the errors of draws that are measured at once to ``wide``; return all else."""
    job = controlled.job
    outcomes = job.outcome(job.chain.process(noisy, streams), streams)
    errors = np.subtract(outcomes, job.truth, out=wide[:, : job.n])
    job.extend(wide)
    found = {name: change(errors).sum(axis=1) for name, change in _SUMMED.items()}
    if controlled.is_controlled:
        found["bias"] = job.extended(controlled.minus_control(errors, noisy))
    for name in sorted(job.extras):
        rows = job.extended(_EXTRAS[name](outcomes, job.truth))
        # Of a sum it is asked whether any of its outcomes changed.
        found[name] = np.minimum(rows, 1.0) if name == "changed" else rows
    if controlled.near is not None:
        close = controlled.near_errors(noisy)
        found["near-error"] = job.extended(close)
        found["near-square"] = _totalled(found["near-error"] ** 2, job.n)
        found["square-beyond"] = _totalled(wide * wide, job.n) - found["near-square"]
    return found


def _totals(name: str, found: Sequence[Mapping[str, FloatArray]]) -> Moments:
    """Return the moments of a sum over entities of what is made of each error, one column."""
    return _averaged([rows[name][:, None] for rows in found])


_SUMMED: Mapping[str, Callable[[FloatArray], FloatArray]] = {
    "square": np.square,
    "shortfall": negative_part,
}
"""What is made of the error of each outcome; the total's column has the sum over entities."""


def step_streams(seed: int, digest: str, block: int) -> Streams:
    """Return the generators of a block's random steps."""
    return functools.partial(_stream, seed, digest, block)


def _stream(seed: int, digest: str, block: int, position: int) -> np.random.Generator:
    """Return the generator of a random step; 0 is left to the mechanism."""
    return block_generator(seed, digest, block, position + 1)


def shares(outcomes: FloatArray, truth: FloatArray) -> FloatArray:
    """Return each outcome's share of the sum minus its true share; 0 of a sum that is 0."""
    return _share(outcomes) - _share(truth)


def _share(values: FloatArray) -> FloatArray:
    total = values.sum(axis=-1, keepdims=True)
    share: FloatArray = np.divide(values, total, out=np.zeros_like(values), where=total > 0)
    return share


def _erased(outcomes: FloatArray, truth: FloatArray) -> FloatArray:
    return ((outcomes <= 0) & (truth > 0)).astype(np.float64)


def _invented(outcomes: FloatArray, truth: FloatArray) -> FloatArray:
    return ((outcomes > 0) & (truth <= 0)).astype(np.float64)


def _changed(outcomes: FloatArray, truth: FloatArray) -> FloatArray:
    return (np.abs(outcomes - truth) > _SAME * np.maximum(1.0, np.abs(truth))).astype(np.float64)


_EXTRAS = {"share": shares, "erased": _erased, "invented": _invented, "changed": _changed}


def tallies(
    jobs: Mapping[str, Controlled], seed: int, digest: str, blocks: Iterable[int]
) -> dict[str, list[Tally]]:
    """Measure several jobs on several blocks, sharing each block's variates."""
    found: dict[str, list[Tally]] = {task: [] for task in jobs}
    for block in blocks:
        shared: SharedVariates = {}
        for task, controlled in jobs.items():
            found[task].append(measure_block(controlled, seed, digest, block, shared))
    return found


def _averaged(parts: list[FloatArray]) -> Moments:
    """Return the moments of single draws, or of the means of mirrored pairs."""
    return Moments.of(parts[0] if len(parts) == 1 else (parts[0] + parts[1]) / 2.0)


def _totalled(wide: FloatArray, n: int) -> FloatArray:
    """Replace the total's column by the sum over the ``n`` entities of what was made of each."""
    wide[:, -1] = wide[:, :n].sum(axis=1)
    return wide
