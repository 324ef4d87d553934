"""Audits of one job by simulation alone, as the engine makes them: what coverage is counted on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dpaudit.engine.subject import MeasuredTask
    from dpaudit.engine.tally import Controlled
    from dpaudit.model.dataset import Dataset


def simulated(controlled: Controlled, seed: int, data: Dataset, blocks: int = 8) -> MeasuredTask:
    """Return a job measured on blocks of 64 draws of a seed, and nothing known in closed form.

    Parameters
    ----------
    controlled
        The job, with its control.
    seed
        Of its noise: audits of other seeds are independent.
    data
        The data that it reads.
    blocks
        How many blocks of draws.
    """
    from dpaudit.engine.chunks import halves
    from dpaudit.engine.subject import MeasuredTask
    from dpaudit.engine.tally import tallies
    from dpaudit.estimators.known import Known
    from dpaudit.stats.streams import BLOCK

    parts = tallies({"t": controlled}, seed, data.digest, range(blocks))["t"]
    even, odd = halves(parts)
    return MeasuredTask(
        controlled=controlled,
        known=Known(),
        even=even,
        odd=odd,
        data=data,
        confidence=0.95,
        draws=blocks * BLOCK,
    )
