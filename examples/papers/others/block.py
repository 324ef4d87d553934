"""Counts the blocks of people that agree with what was published of one: seven people of 2019."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

import dpaudit
from dpaudit.solvers.block_universe import Statistic, common, universe

SEX, RACE, MARRIED = range(3)
PUBLISHED = {
    "1A": Statistic(where={}, count=7, median=30, mean=38),
    "2A": Statistic(where={SEX: 0}, count=4, median=30, mean=33.5),
    "2B": Statistic(where={SEX: 1}, count=3, median=30, mean=44),
    "2C": Statistic(where={RACE: 0}, count=4, median=51, mean=48.5),
    "2D": Statistic(where={RACE: 1}, count=3, median=24, mean=24),
    "3B": Statistic(where={MARRIED: 1}, count=4, median=51, mean=54, least=15),
    "4A": Statistic(where={SEX: 0, RACE: 0}, count=3, median=36, mean=36.7),
}
"""The statistics of the article (0 is female, black and single); the others are suppressed."""


@attrs.frozen(kw_only=True)
class BlockSolutions(dpaudit.Audit):
    """Count the blocks that agree with the article's table, and with parts of it.

    References
    ----------
    Garfinkel, Abowd and Martindale (2019), Understanding database reconstruction attacks on public
    data, Communications of the ACM 62(3).
    """

    name: ClassVar[str] = "block-solutions"
    once: ClassVar[bool] = True

    def measure(self, subject, rng):  # noqa: ARG002
        """Return the number of solutions with nothing left out, and with each part left out."""
        found = []
        for left_out in ((), ("2A",), ("2B",), ("2C",), ("2D",), ("2A", "2B"), ("4A",)):
            kept = [one for name, one in PUBLISHED.items() if name not in left_out]
            blocks = universe(kept, 3)
            name = "+".join(left_out) or "nothing"
            found += [
                self._made(subject, f"solutions without {name}", len(blocks)),
                self._made(subject, f"records known without {name}", len(common(blocks))),
            ]
        return found

    def _made(self, subject, quantity, value):
        return dpaudit.Measurement(
            task=subject.task, audit=self.name, quantity=quantity, unit="",
            estimate=dpaudit.Estimate.exact(float(value)),
        )  # fmt: skip


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (BlockSolutions,)
