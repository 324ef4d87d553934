"""Noisy counts of a block, made of unit-scale variates that every task shares."""

from __future__ import annotations

import attrs
import numpy as np

from dpaudit.engine.job import Job
from dpaudit.model.arrays import FloatArray
from dpaudit.noise.base import Noise, Variates
from dpaudit.stats.streams import BLOCK, PAIRS, block_generator

SharedVariates = dict[tuple[str, int], Variates]
"""Unit-scale variates of one block, by family and number of counts."""


@attrs.frozen(kw_only=True, eq=False)
class Noisy:
    """Noisy counts of a block, made of unit-scale variates when rows of them are asked for.

    Parameters
    ----------
    counts
        What is measured, shape (m,).
    noise
        Its noise.
    variates
        Of every row, arrays of shape (draws, m).
    mirrored
        Whether the noise is taken away instead of added.
    """

    counts: FloatArray
    noise: Noise
    variates: Variates
    mirrored: bool = False

    def __len__(self) -> int:
        return len(self.variates[0])

    def __getitem__(self, rows: slice) -> FloatArray:
        """Return some rows, shape (rows, m)."""
        own = tuple(each[rows] for each in self.variates)
        drawn = self.noise.from_variates(own)
        if self.mirrored:
            return self.counts - drawn
        if any(np.may_share_memory(drawn, each) for each in own):
            return self.counts + drawn
        return np.add(self.counts, drawn, out=drawn)


def noisy_counts(
    job: Job, seed: int, digest: str, block: int, shared: SharedVariates
) -> tuple[FloatArray | Noisy, ...]:
    """Return a block of noisy counts: one array (BLOCK, n), or two mirrored ones (PAIRS, n).

    ``shared`` keeps the unit-scale variates of the block by family and number of counts (a tree
    measures more of them than its entities), so that every task sees the same ones. Noise is
    mirrored (antithetic pairs, which cancel every odd order) only where the outcome is smooth in
    it. Where something is clipped, a pair without a clipped entry would cancel exactly, and the
    sample variance would know nothing of the rare pairs that do not.
    """
    counts, noise = job.chain.measured, job.chain.mechanism.noise()
    if noise is None:
        rng = block_generator(seed, digest, block)
        return (np.stack([job.chain.release(rng) for _ in range(BLOCK)]),)
    key = (noise.family, counts.size)
    if key not in shared:
        rng = block_generator(seed, digest, block)
        shared[key] = noise.variates(rng, (BLOCK, counts.size))
    made = Noisy(counts=counts, noise=noise, variates=shared[key])
    if noise.symmetric and job.is_smooth:
        half = attrs.evolve(made, variates=tuple(each[:PAIRS] for each in made.variates))
        return half, attrs.evolve(half, mirrored=True)
    return (made,)
