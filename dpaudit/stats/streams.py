"""Random streams that do not depend on workers, chunks or the set of tasks.

A block is 64 noise vectors. Its generator is seeded by the seed of the run, the digest of the
data and the number of the block, and by nothing else: every release, post-processor and
decision sees the same unit-scale variates (common random numbers), and adding a task changes
no other number.
"""

from __future__ import annotations

import math

import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.stats.compiled import kernel

BLOCK = 64
"""Noise vectors in a block."""

PAIRS = BLOCK // 2
"""Antithetic pairs in a block, where noise is mirrored."""
PILOT = 2**40
"""Number of the block on which controls are chosen; it never enters an estimate."""


def blocks_for(draws: int) -> int:
    """Return how many blocks hold at least ``draws`` noise vectors.

    An even number: the even and the odd blocks are two independent halves of the draws.
    """
    return 2 * max(1, math.ceil(draws / (2 * BLOCK)))


def block_generator(seed: int, digest: str, block: int, *stream: int) -> np.random.Generator:
    """Return the generator of ``block`` for data with the hex ``digest``.

    ``stream`` tells apart what draws within a block: nothing for the mechanism, the position of
    a random post-processing step.
    """
    words = (seed, int(digest[:16], 16))
    sequence = np.random.SeedSequence(words, spawn_key=(block, *stream))
    return np.random.Generator(np.random.SFC64(sequence))


def standard_exponentials(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    """Return unit exponential variates, as ``rng.standard_exponential`` does."""
    size = math.prod(shape)
    fill = kernel("exponentials", size)
    state = rng.bit_generator.state
    if fill is None or state["bit_generator"] != "SFC64":
        return rng.standard_exponential(shape)
    words, out = np.array(state["state"]["state"], dtype=np.uint64), np.empty(shape)
    fill(words, out.reshape(-1))
    rng.bit_generator.state = {**state, "state": {"state": words}}
    return out
