"""What a unit of work is: blocks of tasks, or releases that are attacked."""

from __future__ import annotations

from typing import TypeAlias

from dpaudit.engine.attacks.playing import Played, play_chunk
from dpaudit.engine.chunks import Chunk, Pieces, measure_chunk
from dpaudit.engine.prepare import Prepared

Measured: TypeAlias = Pieces | Played
"""Parts of the tallies of a task, or the numbers of the releases that an attack was tried on."""


def measured_of(prepared: Prepared, tasks: tuple[str, ...], chunk: Chunk) -> dict[str, Measured]:
    """Return what the blocks, or the replicates, of a chunk give, by task."""
    attacks = {task: prepared.attacks[task] for task in tasks if task in prepared.attacks}
    if attacks:
        return dict(play_chunk(attacks, chunk))
    jobs = {task: prepared.controlled[task] for task in tasks}
    return dict(measure_chunk(jobs, prepared.spec.run.seed, prepared.data.digest, chunk))
