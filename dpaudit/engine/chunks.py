"""The unit of work: some blocks, measured for several tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from dpaudit.engine.tally import Controlled, Tally, tallies
from dpaudit.stats.aligned import Aligned, Node
from dpaudit.stats.moments import merge_tree

BLOCKS_PER_CHUNK = 4
"""Blocks in a chunk, where nobody asks for another number: the results do not depend on it."""

Halves = tuple[Tally, Tally]
"""What the even and the odd blocks of a task give: two independent halves of the draws."""

Pieces = tuple[tuple[Node[Tally], ...], tuple[Node[Tally], ...]]
"""Parts of the two halves, each with its place in the tree of all its blocks."""


@attrs.frozen
class Chunk:
    """Blocks ``first`` to ``first + count - 1``."""

    first: int
    count: int

    @property
    def blocks(self) -> range:
        """Numbers of the blocks."""
        return range(self.first, self.first + self.count)


@attrs.frozen(kw_only=True)
class Unit:
    """One piece of work: the tasks of a chunk that the cache does not have."""

    tasks: tuple[str, ...]
    chunk: Chunk
    foreign: bool

    @property
    def size(self) -> int:
        """Blocks to measure, each task's counted on its own."""
        return self.chunk.count * len(self.tasks)


def chunks(blocks: int, size: int = BLOCKS_PER_CHUNK) -> Iterator[Chunk]:
    """Cut ``blocks`` into chunks of ``size``; the last may be short."""
    for first in range(0, blocks, size):
        yield Chunk(first, min(size, blocks - first))


def measure_chunk(
    jobs: Mapping[str, Controlled], seed: int, digest: str, chunk: Chunk
) -> dict[str, Pieces]:
    """Return the merged tallies of the blocks of a chunk, by task."""
    trees: dict[str, tuple[Aligned[Tally], Aligned[Tally]]] = {
        task: (Aligned(), Aligned()) for task in jobs
    }
    for block in chunk.blocks:
        for task, (tally,) in tallies(jobs, seed, digest, [block]).items():
            trees[task][block % 2].add(Node(0, block // 2, tally))
    return {task: (even.nodes(), odd.nodes()) for task, (even, odd) in trees.items()}


def halves(blocks: list[Tally]) -> Halves:
    """Merge the even and the odd blocks of a task along the aligned tree."""
    return merge_tree(blocks[0::2]), merge_tree(blocks[1::2])
