"""What the attacks of an audit will cost, from one release of each."""

from __future__ import annotations

import time

import attrs

from dpaudit.engine.chunks import Chunk, Unit
from dpaudit.engine.measurer import Measurer
from dpaudit.engine.prepare import Prepared


@attrs.frozen(kw_only=True)
class AttackCost:
    """Seconds to make an attack ready and of one release; bytes of what all releases give."""

    start: float
    each: float
    kept: float
    replicates: int

    @property
    def seconds(self) -> float:
        """All together, on one processor."""
        return self.start + self.replicates * self.each


def attack_costs(prepared: Prepared, measurer: Measurer) -> dict[str, AttackCost]:
    """Play the first release of every attack twice: the second time it is ready.

    Raises
    ------
    PluginError
        If an attack fails.
    """
    made = {}
    for name, job in prepared.attacks.items():
        unit = Unit(tasks=(name,), chunk=Chunk(0, 1), foreign=job.task.foreign)
        begun = time.perf_counter()
        played = measurer.measure(unit)
        ready = time.perf_counter()
        measurer.measure(unit)
        each = time.perf_counter() - ready
        size = sum(value.nbytes for numbers in played[name] for value in numbers.values())
        made[name] = AttackCost(
            start=max(0.0, ready - begun - each),
            each=each,
            kept=float(size * job.spec.replicates),
            replicates=job.spec.replicates,
        )
    return made
