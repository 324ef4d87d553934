"""The unit of work: an aligned chunk of blocks, measured for several jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from dpaudit.engine.tally import Controlled, Tally, tallies
from dpaudit.stats.moments import merge_tree

BLOCKS_PER_CHUNK = 4
"""A power of two, so that chunks are whole subtrees of the merge tree."""

Halves = tuple[Tally, Tally]


@attrs.frozen
class Chunk:
    """Blocks ``first`` to ``first + count - 1``."""

    number: int
    first: int
    count: int


def chunks(blocks: int) -> Iterator[Chunk]:
    """Cut ``blocks`` into aligned chunks; the last may be short."""
    for number, first in enumerate(range(0, blocks, BLOCKS_PER_CHUNK)):
        yield Chunk(number, first, min(BLOCKS_PER_CHUNK, blocks - first))


def measure_chunk(
    jobs: Mapping[str, Controlled], seed: int, digest: str, chunk: Chunk
) -> dict[str, list[Tally]]:
    """Return the tallies of every block of a chunk, by task."""
    return tallies(jobs, seed, digest, range(chunk.first, chunk.first + chunk.count))


def halves(blocks: list[Tally]) -> Halves:
    """Merge the even and the odd blocks of a task along the aligned tree."""
    return merge_tree(blocks[0::2]), merge_tree(blocks[1::2])
