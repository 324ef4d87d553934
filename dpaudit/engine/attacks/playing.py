"""The trials of a chunk, and how the cache keeps them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from dpaudit.engine.attacks.jobs import AttackJob
from dpaudit.engine.attacks.trials import play
from dpaudit.engine.chunks import Chunk, chunks
from dpaudit.model.arrays import FloatArray

REPLICATES_PER_CHUNK = 5
"""Releases in a unit of work; no number depends on it."""

Played = tuple[dict[str, FloatArray], ...]
"""The numbers of the replicates of a chunk, in order."""


def play_chunk(jobs: Mapping[str, AttackJob], chunk: Chunk) -> dict[str, Played]:
    """Return the numbers of the replicates of a chunk, by attack."""
    return {
        name: tuple(play(job, replicate) for replicate in chunk.blocks)
        for name, job in jobs.items()
    }


def chunks_of(job: AttackJob) -> tuple[Chunk, ...]:
    """Cut the replicates of an attack into chunks."""
    return tuple(chunks(job.spec.replicates, REPLICATES_PER_CHUNK))


def packed(played: Played) -> bytes:
    """Return the bytes of the numbers of a chunk: the same for the same numbers."""
    names = [sorted(numbers) for numbers in played]
    arrays: dict[str, Any] = {
        f"{number}_{place}": numbers[name]
        for number, numbers in enumerate(played)
        for place, name in enumerate(names[number])
    }
    arrays["names"] = np.frombuffer(json.dumps(names).encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def unpacked(body: bytes) -> Played:
    """Return the numbers that :func:`packed` wrote."""
    with np.load(io.BytesIO(body), allow_pickle=False) as stored:
        names = json.loads(stored["names"].tobytes())
        return tuple(
            {name: stored[f"{number}_{place}"] for place, name in enumerate(own)}
            for number, own in enumerate(names)
        )
