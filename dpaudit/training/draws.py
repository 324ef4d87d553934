"""The random numbers of many training runs: the same on every device and for any chunks.

Every replicate has streams of its own, seeded by the run's seed, its number, and a block of 32
steps; they are drawn by numpy and then moved to the device. Arms that share a seed share batches
and noise (common random numbers), and a run can be resumed at any block.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dpaudit.errors import UsageError
from dpaudit.training.records import IntArray

STEPS = 32
"""Steps in a block."""

_BATCHES, _NOISE, _START, STATISTICS, DIRECTION = range(5)


def generator(seed: int, replicate: int, *stream: int) -> np.random.Generator:
    """Return the generator of a stream of one replicate."""
    sequence = np.random.SeedSequence(seed, spawn_key=(replicate, *stream))
    return np.random.Generator(np.random.SFC64(sequence))


def poisson_positions(n: int, rate: float, steps: int, rng: np.random.Generator) -> IntArray:
    """Return the hits among ``steps`` n independent trials with chance ``rate``, in order.

    Parameters
    ----------
    n, rate, steps
        Records, q in (0, 1], and batches.

    Returns
    -------
    IntArray
        Positions t n + i: record i is in batch t. Each pair is a hit independently of all others.

    Notes
    -----
    The gaps are geometric, P(gap > k) = (1 - q)^k, the whole part of an exponential number with
    mean -1/log(1 - q): O(steps q n) draws for steps n trials.

    Examples
    --------
    >>> poisson_positions(3, 1.0, 2, np.random.default_rng(0)).tolist()
    [0, 1, 2, 3, 4, 5]
    """
    if not 0 < rate <= 1:
        raise UsageError(f"rate {rate!r} is not in (0, 1]", hint="give the batch over the records")
    trials = n * steps
    if rate == 1:
        return np.arange(trials, dtype=np.int64)
    decay, parts, last = -math.log1p(-rate), [], -1
    while last < trials:
        left = (trials - last) * rate
        size = int(left + 6.0 * math.sqrt(left) + 8.0)
        # A gap beyond all trials ends the search; capping it keeps it a whole number.
        gaps = np.minimum(np.floor(rng.standard_exponential(size) / decay), trials) + 1.0
        found = last + np.cumsum(gaps.astype(np.int64))
        parts.append(found)
        last = int(found[-1])
    positions = np.concatenate(parts)
    return positions[: np.searchsorted(positions, trials)]


def batches(
    n: int, rate: float, steps: int, seed: int, replicates: range
) -> Iterator[tuple[IntArray, NDArray[np.bool_]]]:
    """Yield the batch of every replicate, step by step: indices (R, B) and which of them count.

    B is the size of the largest batch; what does not count has index 0.
    """
    every = np.arange(n, dtype=np.int64)
    return _batches([every] * len(replicates), [rate] * len(replicates), steps, seed, replicates)


def batches_among(
    rows: Sequence[IntArray], batch: float, steps: int, seed: int, replicates: range
) -> Iterator[tuple[IntArray, NDArray[np.bool_]]]:
    """Yield batches as :func:`batches` does, where every replicate has records of its own.

    Parameters
    ----------
    rows
        The records of every replicate, R of them. Its batches are those that it would draw if
        there were no others.
    batch
        Expected size of a batch.
    """
    rates = [batch / len(own) for own in rows]
    return _batches(rows, rates, steps, seed, replicates)


def _batches(
    rows: Sequence[IntArray], rates: Sequence[float], steps: int, seed: int, replicates: range
) -> Iterator[tuple[IntArray, NDArray[np.bool_]]]:
    for block in range(0, steps, STEPS):
        drawn = []
        for replicate, own, rate in zip(replicates, rows, rates, strict=True):
            n = len(own)
            rng = generator(seed, replicate, _BATCHES, block // STEPS)
            positions = poisson_positions(n, rate, STEPS, rng)
            cuts = np.searchsorted(positions, n * np.arange(1, STEPS))
            drawn.append(np.split(own[positions % n], cuts))
        for step in range(min(STEPS, steps - block)):
            chosen = [batch[step] for batch in drawn]
            width = max(1, *(len(batch) for batch in chosen))
            indices = np.zeros((len(chosen), width), dtype=np.int64)
            valid = np.zeros(indices.shape, dtype=np.bool_)
            for row, batch in enumerate(chosen):
                indices[row, : len(batch)] = batch
                valid[row, : len(batch)] = True
            yield indices, valid


def noises(
    size: int, steps: int, seed: int, replicates: range, stream: int = _NOISE
) -> Iterator[NDArray[np.float32]]:
    """Yield standard normal numbers of every replicate, step by step, shape (R, P).

    ``stream`` tells the noise of gradients from that of :data:`STATISTICS` and :data:`DIRECTION`.
    """
    for block in range(0, steps, STEPS):
        streams = [generator(seed, r, stream, block // STEPS) for r in replicates]
        for _ in range(min(STEPS, steps - block)):
            yield np.stack([rng.standard_normal(size, dtype=np.float32) for rng in streams])


def starts(size: int, seed: int, replicates: range) -> NDArray[np.float64]:
    """Return uniform numbers in (-1, 1) for the first parameters of each replicate, (R, P)."""
    return np.stack([generator(seed, r, _START).uniform(-1.0, 1.0, size) for r in replicates])
